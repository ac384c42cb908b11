// The socket of one call: resumes after the last number without loss, and says how the connection stands.

const FIRST_MS = 400;
const LONGEST_MS = 10_000;
/** Close codes of docs/calls.md after which another try is of no use. */
const FINAL = { 4401: "unknown", 4403: "forbidden", 1008: "policy" };

export class Line {
  /** `heard` gets each message; `stands` gets `connecting`, `live`, `again`, `over`, or why it ended for good. */
  constructor(call, heard, stands) {
    Object.assign(this, { call, heard, stands, after: 0, waiting: new Map(), wait: FIRST_MS, socket: null, timer: 0, ended: false });
    addEventListener("online", () => this.open());
    addEventListener("offline", () => this.lost());
  }

  /** Connects, unless it is connected or was ended. */
  open() {
    clearTimeout(this.timer);
    if (this.ended || this.socket) return;
    this.stands(this.after ? "again" : "connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/calls/${encodeURIComponent(this.call)}?after=${this.after}`);
    this.socket = socket;
    socket.addEventListener("message", (event) => this.socket === socket && this.take(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.socket === socket && this.closed(event.code));
  }

  /** Says an utterance, now or once it is connected again; one that is sent twice counts once. */
  say(utterance) {
    this.waiting.set(utterance.sequence, utterance);
    this.send(utterance);
  }

  /** Follows no more, until `resume`. */
  end(why = "over") {
    this.ended = true;
    this.drop();
    this.stands(why);
  }

  /** Follows again. */
  resume() {
    this.ended = false;
    this.open();
  }

  send(utterance) {
    if (this.live) this.socket.send(JSON.stringify({ utterance }));
  }

  take(message) {
    if (message.type === "state") {
      this.live = true;
      this.wait = FIRST_MS;
      this.after = Math.max(this.after, message.number);
      this.stands("live");
      for (const utterance of this.waiting.values()) this.send(utterance);
    } else if (message.type === "utterance") {
      this.after = Math.max(this.after, message.number - 1); // what it suggests is still to come
    } else if (message.type === "suggestions") {
      this.after = Math.max(this.after, message.number);
    } else if (message.type === "heard") {
      this.waiting.delete(message.sequence);
    } else if (message.type === "error") {
      message.unsent = [...this.waiting.values()];
      this.waiting.clear();
    }
    this.heard(message);
  }

  async closed(code) {
    const was = this.live;
    this.drop();
    if (FINAL[code]) return this.end(FINAL[code]);
    this.stands("again");
    if (!was && code === 1006 && await refused()) return this.end("unknown");
    this.later();
    return undefined;
  }

  /** The browser knows that there is no network: whatever is sent on the socket goes nowhere. */
  lost() {
    if (this.ended) return;
    this.drop();
    this.stands("again");
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    if (this.ended) return;
    this.timer = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_MS);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    this.live = false;
    clearTimeout(this.timer);
    socket?.close();
  }
}

/** Whether it is the session that is over, and not the network; a refused handshake tells no page why. */
const refused = async () => {
  try {
    const reply = await fetch("/api/session");
    return reply.status === 401 || (reply.ok && !(await reply.json()).id);
  } catch {
    return false;
  }
};

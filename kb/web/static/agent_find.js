// Looks up what is typed: over the live socket, by plain requests while that is away; and records what is meant.
import { asPerson, settled, signIn } from "./kit.js";

const HITS = 9;
const SLOW_MS = 400; // without the socket each request is a recorded search: not for every letter
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const LOST = 4401;
const FORBIDDEN = 4403;

/** What is asked for, as `GET /api/search` takes it. */
const parameters = ({ text, context, ...filters }) => {
  const query = new URLSearchParams({ q: text, k: HITS });
  for (const [name, value] of Object.entries(filters)) if (value) query.set(name, value);
  for (const known of context) query.append("context", known);
  return query;
};

/** What is asked for, as `WS /api/typing` takes it. */
const message = (query, { text, context, ...filters }) => {
  const given = Object.entries(filters).filter(([, value]) => value);
  return JSON.stringify({ query, text, k: HITS, context, ...Object.fromEntries(given) });
};

export class Finder {
  /** `found(wanted, result)`, `failed(detail)`, and `stands(state)`: live, away or over. */
  constructor({ found, failed, stands }) {
    Object.assign(this, { found, failed, stands });
    this.query = 0;
    this.wait = FIRST_WAIT_MS;
    this.recorded = { key: null, result: null };
    this.slowly = settled((wanted) => this.plainly(wanted), SLOW_MS);
    addEventListener("online", () => this.connect());
    this.connect();
  }

  /** Looks for what is typed; only the newest is answered. */
  type(wanted) {
    if (this.over) location.assign(signIn()); // a search by nobody would find what is public, and hide that
    this.wanted = wanted;
    this.query += 1;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message(this.query, wanted));
    else this.slowly(wanted);
  }

  /** Nothing is looked for any more. */
  forget() {
    this.query += 1;
    this.wanted = null;
  }

  /** The recorded search for something: made once, however often it is asked for. Rejects where it cannot be. */
  record(wanted) {
    const key = JSON.stringify(wanted);
    if (this.recorded.key !== key) {
      const result = this.search(wanted);
      this.recorded = { key, result };
      result.catch(() => { this.recorded = { key: null, result: null }; });
    }
    return this.recorded.result;
  }

  /** Shows the recorded search. */
  async plainly(wanted) {
    this.wanted = wanted;
    const query = this.query += 1;
    try {
      const result = await this.record(wanted);
      if (query === this.query) this.found(wanted, result);
    } catch (error) {
      if (query === this.query) this.failed(error.message);
    }
  }

  async search(wanted) {
    if (this.over) location.assign(signIn());
    const reply = await asPerson("GET", `/api/search?${parameters(wanted)}`);
    const body = await reply.json();
    if (!reply.ok) throw new Error(body.detail);
    return body;
  }

  connect() {
    clearTimeout(this.again);
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    const socket = this.socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/typing`);
    socket.addEventListener("open", () => {
      this.wait = FIRST_WAIT_MS;
      this.stands("live");
    });
    socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.ended(event.code));
  }

  take(told) {
    if (told.query !== this.query) return;
    if (told.type === "error") this.failed(told.detail);
    else this.found(this.wanted, told);
  }

  async ended(code) {
    if (code === LOST || code === FORBIDDEN || await this.isOver()) {
      this.over = true;
      this.stands("over");
      return;
    }
    this.stands("away");
    if (this.wanted) this.slowly(this.wanted);
    this.again = setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  /** Whether the session has ended: a refused socket does not say why. */
  async isOver() {
    try {
      return (await (await fetch("/api/session")).json()).role === "public";
    } catch {
      return false;
    }
  }
}

// Server-sent events by fetch, which unlike EventSource can leave the browser's session out.

const AGAIN_MS = 1_000;
const TRIES = 5;

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** One event's fields from its lines (HTML Living Standard, 9.2.6). */
const parsed = (block) => {
  const event = { name: "message", data: [], id: null };
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event.name = value;
    else if (field === "data") event.data.push(value);
    else if (field === "id") event.id = value;
  }
  return event;
};

const blocks = async function* (body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    const whole = waiting.replace(/\r\n?(?=[^])/g, "\n").split("\n\n");
    waiting = whole.pop();
    yield* whole;
  }
};

/** Hands each event to `take(name, value)` until that returns true; a broken connection is gone on with. */
export const events = async (url, take) => {
  let last = null;
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (tries) await pause(AGAIN_MS);
    try {
      const headers = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": last }) };
      const reply = await fetch(url, { credentials: "omit", cache: "no-store", headers });
      if (reply.status === 204 || (reply.status >= 400 && reply.status < 500)) break;
      if (!reply.ok) continue;
      for await (const block of blocks(reply.body)) {
        const event = parsed(block);
        if (event.id !== null) last = event.id;
        if (event.data.length && take(event.name, JSON.parse(event.data.join("\n")))) return;
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
    }
  }
  throw new Error("the stream ended early");
};

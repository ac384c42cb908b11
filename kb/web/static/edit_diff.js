// What differs between two texts, drawn so that eyes and screen readers tell old from new.
import { ask } from "./edit_desk.js";
import { fill, make, texts } from "./kit.js";

const tag = { removed: "del", added: "ins" };
const piece = (kind, text) => kind === "same" ? text : make(tag[kind], {}, make("span", { className: "hidden", textContent: ` ${texts[kind]} ` }), text);
const row = (line) => make("div", { className: `line ${line.kind}` },
  make("span", { className: "faint", "aria-hidden": "true", textContent: line.new ?? line.old }),
  make("span", {}, ...line.parts.map((part) => piece(part.kind, part.text))));

/** A `difference` of the API. */
export const drawn = (difference) => {
  if (!difference.hunks.length) return make("p", { className: "empty", textContent: texts.noDifference });
  const hunks = difference.hunks.map((hunk) => make("div", { className: "hunk", role: "group", "aria-label": fill(texts.line, { line: hunk.lines[0].new ?? hunk.lines[0].old }) }, ...hunk.lines.map(row)));
  return make("div", { className: "diff" }, ...hunks);
};

/** Two texts compared by the server. */
export const compared = async (old, other) => {
  const reply = await ask("/api/differences", { old, new: other });
  return reply?.ok ? drawn(await reply.json()) : make("p", { className: "problem", textContent: texts.failed });
};

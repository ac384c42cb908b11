// What is copied: made by the server, for customers of what anybody may read alone; and told word for word.
import { asPerson, fill, make, problemOf, texts } from "./kit.js";

const clip = document.getElementById("clip");
const SHOWN_MS = 9000;
let timer;

/** Says what became of something, with the text that it is about. */
export const tell = (what, text = "", kind = "") => {
  clip.className = `clip ${kind}`;
  clip.replaceChildren(make("p", { textContent: what }), ...(text ? [make("blockquote", { textContent: text })] : []));
  clearTimeout(timer);
  timer = setTimeout(hush, SHOWN_MS);
};

/** Takes it away. */
export const hush = () => clip.replaceChildren();

/** Puts a text into the clipboard; without leave to do so (a page within another's) by the older way. */
const write = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { value: text, className: "hidden", "aria-hidden": "true", tabIndex: -1 });
    const focused = document.activeElement;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return done;
  }
};

const byHand = (text) => {
  const field = make("textarea", { value: text, readOnly: true, rows: 6, "aria-label": texts.byHand });
  clip.replaceChildren(make("p", { textContent: texts.byHand }), field);
  clearTimeout(timer);
  field.select();
};

const named = ({ part, title, heading }) => {
  const which = { section: heading.length ? texts.section : texts.article, article: texts.article, note: texts.note, ticket: texts.ofTicket };
  return fill(which[part], { title, heading: heading.at(-1) });
};

/** Copies what is named, for customers or as internal; true where it was copied. */
export const copy = async ({ document_id: id, passage_id: passage, title }, internal) => {
  const asked = new URLSearchParams({ internal });
  if (passage) asked.set("passage", passage);
  const reply = await asPerson("GET", `/api/documents/${encodeURIComponent(id)}/copy?${asked}`);
  if (!reply.ok) {
    tell(reply.status === 404 ? texts.gone : await problemOf(reply, texts.failed), "", "bad");
    return false;
  }
  const made = await reply.json();
  if (made.text === null) {
    tell(fill(texts.secret, { title }), "", "bad");
    return false;
  }
  if (!await write(made.text)) {
    byHand(made.text);
    return true;
  }
  const said = internal ? texts.copiedInternal : texts.copied;
  tell(fill(said, { what: named(made) }), made.text, internal ? "internal" : "good");
  return true;
};

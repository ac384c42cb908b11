// The article at hand, as the pages' parts share it: its number, its text, its requests, and who wants to know of changes.
import { asPerson, texts } from "./kit.js";

const held = document.getElementById("article").dataset;
const written = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" });
const called = JSON.parse(held.called);
const listeners = { change: [], stored: [] };

export const me = held.me;
export const approval = Boolean(held.approval);
export const moves = JSON.parse(held.moves);
export const pictures = held.pictures;
export const when = (iso) => written.format(new Date(iso));
export const hour = (iso) => (new Date(iso).toDateString() === new Date().toDateString() ? clock : written).format(new Date(iso));
export const who = (actor) => ({ files: texts.file, server: texts.service })[actor] ?? called[actor] ?? actor;
export const page = (id) => `/edit/${id.split("/").map(encodeURIComponent).join("/")}${id === "new" ? "?article" : ""}`;
export const shownAt = (id) => `/articles/${id.split("/").map(encodeURIComponent).join("/")}`;
export const part = (id) => document.getElementById(id);
export const reasonOf = (problem) => part("reasons").dataset[problem.reason] ?? problem.detail ?? texts.failed;

/** What the server has (`shown`), and what stands in the fields (`text()`, given by the page's main script). */
export const desk = {
  id: held.id,
  shown: null,
  saved: "",
  text: () => "",
  put: () => {},
  get number() { return this.shown?.revision ?? 0; },
  get dirty() { return this.text() !== this.saved; },
  on(name, act) { listeners[name].push(act); },
  tell(name) { for (const act of listeners[name]) act(); },
  /** What the server says of the article now becomes what is known of it; `text` is what it was sent. */
  accept(shown, text) {
    this.shown = shown;
    this.id = shown.id;
    this.saved = text;
    this.tell("stored");
  },
  /** A request about the article; null where nobody answers. */
  async ask(method, rest, body) {
    try {
      const match = method === "GET" ? {} : { "If-Match": `"${this.number}"` };
      return await asPerson(method, `/api/articles/${encodeURIComponent(this.id)}${rest}`, body, match);
    } catch {
      return null;
    }
  },
};

/** Posts to an address that is not the article's; null where nobody answers. */
export const ask = async (url, body) => {
  try {
    return await asPerson("POST", url, body);
  } catch {
    return null;
  }
};

// The two lanes of what was found: articles and tickets, never mixed, each hit with what an agent must know of it.
import { fill, make, settled, texts } from "./kit.js";

const SURE = 0.85;
const LIKELY = 0.5;
const SNIPPET = 240;
const BEFORE = 40;
/** Marks of Markdown that a reader of a snippet does without, and what stands for them. */
const MARKUP = /\*\*|`|^#+ +|^\|[-:| ]+\|$\n?|^\| *| *\|$|( +\| +)|^[-*] |!?\[(?=[^\]]*\]\()|\]\([^)]*\)/gm;

const languages = new Intl.DisplayNames(document.documentElement.lang, { type: "language" });
const articles = document.getElementById("articles");
const tickets = document.getElementById("tickets");
const lane = document.getElementById("tickets-lane");
const none = document.getElementById("none");
const count = document.getElementById("count");

/** Whether somebody may read it to a customer. */
export const isPublic = (hit) => hit.kind === "article" && hit.audience.includes("public");

export const tag = (text, kind = "") => make("span", { className: `tag ${kind}`, textContent: text });

/** The name of a language, in the reader's own. */
export const languageName = (code) => {
  try {
    return languages.of(code);
  } catch {
    return code;
  }
};

const confidence = (hit) => (hit.confidence >= SURE ? "sure" : hit.confidence >= LIKELY ? "likely" : "perhaps");

/** Positions count code points where they come from, and UTF-16 units here. */
const units = (text) => {
  const at = [0];
  for (const character of text) at.push(at.at(-1) + character.length);
  return at;
};

/** A stretch of a text, its spans marked, without marks of Markdown. */
const marked = (text, from, to, words, answer) => {
  const pieces = [];
  const cuts = [...text.matchAll(MARKUP)].map((cut) => ({ start: cut.index, end: cut.index + cut[0].length, text: cut[1] ? " · " : "" }));
  const edges = new Set([from, to]);
  for (const span of [...words, ...answer, ...cuts.map((cut) => [cut.start, cut.end])]) for (const edge of span) if (edge > from && edge < to) edges.add(edge);
  const ordered = [...edges].sort((one, other) => one - other);
  const within = (spans, start) => spans.some(([first, end]) => first <= start && start < end);
  for (let n = 0; n + 1 < ordered.length; n += 1) {
    const [start, end] = [ordered[n], ordered[n + 1]];
    const cut = cuts.find((one) => one.start <= start && start < one.end);
    const shown = cut ? (cut.start === start ? cut.text : "") : text.slice(start, end);
    const piece = within(words, start) && !cut ? make("mark", { textContent: shown }) : shown;
    pieces.push(within(answer, start) ? make("b", {}, piece) : piece);
  }
  return pieces;
};

const snippet = (hit) => {
  const at = units(hit.text);
  const inUnits = ([start, end]) => [at[start], at[end]];
  const answer = hit.answer_span ? [inUnits(hit.answer_span)] : [];
  const words = hit.highlights.map(inUnits);
  const centre = answer[0]?.[0] ?? words[0]?.[0] ?? 0;
  const from = centre < 120 ? 0 : Math.max(0, hit.text.lastIndexOf(" ", centre - BEFORE) + 1 || centre - BEFORE);
  const to = Math.min(hit.text.length, from + SNIPPET);
  const shown = marked(hit.text, from, to, words, answer);
  return make("p", { className: "snippet", lang: hit.language }, from ? "…" : "", ...shown, to < hit.text.length ? "…" : "");
};

const marksOf = (hit) => [
  make("span", { className: `confidence ${confidence(hit)}`, textContent: texts[confidence(hit)] }),
  isPublic(hit) ? null : tag(texts.inside, "internal"),
  hit.foreign ? tag(fill(texts.foreign, { language: languageName(hit.language) })) : null,
  hit.contradicts.length ? tag(texts.contradicts, "bad") : null,
];

const row = (hit, number, address) => {
  const key = hit.kind === "article" && number <= 9 ? { "aria-keyshortcuts": `Alt+${number}` } : {};
  const heading = hit.heading.length ? make("span", { className: "heading", textContent: ` › ${hit.heading.at(-1)}` }) : null;
  const link = make("a", { href: address(hit), lang: hit.language, ...key }, hit.title, heading);
  const kind = `${isPublic(hit) ? "" : "internal"} ${hit.confidence < LIKELY ? "perhaps" : ""}`;
  const shown = make("li", { className: `hit ${kind}` },
    make("span", { className: "number", "aria-hidden": "true", textContent: number }),
    link, make("span", { className: "marks" }, ...marksOf(hit)), snippet(hit));
  shown.hit = hit;
  return shown;
};

const told = settled((text) => { count.textContent = text; }, 500);

/** Shows what was found; `address` gives the page at which a hit is open. */
export const show = (result, address) => {
  const focused = hitAt(document.activeElement)?.document_id;
  articles.replaceChildren(...result.hits.map((hit, n) => row(hit, n + 1, address)));
  tickets.replaceChildren(...result.tickets.map((hit, n) => row(hit, n + 1, address)));
  if (focused) (linkOf(focused) ?? document.querySelector(".hit > a"))?.focus();
  lane.hidden = !result.tickets.length;
  none.textContent = result.hits.length ? "" : texts.none;
  told(fill(texts.count, { articles: result.hits.length, tickets: result.tickets.length }));
};

/** Shows what to do where nothing was asked. */
export const clear = () => {
  articles.replaceChildren();
  tickets.replaceChildren();
  lane.hidden = true;
  none.textContent = texts.start;
  told("");
};

/** Shows that something went wrong. */
export const fail = (text) => { none.textContent = text; };

/** The n-th article, from 1. */
export const nth = (number) => articles.children[number - 1]?.hit ?? null;

/** The hit that an element stands in. */
export const hitAt = (element) => element?.closest(".hit")?.hit ?? null;

const rowOf = (id) => [...articles.children, ...tickets.children].find((one) => one.hit.document_id === id);

/** The hit of a document. */
export const hitOf = (id) => rowOf(id)?.hit ?? null;

/** The link to a document. */
export const linkOf = (id) => rowOf(id)?.querySelector("a") ?? null;

/** Marks the hit that is open. */
export const current = (id) => {
  for (const link of document.querySelectorAll(".hit > a[aria-current]")) link.removeAttribute("aria-current");
  linkOf(id)?.setAttribute("aria-current", "true");
};

/** Moves the focus to the first ticket. */
export const toTickets = () => {
  lane.open = true;
  tickets.querySelector("a")?.focus();
};

/** Moves the focus to the next or previous hit, through both lanes; false where there is none. */
export const move = (from, by) => {
  const links = [...document.querySelectorAll(".hit > a")].filter((link) => link.checkVisibility());
  const next = links[links.indexOf(from) + by];
  next?.focus();
  next?.closest(".hit").scrollIntoView({ block: "nearest" });
  return Boolean(next);
};

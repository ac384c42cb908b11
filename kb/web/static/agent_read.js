// The pane in which an article or ticket is open: at the passage that was found, notes for staff marked.
import { asPerson, fill, linked, make, texts } from "./kit.js";
import { languageName, tag } from "./agent_results.js";
import { steps } from "./steps.js";

const pane = document.getElementById("reading");
const idle = document.getElementById("idle");
const title = document.getElementById("reading-title");
const text = document.getElementById("text");
const WIDE = 400; // characters of a passage that are too many to be coloured
const held = { id: null, asked: 0 };
const language = document.documentElement.lang;
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const wholeDay = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
const on = (time) => (time.includes("T") ? day : wholeDay).format(new Date(time));

/** What is open: `{document_id, passage_id, title}`; null where nothing is. */
export const open = () => (held.id ? { document_id: held.id, passage_id: held.passage, title: title.textContent } : null);

/** Closes it. */
export const close = () => {
  held.id = null;
  held.asked += 1;
  pane.hidden = true;
  idle.hidden = false;
};

/** Opens a document at a passage; what the `hit` says of the question is marked. Resolves to it, or null where it cannot be. */
export const read = async (id, passage, known, hit) => {
  const asked = held.asked += 1;
  Object.assign(held, { id, passage });
  idle.hidden = true;
  pane.hidden = false;
  empty(known ?? "", texts.opening);
  title.focus({ preventScroll: true });
  const query = passage ? `?${new URLSearchParams({ passage })}` : "";
  let reply;
  try {
    reply = await asPerson("GET", `/api/documents/${encodeURIComponent(id)}${query}`);
  } catch {
    if (asked === held.asked) empty(known ?? "", texts.failed);
    return null;
  }
  if (asked !== held.asked) return null;
  if (!reply.ok) {
    empty(known ?? "", reply.status === 404 ? texts.gone : texts.failed);
    return null;
  }
  const document_ = await reply.json();
  if (asked !== held.asked) return null;
  render(document_, hit);
  return document_;
};

const empty = (heading, said) => {
  title.textContent = heading;
  pane.classList.remove("secret");
  for (const place of ["marks", "about", "actions", "steps"]) document.getElementById(place).replaceChildren();
  text.replaceChildren(make("p", { className: "waiting", role: "status", textContent: said }));
};

const render = (shown, hit) => {
  title.textContent = shown.title;
  title.lang = shown.language;
  document.getElementById("marks").replaceChildren(...marks(shown));
  document.getElementById("about").replaceChildren(...about(shown));
  const body = make("div", { className: "article", lang: shown.language });
  if (shown.kind === "ticket") body.append(...ticket(shown));
  else body.innerHTML = shown.html; // sanitised by the server, of which nothing else comes
  const first = body.firstElementChild;
  if (first?.tagName === "H1" && first.textContent.trim() === shown.title) first.remove();
  pane.classList.toggle("secret", !shown.public);
  const secrecy = shown.public ? [] : [make("p", { className: "secrecy", textContent: texts.internal })];
  const urgency = shown.urgent ? [make("p", { className: "urgent", textContent: texts.urgent })] : [];
  text.replaceChildren(...secrecy, ...urgency, body);
  if (hit) markFound(body, hit);
  document.getElementById("actions").replaceChildren(...shown.actions.map((one) => make("li", {}, outward(one.label, one.link))));
  steps(document.getElementById("steps"), shown);
  const head = pane.firstElementChild;
  const covers = getComputedStyle(head).position === "sticky";
  pane.parentElement.style.scrollPaddingTop = covers ? `${head.offsetHeight}px` : ""; // what is under it is not in view
  pane.scrollIntoView({ block: "start" });
  const passage = [...body.querySelectorAll("mark:not(.word)")];
  const wide = passage.reduce((length, mark) => length + mark.textContent.length, 0) > WIDE;
  const place = body.querySelector(".answering") ?? (wide ? body.querySelector("mark:not(.word) mark.word") : null) ?? passage[0];
  body.classList.toggle("plain", wide || Boolean(body.querySelector(".answering")));
  place?.scrollIntoView({ block: "center" });
};

const outward = (label, url) => {
  const link = linked(label, url);
  if (link instanceof HTMLElement) Object.assign(link, { target: "_blank", rel: "noopener" });
  return link;
};

const marks = (shown) => [
  shown.public ? tag(texts.public, "good") : tag(texts.internal, "internal"),
  shown.kind === "ticket" ? tag(fill(texts.ticket, { id: shown.document_id })) : null,
  shown.product ? tag(shown.product) : null,
  shown.language.split("-")[0] === language.split("-")[0] ? null : tag(fill(texts.foreign, { language: languageName(shown.language) })),
].filter(Boolean);

/** Owner, last change and review in one line, and the public page. */
const about = (shown) => {
  const overdue = shown.review_by && new Date(shown.review_by) < new Date();
  const parts = [
    shown.owner ? fill(texts.owner, { owner: shown.owner }) : null,
    shown.kind === "ticket" ? null : fill(texts.changed, { date: on(shown.changed_at) }),
    shown.closed_at ? fill(texts.closed, { date: on(shown.closed_at) }) : null,
    shown.review_by && !overdue ? fill(texts.review, { date: on(shown.review_by) }) : null,
    overdue ? tag(fill(texts.overdue, { date: on(shown.review_by) }), "bad") : null,
    shown.public ? outward(texts.openPage, shown.url) : null,
  ].filter(Boolean);
  return parts.flatMap((part, n) => (n ? [" · ", part] : [part]));
};

const ticket = (shown) => [["problem", shown.problem], ["resolution", shown.resolution]]
  .filter(([, said]) => said)
  .flatMap(([name, said]) => [make("h3", { textContent: texts[name] }), make("p", { className: `said-${name}`, textContent: said })]);

const characters = (text, [start, end]) => [...text].slice(start, end).join("");
const letters = (text) => text.replace(/[^\p{L}\p{N}]+/gu, "");

/** Marks the sentence that answers by the block that it stands in, and the question's words wherever they stand. */
const markFound = (body, hit) => {
  const answer = hit.answer_span ? letters(characters(hit.text, hit.answer_span)) : "";
  for (const block of answer ? body.querySelectorAll("p, li, tr, pre") : []) {
    const own = letters(block.textContent);
    if (own && (own.includes(answer) || answer.includes(own)) && !block.querySelector("p, li")) block.classList.add("answering");
  }
  markWords(body, [...new Set(hit.highlights.map((span) => characters(hit.text, span)))]);
};

/** Marks the question's words wherever they stand in a text. */
const markWords = (body, words) => {
  const wanted = words.filter((word) => word.length > 1).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!wanted.length) return;
  const pattern = new RegExp(`(${wanted.sort((one, other) => other.length - one.length).join("|")})`, "gi");
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (const node of nodes) {
    const pieces = node.data.split(pattern);
    if (pieces.length > 1) node.replaceWith(...pieces.map((piece, n) => (n % 2 ? make("mark", { className: "word", textContent: piece }) : piece)));
  }
};

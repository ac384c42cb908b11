// Beside the text: how customers and agents will see it, what is wrong with it, and which articles say the same.
import { ask, desk, page, part } from "./edit_desk.js";
import { count, goTo } from "./edit_writing.js";
import { fill, make, settled, texts } from "./kit.js";

const MOST = 100_000; // characters of a body that are previewed and compared while it is written
const LARGE = 40_000;
const shown = part("preview");
const FIELDS = new Set([...part("fields").querySelectorAll("[name]")].map((one) => one.name));
let seen = "html";
let last = null;
let asked = 0;

/** The beginning of a long body, cut between two paragraphs and in no block for agents. */
const beginning = (body) => {
  if (body.length <= MOST) return body;
  const part = body.slice(0, body.lastIndexOf("\n\n", MOST) + 1 || MOST);
  const opened = part.lastIndexOf("\n::: ");
  return opened >= 0 && !/\n:::[ \t]*(\n|$)/.test(part.slice(opened + 1)) ? part.slice(0, opened + 1) : part;
};

/** Server-sanitised HTML as nodes whose pictures come by way of the article. */
const nodes = (html) => {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  for (const image of parsed.querySelectorAll("img[src]")) {
    image.setAttribute("src", `/pictures/${image.getAttribute("src")}?of=${encodeURIComponent(desk.id)}`);
    image.setAttribute("loading", "lazy");
  }
  for (const link of parsed.querySelectorAll("a[href]:not([href^='#'])")) link.target = "_blank";
  return [...parsed.body.childNodes];
};

/** Below their title, unless they begin with it. */
const titled = (parts) => {
  const first = parts.find((one) => one instanceof Element);
  if (!last.title || (first?.tagName === "H1" && first.textContent.trim() === last.title)) return parts;
  return [make("h1", { textContent: last.title }), ...parts];
};

const draw = () => {
  const html = last[seen];
  const hidden = seen === "html" && last.audience && !last.audience.includes("public");
  const long = desk.body().length > MOST;
  part("seen-note").textContent = hidden ? texts.unseen : long ? texts.part : "";
  if (last.language) shown.lang = last.language;
  if (html === null) shown.replaceChildren(make("p", { className: "faint", textContent: texts.broken }));
  else shown.replaceChildren(...titled(nodes(html)));
};
const drawPassages = () => {
  const list = last.passages.slice(0, 200).map((one) => make("li", { className: one.internal ? "kb-agent" : "" },
    make("strong", { textContent: one.heading.join(" › ") }), one.internal ? make("span", { className: "tag internal", textContent: texts.forAgents }) : null, make("p", { textContent: one.text })));
  part("passages").hidden = !list.length;
  part("passages").querySelector("summary").textContent = fill(texts.passages, { count: last.passages.length });
  part("passages").querySelector("ol").replaceChildren(...list);
};

/** Each trouble at its field, else below the text with the way to its line. */
const drawTroubles = (troubles) => {
  for (const name of FIELDS) {
    const mine = troubles.filter((one) => one.field?.split(".")[0] === name);
    part(`e-${name}`).textContent = mine.map((one) => one.message).join(" ");
    const control = part(`f-${name}`);
    control.setAttribute("aria-invalid", String(mine.length > 0));
    if (mine.length) control.closest("details").open = true;
  }
  const others = troubles.filter((one) => !FIELDS.has(one.field?.split(".")[0]));
  part("e-body").replaceChildren(...others.map((one) => {
    const line = one.line === null ? null : one.line - desk.above();
    const button = line === null || line < 1 ? null : make("button", { type: "button", className: "link", textContent: fill(texts.line, { line }) });
    button?.addEventListener("click", () => goTo(line));
    return make("li", { className: one.fatal ? "problem" : "" }, button, button ? " " : null, one.message);
  }));
};

const preview = async () => {
  const number = (asked += 1);
  const body = desk.body();
  count(body);
  const text = desk.whole(beginning(body));
  const reply = await ask("/api/preview", { text, id: desk.id || part("new-id")?.value || "new" });
  if (number !== asked) return;
  if (!reply?.ok) { part("seen-note").textContent = texts.failed; return; }
  last = await reply.json();
  draw();
  drawPassages();
  drawTroubles(last.troubles);
  if (!last.troubles.some((one) => one.fatal)) compareSoon(text);
};

/** Renews the preview at once; tells whether the text can be published. */
export const renew = async () => { await preview(); return !last?.troubles.some((one) => one.fatal); };

const similar = part("similar");
const tally = part("t-similar").querySelector(".count");
let compared = null;
const pair = (one) => make("li", {}, make("span", { className: "faint", textContent: `${texts.here} ` }), one.own, make("br"), make("span", { className: "faint", textContent: `${texts.there} ` }), one.other);
const pairs = (title, held) => held.length ? [make("h4", { textContent: title }), make("ul", { className: "pairs" }, ...held.slice(0, 5).map(pair))] : [];
const link = (one) => make("a", { href: page(one.document_id), target: "_blank", textContent: one.title, lang: one.language });
const drawSerious = (one) => make("li", { className: one.same.length ? "same" : "differs" },
  make("h3", {}, link(one), " ", make("span", { className: "tag bad", textContent: one.same.length ? texts.same : texts.differs })),
  make("p", { className: "faint", textContent: one.document_id }), ...pairs(texts.differs, one.contradicts), ...pairs(texts.same, one.same));
const drawNear = (one) => make("li", {}, link(one), make("span", { className: "faint", textContent: ` ${one.document_id}` }));
const warn = (twin) => {
  part("twin")?.remove();
  if (!twin) return;
  part("notices").append(make("section", { id: "twin", className: "notice bad", role: "status" },
    make("p", {}, make("strong", { textContent: fill(texts.saysSame, { title: twin.title }) }), ` ${texts.saysSameHow} `, make("a", { href: page(twin.document_id), target: "_blank", textContent: texts.openIt }))));
};
const compare = async (text) => {
  if (text === compared || desk.body().trim().length < 60) return;
  compared = text;
  similar.replaceChildren(make("p", { className: "waiting", textContent: texts.looking }));
  const reply = await ask("/api/similar", { text, id: desk.id || "new" });
  if (text !== compared) return;
  if (!reply?.ok) { compared = null; similar.replaceChildren(make("p", { className: "problem", textContent: texts.failed })); return; }
  const found = (await reply.json()).similar;
  const serious = found.filter((one) => one.same.length || one.contradicts.length);
  tally.hidden = serious.length === 0;
  tally.textContent = serious.length;
  warn(desk.dirty || !desk.shown?.live ? found.find((one) => one.same.length) : null);
  const near = found.filter((one) => !serious.includes(one));
  similar.replaceChildren(...(found.length ? [make("ul", { className: "waits" }, ...serious.map(drawSerious))] : [make("p", { className: "empty", textContent: texts.noneSimilar })]),
    ...(near.length ? [make("h2", { textContent: texts.near }), make("ul", { className: "list" }, ...near.map(drawNear))] : []));
};
const compareSoon = settled(compare, 1500);

const usual = settled(preview, 400);
const slowly = settled(preview, 1500);
desk.on("change", () => (desk.body().length > LARGE ? slowly : usual)());
for (const button of document.querySelectorAll("[data-seen]")) button.addEventListener("click", () => {
  seen = button.dataset.seen;
  for (const one of document.querySelectorAll("[data-seen]")) one.setAttribute("aria-pressed", String(one === button));
  if (last) draw();
});

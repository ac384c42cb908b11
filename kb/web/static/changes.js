// What changed since this reader last said they knew it, and that they know it now.
import { asPerson, fill, make, say } from "./kit.js";

const section = document.getElementById("changes");
const texts = document.getElementById("changes-texts").dataset;
const [list, all, status, count] = ["list", "all", "said", "count"].map((name) => document.getElementById(`changes-${name}`));
const badge = make("span", { className: "badge", hidden: true });
const written = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
const EVERY_MS = 60_000;
const SURE_MS = 6_000;
let listed = [];
let left = 0;
let known = "";

const nameOf = (update) => `${update.document_id}@${update.revision} ${update.kind}`;
const told = ({ document_id, revision, kind }) => ({ document_id, revision, gone: kind === "withdrawn" });

const tags = (update) => [
  update.urgent ? make("span", { className: "tag bad", textContent: texts.urgent }) : null,
  make("span", { className: `tag ${update.kind === "withdrawn" ? "bad" : ""}`, textContent: texts[update.kind] }),
  update.public ? null : make("span", { className: "tag internal", textContent: texts.internal }),
];

/** One sentence: what it was, struck out, and what it is. */
const sentence = (change) => {
  const side = (name, kinds) => make(name, {}, ...change.parts.filter((part) => kinds.includes(part.kind)).map((part) =>
    part.kind === "same" ? part.text : make("mark", { textContent: part.text })));
  const before = change.kind === "added" ? null : [make("span", { className: "hidden", textContent: `${texts.was} ` }), side("del", ["same", "removed"])];
  const after = change.kind === "removed" ? null : [make("span", { className: "hidden", textContent: ` ${texts.now} ` }), side("ins", ["same", "added"])];
  return make("li", { className: change.internal ? "secret" : "" }, change.internal ? make("b", { textContent: texts.secret }) : null,
    ...(before ?? []), ...(after ?? []));
};

const what = (update) => {
  if (update.kind === "withdrawn") return [make("p", { textContent: texts.gone })];
  if (update.kind === "published") return [make("p", { lang: update.language, textContent: update.summary })];
  if (!update.changes.length) return [make("p", { textContent: texts.otherwise })];
  const more = update.more ? make("p", { className: "faint", textContent: fill(texts.more, { count: update.more }) }) : null;
  return [make("ul", { className: "sentences", lang: update.language }, ...update.changes.map(sentence)), more];
};

const heading = (update) => {
  if (update.kind === "withdrawn") return make("h3", { textContent: update.title, lang: update.language });
  const button = make("button", { type: "button", className: "link", textContent: update.title, lang: update.language });
  button.addEventListener("click", () => document.dispatchEvent(new CustomEvent("kb:open", {
    detail: { document_id: update.document_id, passage_id: null, title: update.title },
  })));
  return make("h3", {}, button);
};

const row = (update) => {
  const button = make("button", { type: "button", className: "quiet small" }, texts.read, " ", make("kbd", { textContent: "Alt A" }));
  button.setAttribute("aria-keyshortcuts", "Alt+A");
  button.addEventListener("click", () => read(update));
  const time = make("time", { dateTime: update.at, textContent: written.format(new Date(update.at)) });
  const element = make("li", { className: update.urgent ? "update urgent-one" : "update", data: { name: nameOf(update) } },
    heading(update), make("p", { className: "about" }, ...tags(update).filter(Boolean).flatMap((tag) => [tag, " "]), make("span", { className: "faint" }, time)),
    ...what(update), button);
  return element;
};

const render = () => {
  const focused = list.contains(document.activeElement) ? document.activeElement.closest(".update").dataset.name : null;
  const kept = new Map([...list.children].map((element) => [element.dataset.name, element]));
  const place = [...kept.keys()].indexOf(focused);
  list.replaceChildren(...listed.map((update) => kept.get(nameOf(update)) ?? row(update)));
  for (const one of [count, badge]) {
    one.hidden = !left;
    one.textContent = left;
  }
  badge.title = fill(texts.badge, { count: left });
  all.hidden = listed.length < 2;
  all.textContent = fill(texts.all, { count: listed.length });
  delete all.dataset.sure;
  if (!focused) return;
  const same = listed.findIndex((update) => nameOf(update) === focused);
  const next = list.children[same >= 0 ? same : Math.min(place, listed.length - 1)];
  if (next) next.querySelector(".small").focus();
  else document.getElementById("changes-title").focus();
};

const standing = () => {
  if (!left) return texts.none;
  return left > listed.length ? fill(texts.of, { shown: listed.length, count: left }) : "";
};

const look = async () => {
  try {
    const reply = await asPerson("GET", "/api/updates", undefined, { "If-None-Match": known });
    if (reply.status === 304) {
      if (status.textContent === texts.failed) status.textContent = standing();
      return;
    }
    if (!reply.ok) throw new Error(reply.status);
    const found = await reply.json();
    known = reply.headers.get("ETag");
    const same = found.updates.map(nameOf).join() === listed.map(nameOf).join() && found.count === left;
    listed = found.updates;
    left = found.count;
    if (!same || status.textContent === texts.looking) render();
    if (!same || [texts.looking, texts.failed].includes(status.textContent)) status.textContent = standing();
  } catch {
    status.textContent = texts.failed;
  }
};

/** Says that these are read; null where that could not be kept. */
const keep = async (updates) => {
  try {
    const reply = await asPerson("POST", "/api/updates/read", { read: updates.map(told) });
    if (reply.ok) return await reply.json();
  } catch { /* as below */ }
  say(texts.failed, "bad");
  return null;
};

const read = async (update) => {
  const kept = await keep([update]);
  if (!kept) return;
  if (kept.kept) listed = listed.filter((one) => one !== update && nameOf(one) !== nameOf(update));
  left = kept.left;
  render();
  status.textContent = kept.kept ? fill(texts.done, { title: update.title, left }) : texts.stale;
  if (!kept.kept || (left && !listed.length)) await look();
};

all.addEventListener("click", async () => {
  if (!all.dataset.sure) { // a slip of the finger is no reading
    all.dataset.sure = "asked";
    all.textContent = fill(texts.sure, { count: listed.length });
    setTimeout(() => { if (all.dataset.sure) render(); }, SURE_MS);
    return;
  }
  const kept = await keep(listed);
  if (!kept) return;
  listed = [];
  left = kept.left;
  render();
  document.getElementById("changes-title").focus();
  status.textContent = fill(texts.allDone, kept);
  if (left) await look();
});

document.addEventListener("keydown", (event) => {
  if (event.code !== "KeyA" || !event.altKey || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  if (!section.checkVisibility() || !listed.length) return;
  event.preventDefault();
  const name = document.activeElement.closest(".update")?.dataset.name;
  read(listed.find((update) => nameOf(update) === name) ?? listed[0]);
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
setInterval(() => { if (!document.hidden) look(); }, EVERY_MS);
document.getElementById("changes-title").tabIndex = -1;
document.querySelector('.top [aria-current="page"]')?.append(" ", badge);
status.textContent = texts.looking;
section.hidden = false;
look();

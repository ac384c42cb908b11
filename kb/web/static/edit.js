// `/edit/ID`: an article being written. The file's text is the truth; fields and preview follow it.
import { ask, desk, hour, page, part, reasonOf } from "./edit_desk.js";
import { fields } from "./edit_fields.js";
import { fill, make, texts } from "./kit.js";
import { forget, offerKept } from "./edit_kept.js";
import "./edit_conflict.js";
import { renewHistory } from "./edit_history.js";
import { renew } from "./edit_preview.js";
import "./edit_publish.js";

const area = part("text");
const raw = part("raw");
const status = part("status");
const isRaw = () => raw.getAttribute("aria-pressed") === "true";

/** The front matter with both `---`, and the rest; a text without has an empty head. */
const parted = (text) => {
  const found = /^---[ \t]*\n(?:[^]*?\n)?---[ \t]*(?:\n|$)/.exec(text);
  return found ? [found[0], text.slice(found[0].length)] : ["", text];
};
desk.whole = (body) => isRaw() ? body : fields.head + body;
desk.text = () => desk.whole(area.value);
desk.body = () => area.value;
/** Lines of the file that stand above the field. */
desk.above = () => isRaw() ? 0 : fields.head.split("\n").length - 1;
desk.put = async (text) => {
  const [head, body] = parted(text);
  if (!head && /^---[ \t]*\n/.test(text)) showRaw(true); // it is never closed: fields would say nothing
  area.value = isRaw() ? text : body;
  if (!isRaw()) await fields.put(head);
  desk.tell("change");
};

const showRaw = (on) => {
  raw.setAttribute("aria-pressed", String(on));
  part("fields").hidden = on;
};
raw.addEventListener("click", async () => {
  await fields.flush();
  const text = desk.text();
  showRaw(!isRaw());
  await desk.put(text);
  area.focus();
});

let composing = false;
area.addEventListener("compositionstart", () => { composing = true; });
area.addEventListener("compositionend", () => { composing = false; desk.tell("change"); });
area.addEventListener("input", () => { if (!composing) desk.tell("change"); });
desk.on("change", () => { if (!saving && desk.dirty) status.textContent = texts.unsaved; });

const create = async (sent) => {
  const field = part("new-id");
  if (!field.reportValidity()) return null;
  const reply = await ask("/api/articles", { id: field.value.trim(), text: sent });
  if (reply && !reply.ok) {
    const problem = await reply.clone().json();
    part("e-new-id").textContent = problem.reason || /\bid\b/.test(problem.detail) ? reasonOf(problem) : "";
  }
  return reply;
};
let saving = null;
const stored = async () => {
  await fields.flush();
  const sent = desk.text();
  const begun = !desk.id;
  status.textContent = texts.saving;
  const reply = begun ? await create(sent) : await desk.ask("PUT", "", { text: sent });
  if (reply === null) { status.textContent = begun && !part("new-id").validity.valid ? texts.unsaved : texts.offline; return false; }
  const told = await reply.json();
  if (!reply.ok) {
    if (reply.status === 412) {
      status.textContent = texts.unsaved;
      desk.conflict(told);
      return false;
    }
    const mended = reply.status !== 400 || (await renew());
    status.textContent = fill(texts.notSaved, { why: mended ? reasonOf(told) : texts.mend });
    if (!mended) document.querySelector("[aria-invalid=true], #e-body button")?.focus();
    return false;
  }
  forget();
  desk.accept(told, sent);
  status.textContent = `${fill(texts.saved, { number: told.edit ?? told.revision })} · ${hour(told.at ?? new Date().toISOString())}`;
  if (begun) location.replace(page(told.id));
  return true;
};
/** Saves what is not saved; tells whether it is now. */
desk.save = () => {
  saving ??= stored().finally(() => { saving = null; if (desk.dirty && status.textContent.startsWith(texts.saving)) status.textContent = texts.unsaved; });
  return saving;
};
part("save").addEventListener("click", desk.save);
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s" || event.shiftKey || event.altKey) return;
  event.preventDefault();
  desk.save();
});

desk.on("stored", () => {
  part("heading").textContent = desk.shown.title;
  document.title = `${desk.shown.title} · kb`;
  const state = part("state");
  state.hidden = false;
  state.textContent = texts[desk.shown.state];
  state.className = `tag ${desk.shown.state === "published" ? "good" : ""}`;
  if (!part("p-history").hidden) renewHistory();
});

const wide = matchMedia("(min-width: 64rem)");
const tabs = [...document.querySelectorAll("[role=tab]")];
const choose = (name) => {
  for (const tab of tabs) {
    const on = tab.id === `t-${name}`;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    part(`p-${tab.id.slice(2)}`).hidden = !on && !(tab.id === "t-write" && wide.matches);
  }
  if (name === "history") renewHistory();
};
const arrange = () => {
  part("t-write").hidden = wide.matches;
  choose(wide.matches ? "preview" : "write");
};
for (const tab of tabs) tab.addEventListener("click", () => choose(tab.id.slice(2)));
document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const there = tabs.filter((tab) => !tab.hidden);
  const next = there[(there.indexOf(document.activeElement) + step + there.length) % there.length];
  choose(next.id.slice(2));
  next.focus();
});
wide.addEventListener("change", arrange);
arrange();

const begin = async () => {
  if (!desk.id) { // what was typed before this script came stays
    await fields.begin();
    offerKept();
    desk.tell("change");
    return;
  }
  const reply = await desk.ask("GET", "");
  if (!reply?.ok) { part("notices").append(make("p", { className: "problem", role: "alert", textContent: texts.failed })); return; }
  const shown = await reply.json();
  desk.accept(shown, shown.text);
  const read = desk.put(shown.text);
  area.readOnly = false;
  await read;
  offerKept();
  if (location.hash === "#look") choose("history");
};
begin();

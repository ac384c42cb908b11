// The front matter as fields: what the file says is the truth, and the server changes only the lines of a key that changes.
import { ask, desk, part } from "./edit_desk.js";
import { settled, texts } from "./kit.js";

const form = part("fields");
const controls = [...form.querySelectorAll("[name]")];
const DATES = ["valid_from", "valid_to", "review_by"];
const filled = (lines) => lines.map((line) => line.trim()).filter(Boolean);
const lines = { read: (value) => value.split("\n"), write: (items) => items.join("\n") };
const row = { read: (value) => value.split(/[;；]/.test(value) ? /[;；]/ : /[,，、]/), write: (items) => items.join(items.some((one) => /[,，、]/.test(one)) ? "; " : ", ") };
const listOf = (kind) => ({
  read: (value) => filled(kind.read(value)),
  write: (items) => kind.write([items].flat()),
  fits: (value) => [value].flat().every((one) => typeof one === "string" && !one.includes("\n")),
});
const pairs = (mark, entries, made) => ({
  read: (value) => made(filled(value.split("\n")).map((line) => {
    const at = line.indexOf(mark);
    return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  })),
  write: (value) => entries(value).map(([one, other]) => `${one}${mark === "|" ? " | " : ": "}${other}`).join("\n"),
  fits: (value) => typeof value === "object" && entries(value).every((pair) => pair.every((one) => typeof one === "string" && !/[\n|]/.test(one))),
});
const KINDS = {
  audience: listOf(row), tags: listOf(row), questions: listOf(lines), not_questions: listOf(lines),
  actions: pairs("|", (items) => [items].flat().map((one) => [one?.label, one?.link]), (found) => found.map(([label, link]) => ({ label, link }))),
  applies_to: pairs(":", Object.entries, Object.fromEntries),
};
const plain = { read: (value) => value.trim(), write: String, fits: (value) => typeof value === "string" };
const kindOf = (name) => KINDS[name] ?? plain;

let head = "";
let waiting = {};
let sending = Promise.resolve();
let generation = 0;

const show = (values, readable) => {
  for (const control of controls) {
    const value = values[control.name];
    const said = value !== undefined && value !== null && value !== "";
    const fits = !said || (control.type === "checkbox" ? typeof value === "boolean" : kindOf(control.name).fits(value));
    control.disabled = !readable || !fits;
    control.title = fits ? "" : texts.elsewhere;
    if (control === document.activeElement || control.name in waiting) continue;
    if (control.type === "checkbox") { control.checked = value === true; continue; }
    if (DATES.includes(control.name)) control.type = said && !/^\d{4}-\d\d-\d\d$/.test(value) ? "text" : "date";
    control.value = said && fits ? kindOf(control.name).write(value) : "";
  }
};
const inShort = (values) => ["language", "audience", "category", "product", "owner"].map((name) => values[name]).filter(Boolean).flat().join(" · ");
const told = (reply) => {
  head = reply.head;
  part("in-short").textContent = inShort(reply.values);
  part("e-head").textContent = reply.troubles.map((one) => one.message).join(" ");
  show(reply.values, reply.troubles.length === 0);
};
const failed = async (reply) => {
  part("e-head").textContent = reply ? (await reply.json()).detail : texts.offline;
};

const send = () => {
  if (!Object.keys(waiting).length) return sending;
  sending = sending.then(async () => {
    const set = waiting;
    const begun = generation;
    waiting = {};
    if (!Object.keys(set).length) return;
    const reply = await ask("/api/front-matter", { head, set });
    if (begun !== generation) return;
    if (!reply?.ok) { await failed(reply); return; }
    const read = await reply.json();
    told({ ...read, head: read.head || (desk.body().startsWith("---") ? "---\n---\n" : "") });
    desk.tell("change");
  });
  return sending;
};
const soon = settled(send, 400);
const noted = (control) => {
  waiting[control.name] = control.type === "checkbox" ? (control.checked || null) : kindOf(control.name).read(control.value);
};
form.addEventListener("input", (event) => {
  if (!event.target.name || event.isComposing) return;
  noted(event.target);
  soon();
});
form.addEventListener("compositionend", (event) => event.target.dispatchEvent(new Event("input", { bubbles: true })));
form.addEventListener("change", send);
form.addEventListener("submit", (event) => event.preventDefault());

export const fields = {
  /** The head of the file, both `---` and what is between them. */
  get head() { return head; },
  /** Reads a head into the fields. */
  async put(text) {
    generation += 1;
    waiting = {};
    head = text;
    const reply = await ask("/api/front-matter", { head: text });
    if (!reply?.ok) await failed(reply);
    else if (head === text) told(await reply.json());
  },
  /** Takes in what was typed before the scripts were there. */
  begin() {
    controls.filter((control) => control.checked || (control.type !== "checkbox" && control.value)).forEach(noted);
    return send();
  },
  /** Until what was typed into a field stands in the head. */
  flush: async () => { await send(); await sending; },
};

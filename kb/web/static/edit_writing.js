// The text field: keys and buttons that put Markdown into it, counts, and pictures that are pasted or dropped.
import { asPerson, fill, problemOf, texts } from "./kit.js";
import { desk, part, pictures } from "./edit_desk.js";

const area = part("text");

/** Puts a text in place of what is selected, so that it can be undone. */
const put = (text, first = null, last = null) => {
  area.focus();
  const start = area.selectionStart;
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, start, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (first !== null) area.setSelectionRange(start + first, start + last);
};
const selected = () => area.value.slice(area.selectionStart, area.selectionEnd);
const onOwnLines = (text, first, last) => {
  const before = area.value.slice(0, area.selectionStart);
  const gap = before === "" || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  put(`${gap}${text}\n`, gap.length + first, gap.length + last);
};
const around = (open, text, close) => put(open + text + close, open.length, open.length + text.length);
const TOOLS = {
  bold: () => around("**", selected() || texts.bold, "**"),
  link: () => {
    const text = selected() || texts.linkText;
    put(`[${text}](https://)`, text.length + 3, text.length + 11);
  },
  list: () => {
    const items = selected().split("\n").filter(Boolean);
    const made = (items.length ? items : [texts.item]).map((one) => `- ${one}`).join("\n");
    onOwnLines(made, 2, made.length);
  },
  table: () => onOwnLines(`| ${texts.column} 1 | ${texts.column} 2 |\n|---|---|\n|  |  |`, 2, 4 + texts.column.length),
  agent: () => {
    const text = selected() || texts.agentsText;
    onOwnLines(`::: agent\n${text}\n:::`, 10, 10 + text.length);
  },
  picture: () => part("file").click(),
};
const KEYS = { b: "bold", k: "link" };
const SHIFTED = { Digit7: "table", Digit8: "list", Digit9: "agent" };
for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => TOOLS[button.dataset.tool]());
area.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing) return;
  const tool = event.shiftKey ? SHIFTED[event.code] : KEYS[event.key.toLowerCase()];
  if (!tool) return;
  event.preventDefault();
  TOOLS[tool]();
});

/** Puts the cursor on a line of the field, from 1. */
export const goTo = (line) => {
  const start = area.value.split("\n", line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const end = area.value.indexOf("\n", start);
  area.focus();
  area.setSelectionRange(start, end < 0 ? area.value.length : end);
};

const WORD = /\p{Script=Han}|[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;
export const count = (text) => {
  const found = text.match(WORD)?.length ?? 0;
  part("counts").textContent = fill(texts.words, { count: found.toLocaleString(document.documentElement.lang) });
};

let uploads = 0;
const replaced = (mark, text) => {
  const at = area.value.indexOf(mark);
  if (at >= 0) area.setRangeText(text, at, at + mark.length, "preserve");
  area.dispatchEvent(new Event("input", { bubbles: true }));
};
const trouble = (text) => { part("e-body").prepend(Object.assign(document.createElement("li"), { className: "problem", textContent: text })); };
const upload = async (file) => {
  if (!desk.id) { trouble(texts.saveFirst); return; }
  const name = file.name || "picture.png";
  const mark = `![${texts.uploading} ${(uploads += 1)}]()`;
  put(mark);
  const url = `/api/articles/${encodeURIComponent(desk.id)}/pictures?name=${encodeURIComponent(name)}`;
  let why = texts.offline;
  try {
    const reply = await asPerson("POST", url, file);
    if (reply.ok) { replaced(mark, (await reply.json()).markdown); return; }
    why = await problemOf(reply, reply.status === 413 || reply.status === 415 ? fill(texts.accepted, { kinds: pictures }) : texts.failed);
  } catch { /* nobody answers: `why` says so */ }
  replaced(mark, "");
  trouble(fill(texts.notUploaded, { name, why }));
};
const take = (event, files) => {
  const found = [...files].filter((file) => file.type.startsWith("image/"));
  if (!found.length) return;
  event.preventDefault();
  found.forEach(upload);
};
area.addEventListener("paste", (event) => { if (!event.clipboardData.types.includes("text/plain")) take(event, event.clipboardData.files); });
area.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
area.addEventListener("drop", (event) => take(event, event.dataTransfer.files));
part("file").addEventListener("change", (event) => { take(event, event.target.files); event.target.value = ""; });

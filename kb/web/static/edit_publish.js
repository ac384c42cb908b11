// Review and publishing: what the article's state allows, and what an edit would do to answers.
import { inquire } from "./edit_dialog.js";
import { approval, desk, me, moves, part, reasonOf, shownAt, when, who } from "./edit_desk.js";
import { fill, make, texts } from "./kit.js";

const refused = part("refused");
const report = part("report");
const EDITS = ["draft", "in_review", "approved"];
const own = (shown) => shown.authors.includes(me);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const side = (title, told) => make("div", {}, make("h4", { textContent: title }),
  make("p", { className: told.outcome === "answered" ? "" : "faint", textContent: told.outcome === "answered" ? told.text : texts.refusal }),
  make("p", { className: "faint", textContent: told.documents.join(", ") }));
const TAGS = { breaks: "bad", improves: "good" };
const drawCase = (one) => make("li", { className: one.verdict },
  make("h3", {}, one.question, " ", make("span", { className: `tag ${TAGS[one.verdict] ?? ""}`, textContent: one.verdict === "same" ? texts.unchanged : texts[one.verdict] }), " ",
    make("span", { className: "tag", textContent: one.origin === "golden" ? texts.golden : texts.asked })),
  one.expected.length ? make("p", { className: "faint", textContent: fill(texts.expected, { ids: one.expected.join(", ") }) }) : null,
  make("div", { className: "sides" }, side(texts.before, one.before), side(texts.after, one.after)));
const isBroken = (one) => one.origin === "golden" && one.verdict === "breaks";

const drawReport = (found) => {
  const told = found.cases.filter((one) => one.verdict !== "same");
  const breaks = told.some(isBroken);
  report.replaceChildren(
    make("p", { className: breaks ? "problem" : "", textContent: breaks ? texts.someBreak : told.length ? texts.nothingBreaks : texts.nothingTold }),
    make("p", { className: "faint", textContent: fill(texts.tried, { count: found.replayed, seconds: (found.took_ms / 1000).toFixed(1) }) }),
    ...found.notes.map((note) => make("p", { className: "faint", textContent: note })),
    make("ul", { className: "waits cases" }, ...told.sort((one, other) => isBroken(other) - isBroken(one)).slice(0, 50).map(drawCase)));
};

const sayHere = (...children) => {
  refused.replaceChildren(...children);
  refused.focus(); // the button that was pressed may be gone
};
const refuse = (text) => sayHere(make("p", { className: "problem", textContent: text }));
const reasoned = (move, rest) => {
  const field = make("textarea", { required: true, rows: 3, maxLength: 2000, id: "why" });
  const form = make("form", { className: "stacked" }, make("label", { htmlFor: "why", textContent: texts.reason }), field, make("button", { textContent: texts.publishAnyway }));
  form.addEventListener("submit", (event) => { event.preventDefault(); carryOut(move, { ...rest, reason: field.value.trim() }); });
  refused.append(form);
  field.focus();
};

/** Saves what is not saved, then moves the article; tells whether it was done. */
const carryOut = async (move, body, query = "") => {
  refused.replaceChildren();
  if (desk.dirty && !(await desk.save())) { refuse(part("status").textContent); return; }
  const waits = make("p", { className: "waiting", role: "status", textContent: move === "publish" ? texts.publishing : texts.saving });
  refused.append(waits);
  lock(true);
  const reply = move === "delete" ? await desk.ask("DELETE", "") : await desk.ask("POST", `/${move}${query}`, body);
  lock(false);
  waits.remove();
  if (!reply) { refuse(texts.offline); return; }
  const told = await reply.json();
  if (reply.ok) done(move, told);
  else if (reply.status === 412) desk.conflict(told);
  else {
    refuse(reasonOf(told));
    if (told.report) { drawReport(told.report); reasoned(move, body); }
  }
};
const done = (move, shown) => {
  if (!shown) { desk.saved = desk.text(); location.assign("/edit"); return; }
  desk.accept(shown, shown.text);
  desk.put(shown.text);
  if (move === "publish") {
    report.replaceChildren();
    sayHere(make("p", { className: "good" }, make("strong", { textContent: fill(texts.liveNow, { number: shown.live }) }), " ", make("a", { href: shownAt(shown.id), textContent: texts.readIt })));
  } else sayHere(make("p", { className: "good", textContent: texts.done }));
};

const noted = async (move, required) => {
  const told = await inquire({ title: move === "submit" ? texts.submit : texts.sendBack, fields: [{ name: "note", label: required ? texts.note : texts.noteSubmit, type: "textarea", required }], yes: move === "submit" ? texts.submit : texts.sendBack });
  if (told) carryOut(move, told.note ? { note: told.note } : {});
};
const siblings = async () => {
  const reply = await fetch("/api/translations");
  const groups = reply.ok ? (await reply.json()).groups : [];
  return (groups.find((group) => group.retires.includes(desk.id))?.retires ?? []).filter((id) => id !== desk.id);
};
const ACTS = {
  submit: () => noted("submit", false),
  "send_back": () => noted("send-back", true),
  approve: () => carryOut("approve", {}),
  publish: () => carryOut("publish", {}),
  schedule: async () => {
    const told = await inquire({ title: texts.schedule, fields: [{ name: "at", label: fill(texts.at, { zone }), type: "datetime-local", required: true }], yes: texts.schedule });
    if (told) carryOut("schedule", { at: new Date(told.at).toISOString() });
  },
  unschedule: () => carryOut("unschedule"),
  retire: async () => {
    const ids = await siblings();
    const fields = ids.length ? [{ name: "together", label: fill(texts.together, { ids: ids.join(", ") }), type: "checkbox" }] : [];
    const told = await inquire({ title: texts.retire, text: texts.retireSure, fields, yes: texts.yesRetire, danger: true });
    if (told) carryOut("retire", undefined, told.together ? "?together=true" : "");
  },
  discard: async () => { if (await inquire({ title: texts.discard, text: texts.discardSure, yes: texts.yesDiscard, danger: true })) carryOut("discard"); },
  delete: async () => { if (await inquire({ title: texts.delete, text: texts.deleteSure, yes: texts.yesDelete, danger: true })) carryOut("delete"); },
};
const LABELS = { submit: "submit", approve: "approve", send_back: "sendBack", publish: "publishNow", schedule: "schedule", unschedule: "unschedule", retire: "retire", discard: "discard", delete: "delete" };
const FIRST = { draft: approval ? "submit" : "publish", in_review: approval ? "approve" : "publish", approved: "publish", scheduled: "publish" };

/** Why a move is not offered though the state allows it; null where it is. */
const against = (move, shown) => {
  if (shown.source !== "articles/" && move !== "discard") return "imported";
  if (["publish", "schedule"].includes(move) && approval && shown.state !== "scheduled" && !shown.approved_by.length) return "needs_approval";
  if (move === "approve") return !approval ? "approval_off" : own(shown) ? "wrote_it" : null;
  if (move === "retire" && !shown.live) return "not_live";
  return move === "discard" && !shown.edit ? "no_edit" : null;
};
const lock = (busy) => { for (const button of part("moves").querySelectorAll("button")) button.disabled = busy; };
const offered = () => {
  const shown = desk.shown;
  if (!shown) return [];
  const able = Object.keys(LABELS).filter((move) => moves[shown.state].includes(move));
  const buttons = able.filter((move) => against(move, shown) === null).map((move) => {
    const danger = ["retire", "discard", "delete"].includes(move);
    const button = make("button", { type: "button", className: move === FIRST[shown.state] ? "" : danger ? "quiet danger" : "quiet", textContent: texts[LABELS[move]], data: { does: move } });
    button.addEventListener("click", ACTS[move]);
    return button;
  });
  const reasons = able.map((move) => against(move, shown));
  const told = ["imported", "wrote_it", "needs_approval"].find((reason) => reasons.includes(reason));
  return [make("div", { className: "buttons" }, ...buttons), told ? make("p", { className: "faint", textContent: reasonOf({ reason: told }) }) : ""];
};
const stands = () => {
  const shown = desk.shown;
  if (!shown) return [texts.standsNew];
  return [
    shown.source !== "articles/" ? fill(texts.standsImport, { name: shown.source }) : null,
    shown.live ? fill(texts.standsLive, { number: shown.live }) : texts.standsNothing,
    shown.edit ? fill(texts.standsEdit, { number: shown.edit, name: who(shown.author) }) : null,
    shown.approved_by.length ? fill(texts.standsApproved, { names: shown.approved_by.map(who).join(", ") }) : null,
    shown.due ? fill(texts.standsDue, { time: when(shown.due) }) : null,
    shown.trouble ? fill(texts.standsTrouble, { why: shown.trouble }) : null,
  ].filter(Boolean);
};
const said = (one) => make("li", { textContent: `${when(one.at)} · ${fill(texts.said, { name: who(one.actor), what: texts[LABELS[one.move]].replace("…", "") })}${one.note ? ` — ${one.note}` : ""}` });

const draw = () => {
  part("stands").replaceChildren(...stands().map((line) => make("p", { textContent: line })),
    desk.shown?.reviews.length ? make("ul", { className: "list" }, ...desk.shown.reviews.map(said)) : "");
  part("moves").replaceChildren(...offered());
  part("trying").hidden = !desk.shown?.edit && desk.shown?.state !== "draft";
};
part("gate").addEventListener("click", async () => {
  if (desk.dirty && !(await desk.save())) return;
  report.replaceChildren(make("p", { className: "waiting", textContent: texts.trying }));
  const reply = await desk.ask("GET", "/gate");
  if (reply?.ok) drawReport(await reply.json());
  else report.replaceChildren(make("p", { className: "problem", textContent: reply ? reasonOf(await reply.json()) : texts.offline }));
});
desk.on("stored", draw);
draw();

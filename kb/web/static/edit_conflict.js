// Somebody was faster: both sides are shown, and the editor takes theirs, keeps their own, or brings both together by hand.
import { compared } from "./edit_diff.js";
import { forget, keep, putBy } from "./edit_kept.js";
import { desk, part, who } from "./edit_desk.js";
import { fill, make, say, texts } from "./kit.js";

const button = (label, act, quiet) => {
  const made = make("button", { type: "button", className: quiet ? "slim quiet" : "slim", textContent: label });
  made.addEventListener("click", act);
  return made;
};

/** What is known of the article becomes theirs, whose number the next save names. */
const onTopOf = async () => {
  const reply = await desk.ask("GET", "");
  if (!reply?.ok) { say(texts.offline, "bad"); return false; }
  const shown = await reply.json();
  desk.accept(shown, shown.text);
  return true;
};

desk.conflict = (problem) => {
  keep();
  part("conflict")?.remove();
  const { base, theirs } = problem;
  const mine = desk.text();
  const began = base.revision === desk.number ? desk.saved : base.text ?? ""; // as it was read here: no other spelling of the same
  const their = make("div");
  const own = make("div");
  const close = () => { notice.remove(); part("text").focus(); };
  const notice = make("section", { id: "conflict", className: "notice bad", tabIndex: -1, "aria-labelledby": "conflict-title" },
    make("h2", { id: "conflict-title", textContent: fill(texts.conflict, { name: who(theirs.author ?? "files"), number: theirs.revision }) }),
    make("p", { textContent: texts.conflictHow }),
    make("div", { className: "sides" }, make("div", {}, make("h3", { textContent: texts.theirs }), their), make("div", {}, make("h3", { textContent: texts.yours }), own)),
    make("div", { className: "buttons" },
      button(texts.keepMine, async () => { if (await onTopOf()) { close(); desk.save(); } }),
      button(texts.takeTheirs, async () => {
        if (desk.text() !== began && !putBy(desk.text(), base.revision)) return;
        if (await onTopOf()) { forget(); desk.put(desk.shown.text); close(); say(texts.took); }
      }, true),
      button(texts.merge, async () => {
        if (!(await onTopOf())) return;
        const field = make("textarea", { readOnly: true, value: theirs.text, id: "their-text", rows: 16 });
        notice.replaceChildren(make("p", { textContent: texts.merging }), make("label", { htmlFor: "their-text", textContent: texts.theirText }), field);
        part("text").focus();
        desk.on("stored", () => notice.remove());
      }, true)));
  part("notices").prepend(notice);
  notice.focus();
  notice.scrollIntoView({ block: "nearest" });
  compared(began, theirs.text).then((drawn) => their.replaceChildren(drawn));
  compared(began, mine).then((drawn) => own.replaceChildren(drawn));
};

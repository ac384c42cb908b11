// One question and its answer, as they come: sentences with their sources, options, next steps, a hand-over.
import { cited, fill, linked, make, post, texts } from "./kit.js";
import { duration, moment } from "./words.js";

const KEPT = ["answer_id", "conversation_id", "outcome", "label", "options", "actions", "handover"];

const button = (label, act, properties = {}) => {
  const made = make("button", { type: "button", textContent: label, ...properties });
  made.addEventListener("click", act);
  return made;
};

/** What takes the place of a row of buttons: said to screen readers, and the focus is not lost. */
const replaced = (element, text) => {
  element.replaceChildren(make("p", { role: "status", textContent: text, tabIndex: -1 }));
  element.firstChild.focus({ preventScroll: true });
};

export class Turn {
  /** `talk` is asked further questions, and told what is worth keeping: `kept` makes the same turn again. */
  constructor(talk, question) {
    this.talk = talk;
    this.kept = { question, parts: [], answer: null, said: false, called: false };
    this.waiting = make("p", { className: "waiting", textContent: texts.waiting });
    this.told = make("div", { className: "told" }, this.waiting);
    const you = make("span", { className: "hidden", textContent: `${texts.you}: ` });
    this.element = make("article", { className: "turn" }, make("p", { className: "said" }, you, question), this.told);
    this.sources = new Map();
    this.paragraphs = {};
  }

  /** The turn that was kept. */
  static again(talk, kept) {
    const turn = new Turn(talk, kept.question);
    for (const part of kept.parts) turn.sentence(part, part.kind);
    Object.assign(turn.kept, { said: kept.said, called: kept.called });
    if (kept.answer) turn.done(kept.answer);
    else turn.failed(texts.failed);
    return turn;
  }

  sentence(part, kind) {
    this.kept.parts.push({ kind, text: part.text, before: part.before, citation: part.citation });
    this.waiting.remove();
    let paragraph = this.paragraphs[kind];
    if (!paragraph) {
      paragraph = this.paragraphs[kind] = make("p", { className: kind });
      if (kind === "urgent") paragraph.setAttribute("role", "alert");
      this.told.append(paragraph);
    } else {
      paragraph.append(part.before);
    }
    paragraph.append(part.text);
    if (part.citation) paragraph.append(this.number(part.citation));
  }

  number(citation) {
    const key = citation.document_id;
    if (!this.sources.has(key)) this.sources.set(key, citation);
    const number = [...this.sources.keys()].indexOf(key) + 1;
    const url = cited(citation);
    const label = `${texts.source} ${number}: ${citation.title}`;
    return make("sup", {}, url ? make("a", { href: url, textContent: number, "aria-label": label }) : String(number));
  }

  done(answer) {
    this.kept.answer = Object.fromEntries(KEPT.map((name) => [name, answer[name]]));
    this.waiting.remove();
    if (answer.label) this.told.append(make("p", { className: "faint", textContent: answer.label }));
    this.list("choices", (answer.options || []).map((option) => button(option.label, () => this.talk.ask(option.label))));
    this.list("actions", (answer.actions || []).map((action) => linked(action.label, action.link)));
    if (answer.handover) this.handover(answer.handover);
    if (this.sources.size) {
      this.told.append(make("h2", { className: "small", textContent: texts.sources }));
      this.list("sources", [...this.sources.values()].map((source) => linked(source.title, cited(source))), "ol");
    }
    if (answer.outcome === "answered" && !this.kept.said) this.helpful(answer.answer_id);
  }

  list(name, items, tag = "ul") {
    if (!items.length) return;
    this.told.append(make(tag, { className: name }, ...items.map((item) => make("li", {}, item))));
  }

  /** Whoever was not helped has a person at once, who is told all that was said here. */
  helpful(answerId) {
    const row = make("div", { className: "helpful", role: "group", "aria-label": texts.helpful });
    const say = (kind) => {
      this.kept.said = true;
      replaced(row, texts.thanks);
      post("/api/feedback", { kind, answer_id: answerId, channel: this.talk.channel }).catch(() => {});
      if (kind === "not_helpful") this.talk.person();
      this.talk.keep();
    };
    row.append(make("span", { textContent: texts.helpful }), button(texts.yes, () => say("helpful"), { className: "quiet" }),
      button(texts.no, () => say("not_helpful"), { className: "quiet" }));
    this.told.append(row);
  }

  handover(handover) {
    const list = make("dl", { className: "handover" });
    const add = (term, value) => value && list.append(make("dt", { textContent: term }), make("dd", { textContent: value }));
    add(texts.reference, handover.reference || handover.id);
    if (handover.waiting_minutes !== null) add(texts.wait, fill(texts.about, { time: duration(handover.waiting_minutes) }));
    if (handover.closed_until) add(texts.closed, moment(handover.closed_until));
    this.told.append(list);
    if (this.kept.called) this.told.append(make("p", { textContent: texts.called }));
    else if (handover.callback) this.told.append(callBack(handover.id, () => this.called()));
  }

  called() {
    this.kept.called = true;
    this.talk.keep();
  }

  failed(text) {
    this.waiting.remove();
    const retry = button(texts.again, () => this.talk.ask(this.kept.question), { className: "quiet" });
    const person = button(texts.person, () => this.talk.person(), { className: "quiet" });
    this.told.append(make("p", { className: "problem", role: "alert", textContent: text }), make("div", { className: "helpful" }, retry, person));
  }
}

const callBack = (id, called) => {
  const contact = make("input", { name: "contact", required: true, minLength: 3, maxLength: 200, autocomplete: "tel" });
  const when = make("input", { name: "when", maxLength: 200 });
  const wrong = make("p", { className: "problem", role: "alert" });
  const element = make("form", { className: "callback" },
    make("label", {}, make("span", { textContent: texts.contact }), contact),
    make("label", {}, make("span", { textContent: texts.when }), when),
    make("button", { textContent: texts.callback }), wrong);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = "";
    const wanted = { contact: contact.value, when: when.value || null };
    const reply = await post(`/api/handovers/${encodeURIComponent(id)}/callback`, wanted).catch(() => null);
    if (!reply?.ok) {
      wrong.textContent = texts.failed;
      return;
    }
    replaced(element, texts.called);
    called();
  });
  return element;
};

const choice = (name, value, label) => make("label", { className: "choice" },
  make("input", { type: "radio", name, value, required: name === "kind" }), make("span", { textContent: label }));

/** How the conversation ended, as its customer sees it, about one answer; `over` is told what was sent, if anything. */
export const verdict = (answerId, channel, over, skip = texts.skip) => {
  const ratings = [1, 2, 3, 4, 5].map((number) => choice("rating", number, String(number)));
  const note = make("textarea", { name: "note", maxLength: 2000, rows: 2 });
  const wrong = make("p", { className: "problem", role: "alert" });
  const more = make("div", { className: "more", hidden: true },
    make("fieldset", {}, make("legend", { textContent: texts.rating }), ...ratings),
    make("label", { className: "note" }, make("span", { textContent: texts.note }), note));
  const element = make("form", { className: "verdict" },
    make("fieldset", {}, make("legend", { textContent: texts.solved }), choice("kind", "solved", texts.isSolved),
      choice("kind", "not_solved", texts.notSolved)),
    more, make("div", { className: "helpful" }, make("button", { textContent: texts.send }),
      button(skip, () => over(null), { className: "quiet" })), wrong);
  element.addEventListener("change", () => { more.hidden = !element.elements.kind.value; });
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { kind, rating } = element.elements;
    const said = { kind: kind.value, answer_id: answerId, channel };
    if (rating.value) said.rating = Number(rating.value);
    if (note.value.trim()) said.note = note.value.trim();
    const reply = await post("/api/feedback", said).catch(() => null);
    if (reply?.ok) {
      replaced(element, texts.thanks);
      over(said.kind);
    } else {
      wrong.textContent = texts.failed;
    }
  });
  return element;
};

// A conversation with the service in one tab: asked, answered, kept while the tab lasts, and judged at its end.
import { make, post, texts } from "./kit.js";
import { events } from "./stream.js";
import { Turn, verdict } from "./turn.js";

const STORE = "kb_talk";
const WORDS = /\p{Script=Han}|\p{L}{3}/u; // in whose language a question is; one without, such as "E3", is in the page's
const MOST = 30;
const ALONE_MS = 90_000;

/** What this tab keeps; nothing where the browser lets nothing be kept. */
export const stored = (name) => {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
};

export const store = (name, value) => {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // The conversation goes on; it is only gone with the page.
  }
};

export class Talk {
  /** `log` is where turns appear; `person` the words that ask for one; `context` what the page knows of the customer. */
  constructor({ log, person, channel, context = {}, changed = () => {} }) {
    Object.assign(this, { log, channel, context, changed, words: person });
    this.asked = null;
    this.current = Promise.resolve();
    this.clear();
  }

  /** Goes on with what this tab kept. */
  restore() {
    const kept = stored(STORE);
    if (!kept) return;
    this.conversation = kept.conversation;
    this.judged = kept.judged;
    for (const one of kept.turns) this.show(Turn.again(this, one));
    if (this.turns.at(-1)?.kept.answer?.handover) this.judge();
    this.changed();
  }

  /** Goes on with a conversation whose turns are not known here. */
  adopt(conversation) {
    this.conversation = conversation;
    this.keep();
    this.changed();
  }

  clear() {
    this.turns = [];
    this.conversation = null;
    this.judged = false;
  }

  /** Begins anew: nothing of it stays in this tab. */
  reset() {
    clearTimeout(this.alone);
    this.asked = null;
    this.clear();
    this.log.replaceChildren();
    this.keep();
    this.changed();
  }

  keep() {
    const turns = this.turns.map((turn) => turn.kept).filter((kept) => kept.answer);
    store(STORE, { conversation: this.conversation, judged: this.judged, turns });
  }

  show(turn) {
    this.turns.push(turn);
    if (this.turns.length > MOST) this.turns.shift();
    this.log.append(turn.element);
  }

  /** Asks for a person, once what is being answered is. */
  async person() {
    await this.current;
    return this.ask(this.words);
  }

  /** Shows the words at once; they are answered after those before them. The same words once more are a double click. */
  ask(question) {
    if (!question.trim() || question === this.asked) return this.current;
    this.asked = question;
    const turn = new Turn(this, question);
    this.show(turn);
    this.changed();
    turn.element.scrollIntoView({ block: "end" });
    this.current = this.current.then(() => this.turn(turn, question));
    return this.current;
  }

  async turn(turn, question) {
    if (!turn.element.isConnected) return; // it was begun anew meanwhile
    clearTimeout(this.alone);
    this.log.setAttribute("aria-busy", "true");
    try {
      await this.answer(turn, question);
    } catch {
      turn.failed(texts.failed);
    } finally {
      if (this.asked === question) this.asked = null;
      this.log.removeAttribute("aria-busy");
      this.keep();
      turn.element.scrollIntoView({ block: "nearest" });
    }
  }

  async answer(turn, question) {
    let offered = await this.offer(question);
    if (offered.status === 404 && this.conversation) { // it has expired: begin again
      this.conversation = null;
      offered = await this.offer(question);
    }
    if (offered.status === 503 || offered.status === 429) return turn.failed(texts.busy);
    if (!offered.ok) return turn.failed(texts.failed);
    return events((await offered.json()).url, (name, value) => this.take(turn, name, value));
  }

  offer(question) {
    const about = this.conversation ? { conversation_id: this.conversation } : { conversation: true };
    const speaks = WORDS.test(question) ? {} : { language: document.documentElement.lang };
    return post("/api/answers/stream", { question, channel: this.channel, context: this.context, ...about, ...speaks });
  }

  /** One event; true where it was the last. */
  take(turn, name, value) {
    if (!turn.element.isConnected) return true;
    if (name === "urgent") turn.sentence(value, "urgent");
    else if (name === "sentence") turn.sentence(value, "answer");
    else if (name === "problem") turn.failed(value.status === 503 ? texts.busy : texts.failed);
    else if (name === "done") this.done(turn, value);
    return name === "done" || name === "problem";
  }

  done(turn, answer) {
    this.conversation = answer.conversation_id || this.conversation;
    turn.done(answer);
    if (answer.handover) this.judge();
    else if (answer.outcome === "answered") this.alone = setTimeout(() => this.judge(), ALONE_MS);
  }

  /** Asks once, at the end, whether it was of use; null where there is nothing to ask. `over` hears when that is done. */
  judge(over = () => {}, skip = undefined) {
    const answers = this.turns.map((turn) => turn.kept.answer).filter(Boolean);
    const about = answers.findLast((answer) => answer.outcome === "answered") ?? answers.at(-1);
    if (this.judged || this.box?.isConnected || !about) return null;
    const ended = (kind) => {
      this.judged = true;
      this.keep();
      if (!kind) this.box.remove();
      over();
    };
    const form = verdict(about.answer_id, this.channel, ended, skip);
    this.box = make("section", { className: "judging", "aria-label": texts.solved }, form);
    this.log.append(this.box);
    return this.box;
  }
}

/** Makes a form, and the button for a person, talk. */
export const wired = (talk, form, field, person) => {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = event.submitter && event.submitter.name === "question" ? event.submitter.value : field.value;
    field.value = "";
    field.focus();
    talk.ask(question);
  });
  person.addEventListener("submit", (event) => {
    event.preventDefault();
    talk.person();
  });
};

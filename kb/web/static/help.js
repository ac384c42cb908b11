// The help centre's ask field, with scripts: the answer comes sentence by sentence. Without scripts the form is sent.
import { cited, linked, make, post, texts } from "./kit.js";

const form = document.getElementById("ask");
const field = document.getElementById("question");
const talk = document.getElementById("talk");
const kept = form.querySelector("[name=conversation]");
let conversation = kept ? kept.value : null;
let busy = false;

class Turn {
  constructor(question) {
    this.waiting = make("p", { className: "waiting", textContent: texts.waiting });
    this.told = make("div", { className: "told" }, this.waiting);
    const you = make("span", { className: "hidden", textContent: `${texts.you}: ` });
    this.element = make("article", { className: "turn" }, make("p", { className: "said" }, you, question), this.told);
    this.sources = new Map();
    this.paragraphs = {};
    talk.append(this.element);
    this.element.scrollIntoView({ block: "nearest" });
  }

  sentence(part, kind) {
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
    return make("sup", {}, url ? make("a", { href: url, textContent: number, title: citation.title }) : String(number));
  }

  done(answer) {
    this.waiting.remove();
    conversation = answer.conversation_id || conversation;
    if (answer.label) this.told.append(make("p", { className: "faint", textContent: answer.label }));
    this.list("choices", (answer.options || []).map((option) => {
      const button = make("button", { type: "button", textContent: option.label });
      button.addEventListener("click", () => ask(option.label));
      return button;
    }));
    this.list("actions", answer.actions.map((action) => linked(action.label, action.link)));
    if (answer.handover) this.handover(answer.handover);
    if (this.sources.size) {
      this.told.append(make("h2", { className: "small", textContent: texts.sources }));
      this.list("sources", [...this.sources.values()].map((source) => linked(source.title, cited(source))), "ol");
    }
    if (answer.outcome === "answered") this.helpful(answer.answer_id);
  }

  list(name, items, tag = "ul") {
    if (!items.length) return;
    this.told.append(make(tag, { className: name }, ...items.map((item) => make("li", {}, item))));
  }

  helpful(answerId) {
    const row = make("div", { className: "helpful" }, make("span", { textContent: texts.helpful }));
    for (const [kind, label] of [["helpful", texts.yes], ["not_helpful", texts.no]]) {
      const button = make("button", { type: "button", className: "quiet", textContent: label });
      button.addEventListener("click", async () => {
        row.replaceChildren(make("span", { textContent: texts.thanks }));
        if (kind === "not_helpful") row.append(personButton());
        await post("/api/feedback", { kind, answer_id: answerId, channel: "web" });
      });
      row.append(button);
    }
    this.told.append(row);
  }

  handover(handover) {
    const list = make("dl", { className: "handover" });
    const add = (term, value) => value !== null && value !== undefined
      && list.append(make("dt", { textContent: term }), make("dd", { textContent: value }));
    add(texts.reference, handover.reference || handover.id);
    add(texts.minutes, handover.waiting_minutes);
    add(texts.closed, handover.closed_until);
    if (handover.message) list.append(make("dd", { textContent: handover.message }));
    this.told.append(list);
    if (handover.callback) this.told.append(callBack(handover.id));
  }

  failed(text) {
    this.waiting.remove();
    this.told.append(make("p", { className: "problem", textContent: text }), personButton());
  }
}

const personButton = () => {
  const button = make("button", { type: "button", className: "quiet", textContent: texts.person });
  button.addEventListener("click", () => ask(document.querySelector(".person button").value));
  return button;
};

const callBack = (id) => {
  const contact = make("input", { name: "contact", required: true, minLength: 3, maxLength: 200, autocomplete: "tel" });
  const when = make("input", { name: "when", maxLength: 200 });
  const element = make("form", { className: "callback" },
    make("p", {}, make("label", {}, `${texts.contact} `, contact)), make("p", {}, make("label", {}, `${texts.when} `, when)),
    make("button", { textContent: texts.callback }));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reply = await post(`/api/handovers/${encodeURIComponent(id)}/callback`, { contact: contact.value, when: when.value || null });
    element.replaceChildren(make("p", { role: "status", textContent: reply.ok ? texts.called : texts.failed }));
  });
  return element;
};

const follow = (turn, url) => new Promise((resolve, reject) => {
  const source = new EventSource(url);
  const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  on("urgent", (part) => turn.sentence(part, "urgent"));
  on("sentence", (part) => turn.sentence(part, "answer"));
  on("done", (answer) => { source.close(); turn.done(answer); resolve(); });
  on("problem", () => { source.close(); reject(new Error("there is no answer")); });
  source.onerror = () => { // a broken connection is gone on with by the browser itself
    if (source.readyState === EventSource.CLOSED) reject(new Error("the stream ended early"));
  };
});

const ask = async (question) => {
  if (busy || !question.trim()) return;
  busy = true;
  const turn = new Turn(question);
  try {
    const about = conversation ? { conversation_id: conversation } : { conversation: true };
    let offered = await post("/api/answers/stream", { question, channel: "web", ...about });
    if (offered.status === 404 && conversation) { // it has expired: begin again
      conversation = null;
      offered = await post("/api/answers/stream", { question, channel: "web", conversation: true });
    }
    if (offered.status === 503 || offered.status === 429) turn.failed(texts.busy);
    else if (!offered.ok) turn.failed(texts.failed);
    else await follow(turn, (await offered.json()).url);
  } catch {
    turn.failed(texts.failed);
  } finally {
    busy = false;
    turn.element.scrollIntoView({ block: "nearest" });
  }
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = event.submitter && event.submitter.name === "question" ? event.submitter.value : field.value;
  field.value = "";
  field.focus();
  ask(question);
});
document.querySelector(".person").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(event.submitter.value);
});

// An article's numbered steps, one at a time: what was done and did not help, kept while others are read, as a call note.
import { fill, make, say } from "./kit.js";

const texts = document.getElementById("steps-texts")?.dataset ?? {};
const written = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
const KEYS = { KeyS: "done", KeyX: "failed", KeyZ: "back", KeyK: "copy" };
const FORGOTTEN_MS = 30 * 60_000;
let current = null;

/** The list under the heading of the passage that was found, which the article's HTML marks; -1 where that has none. */
const listOf = (article) => {
  const page = document.createElement("template");
  page.innerHTML = article.html ?? ""; // as the server has sanitised it; nothing of it is shown from here
  const found = page.content.querySelector("#cited");
  const above = [...page.content.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter((heading) => found && heading.compareDocumentPosition(found) & Node.DOCUMENT_POSITION_FOLLOWING);
  const name = above.at(-1)?.textContent.trim();
  return article.steps.findIndex((list) => list.heading && list.heading === name);
};

/** What was done of an article's steps on this call; another revision has other steps, another customer begins anew. */
class Course {
  constructor(article) {
    this.name = `kb-steps ${new URLSearchParams(location.search).get("call") ?? ""} ${article.document_id}@${article.revision}`;
    this.lists = article.steps;
    const kept = JSON.parse(sessionStorage.getItem(this.name) ?? "null");
    const fits = kept?.outcomes.length === this.lists.length && Date.now() - kept.at < FORGOTTEN_MS;
    const found = listOf(article);
    this.list = found >= 0 ? found : fits ? kept.list : 0;
    this.outcomes = fits ? kept.outcomes : this.lists.map(() => []);
  }

  get steps() { return this.lists[this.list].steps; }

  get told() { return this.outcomes[this.list]; }

  /** The number of the step at hand, from 0; all of them where it is over. */
  get at() { return this.told.length; }

  set(change) {
    change(this);
    sessionStorage.setItem(this.name, JSON.stringify({ list: this.list, outcomes: this.outcomes, at: Date.now() }));
  }
}

const internal = () => make("b", { className: "secret-word", textContent: texts.internal });

/** HTML that the server has sanitised, as the article's own. */
const shown = (step, language) => {
  const body = make("div", { className: "article", lang: language });
  body.innerHTML = step.html;
  return body;
};

const note = (course, article) => {
  const one = (step, number) => {
    const outcome = { done: texts.outcomeDone, failed: texts.outcomeFailed }[course.told[number]] ?? texts.outcomeNone;
    const text = step.text.split("\n").join("\n   ");
    const aside = step.aside.split("\n").filter(Boolean).map((line) => `   ${texts.secret}: ${line}`);
    const marked = step.internal || !article.public ? step.text.split("\n").map((line) => `${texts.secret}: ${line}`).join("\n   ") : text;
    return [`${number + 1}. [${outcome}] ${marked}`, ...aside].join("\n");
  };
  const heading = course.lists[course.list].heading;
  const title = heading && heading !== article.title ? `${article.title} – ${heading}` : article.title;
  const link = article.public ? article.public_url ?? article.url : null;
  return [title, link, ...course.steps.map(one), written.format(new Date())].filter(Boolean).join("\n");
};

class Stepping {
  constructor(container, article) {
    this.container = container;
    this.article = article;
    this.course = new Course(article);
    this.progress = make("p", { className: "progress", role: "status" });
    this.body = make("div", { className: "step-body" });
    this.bar = make("progress", { max: 1, value: 0, "aria-hidden": "true" });
    this.tools = {
      done: this.button("done", "S", ""), failed: this.button("failed", "X", "quiet"),
      back: this.button("back", "Z", "quiet"), copy: this.button("copy", "K", "quiet"),
      again: this.button("again", null, "quiet"),
    };
    const title = make("h3", { id: "steps-title", textContent: texts.title });
    const element = make("section", { className: "stepping", "aria-labelledby": "steps-title" },
      make("div", { className: "step-head" }, title, this.choice(), this.progress), this.bar, this.body,
      make("div", { className: "step-tools" }, ...Object.values(this.tools)));
    container.replaceChildren(element);
    this.render();
  }

  button(name, key, kind) {
    const button = make("button", { type: "button", className: kind, ...(key ? { "aria-keyshortcuts": `Alt+${key}` } : {}) },
      make("span", { textContent: texts[name] }), " ", key ? make("kbd", { textContent: `Alt ${key}` }) : null);
    button.addEventListener("click", () => this[name]());
    return button;
  }

  /** Which list, where there are several; each has a course of its own. */
  choice() {
    if (this.course.lists.length < 2) return null;
    const select = make("select", { "aria-label": texts.lists }, ...this.course.lists.map((list, number) =>
      make("option", { value: number, textContent: list.heading || String(number + 1), selected: number === this.course.list })));
    select.addEventListener("change", () => this.go((course) => { course.list = Number(select.value); }));
    return select;
  }

  go(change) {
    this.course.set(change);
    const inside = this.container.contains(document.activeElement);
    this.render();
    if (inside && document.activeElement.disabled !== false) (this.over ? this.tools.copy : this.tools.done).focus({ preventScroll: true });
  }

  done() { if (!this.over) this.go((course) => course.told.push("done")); }

  failed() { if (!this.over) this.go((course) => course.told.push("failed")); }

  back() { if (this.course.at) this.go((course) => course.told.pop()); }

  again() { this.go((course) => { course.outcomes[course.list] = []; }); }

  get over() { return this.course.at >= this.course.steps.length; }

  render() {
    const { at, steps, told } = this.course;
    const values = { number: at + 1, count: steps.length };
    this.progress.textContent = fill(this.over ? texts.finished : texts.progress, values);
    Object.assign(this.bar, { max: steps.length, value: at });
    this.body.replaceChildren(this.over ? this.summary(steps, told) : this.step(steps[at], at));
    for (const name of ["done", "failed"]) this.tools[name].hidden = this.over;
    this.tools.back.disabled = at === 0;
    this.tools.again.hidden = at === 0;
  }

  /** What lies where the step at hand begins: a part of it, unless it is off the screen or something covers it. */
  get above() {
    const { left, top, width, height } = this.body.getBoundingClientRect();
    return document.elementFromPoint(left + width / 2, top + Math.min(height / 2, 30));
  }

  /** Whether the step at hand is on the screen, or was brought there by the key before. */
  isSeen() { return this.revealed === this.course.at || this.container.contains(this.above); }

  reveal() {
    this.revealed = this.course.at;
    this.body.scrollIntoView({ block: "center" });
    const cover = this.above;
    if (!cover || cover.contains(this.container) || this.container.contains(cover)) return;
    let scroller = this.container.parentElement; // a bar that stays in its place lies over it
    while (scroller && !/auto|scroll/.test(getComputedStyle(scroller).overflowY)) scroller = scroller.parentElement;
    const bar = cover.closest("header, .bar") ?? cover;
    (scroller ?? document.scrollingElement).scrollBy(0, this.body.getBoundingClientRect().top - bar.getBoundingClientRect().bottom - 16);
  }

  /** Of an article that is for staff, all of it is. */
  isInternal(step) { return step.internal || !this.article.public; }

  step(step, at) {
    const secret = this.isInternal(step);
    return make("div", { className: secret ? "step secret" : "step" }, make("span", { className: "step-number", "aria-hidden": "true", textContent: at + 1 }),
      make("div", {}, secret ? internal() : null, shown(step, this.article.language)));
  }

  summary(steps, told) {
    return make("ol", { className: "step-list", lang: this.article.language }, ...steps.map((step, number) => make("li", { className: this.isInternal(step) ? "secret" : "" },
      make("span", { className: `tag ${told[number] === "done" ? "good" : "bad"}`, lang: document.documentElement.lang, textContent: told[number] === "done" ? texts.outcomeDone : texts.outcomeFailed }), " ",
      this.isInternal(step) ? internal() : null, " ", step.text)));
  }

  async copy() {
    const text = note(this.course, this.article);
    try {
      await navigator.clipboard.writeText(text);
      say(texts.copied);
    } catch {
      const field = make("textarea", { className: "by-hand", value: text, rows: 8, "aria-label": texts.note });
      this.body.append(field);
      field.select();
      say(texts.byHand, "bad");
    }
  }
}

/** Shows an opened article's steps in a container, where it has any; `article` is what was opened. */
export const steps = (container, article) => {
  current = article.steps?.length ? new Stepping(container, article) : null;
  if (!current) container.replaceChildren();
};

document.addEventListener("keydown", (event) => {
  const act = KEYS[event.code];
  if (!act || !event.altKey || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  if (!current?.container.checkVisibility() || !current.container.firstChild) return;
  event.preventDefault();
  if (act === "copy" || current.isSeen()) current[act]();
  else current.reveal(); // nobody has done a step that they do not see
});

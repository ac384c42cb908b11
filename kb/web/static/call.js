// The live call: what is said, and what the agent should see of it before they ask.
import { Line } from "./call_line.js";
import { card } from "./call_card.js";
import { fill, make, signIn } from "./kit.js";

const at = (id) => document.getElementById(`call-${id}`);
const texts = at("texts").dataset;
const [log, cards, typed, state, trouble, newer, end] = ["log", "cards", "typed", "state", "trouble", "newer", "end"].map(at);
const call = new URLSearchParams(location.search).get("call");
const said = new Map();
const shown = new Map();
const CARDS = 9;
const NEAR = 40;
let numbered = 0;
let sequence = 0;

/** The end of what was said, unless the reader has gone back to read. */
const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
const toEnd = () => { log.scrollTop = log.scrollHeight; newer.hidden = true; };

const line = (utterance, note) => {
  const customer = utterance.speaker === "customer";
  const kept = said.get(utterance.sequence);
  const follow = atEnd();
  if (!said.size) log.replaceChildren();
  const element = make("li", { className: `${customer ? "customer" : "colleague"}${note ? " partial" : ""}` },
    make("b", { textContent: customer ? texts.customer : texts.agent }), " ", make("span", { textContent: utterance.text }),
    note ? make("small", { textContent: ` ${note}` }) : null);
  if (kept) kept.replaceWith(element);
  else log.append(element);
  said.set(utterance.sequence, element);
  if (follow) toEnd();
  else if (!kept) newer.hidden = false;
};

const utter = (utterance) => line(utterance, utterance.final ? null : texts.speaking);

/** Numbers go round, so that the number of a suggestion that is seen never changes under the agent's fingers. */
const suggest = (message) => {
  const added = [];
  for (const suggestion of message.suggestions) {
    const name = `${message.number} ${suggestion.passage_id}`;
    if (shown.has(name)) continue;
    numbered = (numbered % CARDS) + 1;
    for (const older of shown.values()) if (older.number === numbered) older.unnumber();
    const made = card(suggestion, numbered, texts);
    shown.set(name, made);
    added.push(made);
  }
  if (!added.length) return [];
  for (const older of cards.children) older.classList.remove("newest");
  for (const one of added) one.element.classList.add("newest");
  cards.prepend(...added.map((one) => one.element));
  at("quiet").hidden = true;
  return added;
};

const announce = (added) => {
  if (added.length) at("news").textContent = fill(texts.news, { titles: added.map((one) => one.suggestion.title).join("; ") });
};

const changed = (message) => {
  for (const one of shown.values()) one.changed(message);
};

const heard = (message) => {
  if (message.type === "state") {
    for (const utterance of message.utterances) utter(utterance);
    announce(message.suggestions.flatMap(suggest));
    message.changed.forEach(changed);
  } else if (message.type === "utterance") {
    utter(message);
  } else if (message.type === "suggestions") {
    announce(suggest(message));
  } else if (message.type === "changed") {
    changed(message);
  } else if (message.type === "error") {
    say(fill(texts.unsent, message));
    for (const one of message.unsent) {
      said.get(one.sequence)?.remove();
      said.delete(one.sequence);
      typed.value = typed.value || one.text;
    }
  }
};

/** What went wrong, and the way out, where eyes and screen readers find it. */
const say = (text, link) => {
  trouble.hidden = !text;
  trouble.replaceChildren(...(text ? [text, ...(link ? [" ", link] : [])] : []));
};

const KINDS = { live: "good", over: "", connecting: "" };
const stands = (how) => {
  const final = ["unknown", "forbidden", "policy"].includes(how);
  state.textContent = texts[final ? "over" : how];
  state.className = `tag ${KINDS[how] ?? "bad"}`;
  end.textContent = how === "over" ? texts.follow : texts.stop;
  end.hidden = final;
  typed.form.hidden = final || how === "over";
  if (final) {
    say(texts[how], how === "unknown" ? make("a", { href: signIn(), textContent: texts.signIn }) : null);
  } else {
    say("");
  }
  if (how !== "connecting") at("news").textContent = state.textContent;
};

const begin = () => {
  const socket = new Line(call, heard, stands);
  document.getElementById("call").hidden = false;
  typed.form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!typed.value.trim()) return;
    say("");
    sequence = Math.max(sequence + 1, Date.now()); // above the telephony's own, which counts from 0
    const utterance = { sequence, speaker: "customer", text: typed.value.trim(), final: true };
    line(utterance, texts.sending);
    socket.say(utterance);
    typed.value = "";
  });
  typed.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.preventDefault();
  });
  end.addEventListener("click", () => (socket.ended ? socket.resume() : socket.end()));
  newer.addEventListener("click", toEnd);
  log.addEventListener("scroll", () => { if (atEnd()) newer.hidden = true; });
  document.addEventListener("keydown", (event) => {
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    if (!digit || !event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Alt and a digit alone are the search results'
    [...shown.values()].find((one) => one.number === Number(digit))?.open();
  }, { capture: true });
  socket.open();
};

if (call) begin();

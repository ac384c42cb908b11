// The agent's console: one field, two lanes, one open article, all of it by keyboard. What is where: agent_*.js.
import { asPerson, fill, make, settled, signIn, texts } from "./kit.js";
import { Finder } from "./agent_find.js";
import { copy, hush, tell } from "./agent_copy.js";
import * as reading from "./agent_read.js";
import * as results from "./agent_results.js";

const form = document.getElementById("search");
const field = document.getElementById("q");
const found = document.getElementById("found");
const desk = document.getElementById("desk");
const line = document.getElementById("line");
const model = document.getElementById("model");
const reset = document.getElementById("reset");
const keys = document.getElementById("keys");
const reasons = document.getElementById("reasons");
const selects = [...document.querySelectorAll(".filters select")];
const FILTERS = ["product", "language", "tag", "model"];
const PHONE = matchMedia("(max-width: 60rem)");
let composing = false;
let confirmed = false; // an Enter that ends a composition is none that searches
let shown = null; // what the results on the screen are for

/** What is asked for now. */
const wanted = () => ({
  text: field.value.trim().slice(0, field.maxLength),
  ...Object.fromEntries(selects.map((select) => [select.name, select.value])),
  context: model.dataset.model ? [`product:${model.dataset.model}`] : [],
});

/** This page's address, for what is asked, chosen and open. */
const address = (open) => {
  const query = new URLSearchParams(location.search);
  const values = { q: field.value.trim(), ...Object.fromEntries(selects.map((select) => [select.name, select.value])), model: model.dataset.model };
  values.open = open?.document_id;
  values.passage = open?.passage_id;
  for (const [name, value] of Object.entries(values)) if (value) query.set(name, value); else query.delete(name);
  return `${location.pathname}${query.size ? `?${query}` : ""}`;
};
const remember = () => history.replaceState(history.state, "", address(reading.open()));
const rememberSoon = settled(remember, 300);

const finder = new Finder({
  found: (asked, result) => {
    shown = asked;
    found.removeAttribute("aria-busy");
    results.show(result, address);
    results.current(reading.open()?.document_id);
  },
  failed: (detail) => {
    found.removeAttribute("aria-busy");
    results.fail(detail ? `${texts.failed} ${detail}` : texts.failed);
  },
  stands: (state) => {
    const again = make("a", { href: signIn(address(reading.open())), textContent: texts.signin });
    line.replaceChildren(...({ live: [], away: [texts.offline], over: [texts.over, " ", again] })[state]);
    line.classList.toggle("bad", state === "over");
  },
});

/** Looks for what is asked; `record` says that it is meant, and resolves once it is shown. */
const typed = (record = false) => {
  const asked = wanted();
  model.hidden = !model.dataset.model;
  reset.hidden = !(selects.some((select) => select.value) || model.dataset.model);
  if (!asked.text) {
    finder.forget();
    shown = null;
    results.clear();
    return null;
  }
  found.setAttribute("aria-busy", "true");
  if (!shown) results.fail(texts.looking);
  if (record) return finder.plainly(asked);
  finder.type(asked);
  return null;
};

/** The id of the recorded search that showed a document, and where it stood there; null where none did. */
const placed = async (asked, id) => {
  if (!asked) return null;
  try {
    const result = await finder.record(asked);
    for (const lane of [result.hits, result.tickets]) {
      const at = lane.findIndex((hit) => hit.document_id === id);
      if (at >= 0) return { query_id: result.query_id, document_id: id, passage_id: lane[at].passage_id, rank: at + 1 };
    }
  } catch {
    // what cannot be recorded cannot be counted
  }
  return null;
};

/** Counts a signal; false where the document was not found by a search. */
const signal = async (kind, about, more = {}) => {
  const place = await about;
  if (!place) return false;
  return (await asPerson("POST", "/api/feedback", { kind, channel: "agent", ...place, ...more })).ok;
};

let about = null; // of what is open: where it stood in its search

const open = async ({ document_id: id, passage_id: passage, title }, push = true) => {
  const hit = results.hitOf(id);
  closeReasons();
  desk.classList.add("opened");
  if (push) history.pushState({ opened: true }, "", address({ document_id: id, passage_id: passage }));
  about = hit ? placed(shown, id) : Promise.resolve(null);
  results.current(id);
  if (await reading.read(id, passage, title, hit)) signal("opened", about);
};

const close = () => {
  reading.close();
  closeReasons();
  desk.classList.remove("opened");
  results.current(null);
};

const back = () => {
  if (!reading.open()) return;
  if (history.state?.opened) history.back();
  else {
    close();
    remember();
    field.focus();
  }
};

const copied = async (internal) => {
  const hit = results.hitAt(document.activeElement);
  const what = hit ?? reading.open() ?? results.nth(1);
  if (!what) {
    tell(texts.nothing, "", "bad");
    return;
  }
  const place = what.document_id === reading.open()?.document_id ? about : placed(results.hitOf(what.document_id) ? shown : null, what.document_id);
  if (await copy(what, internal)) signal("copied", place);
};

const judged = async (kind, reason, said) => {
  if (!reading.open()) tell(texts.nothingOpen, "", "bad");
  else if (await signal(kind, about, reason ? { reason } : {})) tell(said, "", "good");
  else tell(texts.uncounted, "", "bad");
};

const askReason = () => {
  if (!reading.open()) {
    tell(texts.nothingOpen, "", "bad");
    return;
  }
  hush();
  reasons.hidden = false;
  document.getElementById("helped-not").setAttribute("aria-expanded", "true");
  reasons.firstElementChild.focus();
};

const closeReasons = () => {
  reasons.hidden = true;
  document.getElementById("helped-not").setAttribute("aria-expanded", "false");
};

const because = (button) => {
  const said = fill(texts.thanksNot, { reason: button.lastChild.textContent.trim() });
  closeReasons();
  document.getElementById("reading-title").focus();
  judged("not_helpful", button.value, said);
};

const resetAll = () => {
  for (const select of selects) select.value = "";
  model.dataset.model = "";
  remember();
  typed();
  field.focus();
};

const toField = () => {
  field.focus();
  field.select();
};

const BY_ALT = {
  KeyC: () => copied(false), KeyI: () => copied(true), KeyY: () => judged("helpful", null, texts.thanks), KeyN: askReason,
  KeyR: resetAll, KeyB: back, KeyT: results.toTickets,
};

const withAlt = (event) => {
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
  const hit = digit && results.nth(Number(digit[1]));
  const act = digit ? hit && (() => open(hit)) : BY_ALT[event.code];
  if (!digit && !act) return;
  event.preventDefault();
  act?.();
};

const inResults = (element) => Boolean(element.closest?.(".hit"));

const plain = (event) => {
  const { key, target } = event;
  if (key === "Escape") {
    event.preventDefault(); // which empties a search field
    closeReasons();
    hush();
    toField();
  } else if (key === "ArrowDown" && (target === field || inResults(target))) {
    if (results.move(target, 1)) event.preventDefault();
  } else if (key === "ArrowUp" && inResults(target)) {
    event.preventDefault();
    if (!results.move(target, -1)) toField();
  } else if (!reasons.hidden && /^[1-6]$/.test(key) && target !== field) {
    because(reasons.children[Number(key) - 1]);
  } else if (key === "?" && !target.matches("input, textarea, select")) {
    keys.showModal();
  } else if (key.length === 1 && key !== " " && inResults(target)) {
    field.focus(); // whoever types on goes on in the field
  }
};

document.addEventListener("keydown", (event) => {
  confirmed = event.key === "Enter" && (event.isComposing || event.keyCode === 229);
  if (event.isComposing || event.keyCode === 229 || keys.open || event.ctrlKey || event.metaKey || event.getModifierState("AltGraph")) return;
  if (event.altKey) withAlt(event);
  else plain(event);
});

field.addEventListener("compositionstart", () => { composing = true; });
field.addEventListener("compositionend", () => {
  composing = false;
  changed();
});
field.addEventListener("input", (event) => { if (!composing && !event.isComposing) changed(); });
const changed = () => {
  if (PHONE.matches && reading.open()) close();
  typed();
  rememberSoon();
};
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (composing || confirmed) return;
  remember();
  typed(true);
});
for (const select of selects) select.addEventListener("change", () => { remember(); typed(); });
model.addEventListener("click", () => {
  model.dataset.model = "";
  remember();
  typed();
  field.focus();
});
reset.addEventListener("click", resetAll);
document.getElementById("help").addEventListener("click", () => keys.showModal());
document.getElementById("back").addEventListener("click", back);
document.getElementById("copy").addEventListener("click", () => copied(false));
document.getElementById("copy-internal").addEventListener("click", () => copied(true));
document.getElementById("helped").addEventListener("click", BY_ALT.KeyY);
document.getElementById("helped-not").addEventListener("click", () => (reasons.hidden ? askReason() : closeReasons()));
reasons.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) because(button);
});
found.addEventListener("click", (event) => {
  const hit = results.hitAt(event.target);
  const selecting = !event.target.closest("a") && getSelection().toString();
  if (!hit || event.ctrlKey || event.metaKey || event.shiftKey || selecting) return;
  event.preventDefault();
  open(hit);
});
document.addEventListener("kb:open", (event) => open({ title: "", ...event.detail }));
addEventListener("popstate", () => fromAddress());

/** Shows what the address says. */
const fromAddress = () => {
  const query = new URLSearchParams(location.search);
  for (const select of selects) select.value = query.get(select.name) ?? "";
  field.value = query.get("q") ?? field.value;
  const [id, passage] = [query.get("open"), query.get("passage")];
  if (!id) {
    const was = reading.open()?.document_id;
    close();
    (results.linkOf(was) ?? field).focus();
  } else if (id !== reading.open()?.document_id) {
    open({ document_id: id, passage_id: passage, title: "" }, false);
  }
};

sessionStorage.removeItem("kb-signed-in"); // see framed.js
results.clear();
const begun = new URLSearchParams(location.search);
await typed(Boolean(field.value));
if (begun.get("open")) open({ document_id: begun.get("open"), passage_id: begun.get("passage"), title: "" }, false);

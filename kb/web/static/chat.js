// The chat within the frame that widget.js shows in another site's page. It heeds that page alone, and only if listed.
import { Talk, store, stored, wired } from "./talk.js";
import { texts } from "./kit.js";

const root = document.documentElement;
const [form, field, log] = ["ask", "question", "talk"].map((id) => document.getElementById(id));
const [closing, anew, larger] = ["close", "anew", "larger"].map((id) => document.getElementById(id));
const person = document.querySelector(".person");
const options = new URLSearchParams(location.hash.slice(1));
const sites = new Set([location.origin, ...JSON.parse(document.body.dataset.sites)]);
const framed = window.parent !== window;
let host = null;

const pairs = (text) => Object.fromEntries(text.split(";").map((pair) => pair.split(":").map((part) => part.trim()))
  .filter(([key, value]) => key && value).slice(0, 19).map(([key, value]) => [key.slice(0, 200), value.slice(0, 200)]));
const context = { ...pairs(options.get("context") ?? ""), ...(options.get("product") ? { product: options.get("product") } : {}) };
const talk = new Talk({
  log, context, person: person.querySelector("button").value, channel: "widget",
  changed: () => {
    const begun = log.childElementCount > 0;
    anew.hidden = !begun;
    document.getElementById("welcome").hidden = begun;
  },
});

const tell = (type, more = {}) => host && window.parent.postMessage({ kb: "widget", type, ...more }, host);
const enlarge = (large) => {
  root.classList.toggle("large", large);
  larger.setAttribute("aria-pressed", String(large));
};
const close = () => {
  store("kb_open", false);
  tell("close");
};
/** Closing asks once whether it was of use; Escape closes without. */
const leave = () => {
  const asked = talk.judge(close, texts.leave);
  if (!asked) return close();
  asked.scrollIntoView({ block: "end" });
  asked.querySelector("input").focus();
};

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || !sites.has(event.origin) || event.data?.kb !== "widget") return;
  if (event.data.type === "hello") {
    host = event.origin;
    tell("ready", { open: stored("kb_open") === true, label: texts.open, title: document.title });
  } else if (event.data.type === "opened") {
    store("kb_open", true);
    log.lastElementChild?.scrollIntoView({ block: "end" });
    field.focus();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && framed && !event.isComposing) close();
});
closing.hidden = !framed;
closing.addEventListener("click", leave);
larger.addEventListener("click", () => {
  const large = !root.classList.contains("large");
  store("kb_large", large);
  enlarge(large);
});
anew.addEventListener("click", () => {
  talk.reset();
  field.focus();
});
enlarge(stored("kb_large") ?? (options.get("text") === "large" || root.classList.contains("large")));
wired(talk, form, field, person);
talk.restore();

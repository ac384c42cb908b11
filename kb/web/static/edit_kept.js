// Text that is not saved yet is kept in this browser, by article, number and tab; on return it is offered, never put in by itself.
import { compared } from "./edit_diff.js";
import { desk, hour, part } from "./edit_desk.js";
import { fill, make, say, settled, texts } from "./kit.js";

const tab = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
const began = desk.id || "new";
const place = (id, number) => `kb-edit:${id}:${number}:${tab}`;
let own = null;

const write = (key, text, base) => {
  try {
    localStorage.setItem(key, JSON.stringify({ text, base, at: new Date().toISOString() }));
    return true;
  } catch {
    say(texts.notKept, "bad");
    return false;
  }
};

/** Keeps what is not saved, at once. */
export const keep = () => {
  if (!desk.dirty) return;
  const key = place(desk.id || began, desk.number);
  if (!write(key, desk.text(), desk.number)) return;
  if (own && own !== key) localStorage.removeItem(own);
  own = key;
};

/** Forgets what this tab has kept, once it is saved. */
export const forget = () => {
  if (own) localStorage.removeItem(own);
  own = null;
};

/** Keeps a text that its author gives up for now, to be offered again at the next visit. */
export const putBy = (text, base) => write(`kb-edit:${desk.id || began}:${base}:${crypto.randomUUID?.() ?? Math.random()}`, text, base);

const kept = () => Object.keys(localStorage).filter((key) => key.startsWith(`kb-edit:${began}:`) && !key.endsWith(tab))
  .filter((key) => /^\d+:[^:]+$/.test(key.slice(`kb-edit:${began}:`.length)))
  .map((key) => ({ key, ...JSON.parse(localStorage.getItem(key)) })).sort((one, other) => other.at.localeCompare(one.at));

const offer = (record) => {
  const button = (label, act, quiet = true) => {
    const made = make("button", { type: "button", className: quiet ? "slim quiet" : "slim", textContent: label });
    made.addEventListener("click", act);
    return made;
  };
  const differs = make("div");
  const notice = make("section", { className: "notice", "aria-label": fill(texts.keptAt, { time: hour(record.at) }) },
    make("p", {}, make("strong", { textContent: fill(texts.keptAt, { time: hour(record.at) }) }),
      record.base !== desk.number ? ` ${fill(texts.keptMoved, { number: desk.number, base: record.base })}` : null),
    make("div", { className: "buttons" },
      button(texts.take, () => {
        if (desk.dirty) putBy(desk.text(), desk.number);
        desk.put(record.text);
        keep();
        localStorage.removeItem(record.key);
        notice.remove();
        part("text").focus();
      }, false),
      button(texts.compare, async () => differs.replaceChildren(await compared(desk.text(), record.text))),
      button(texts.throw, () => { localStorage.removeItem(record.key); notice.remove(); part("text").focus(); })),
    differs);
  if (record.base !== desk.number) compared(desk.text(), record.text).then((drawn) => differs.replaceChildren(drawn));
  part("notices").append(notice);
};

/** Offers what was kept; what is saved by now is forgotten. */
export const offerKept = () => {
  for (const record of kept()) {
    if (record.text === desk.saved) localStorage.removeItem(record.key);
    else offer(record);
  }
};

desk.on("change", settled(keep, 800));
for (const name of ["pagehide", "visibilitychange"]) addEventListener(name, keep, true);
addEventListener("beforeunload", (event) => { if (desk.dirty) { keep(); event.preventDefault(); } });

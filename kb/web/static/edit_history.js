// What the article was: its numbers, what differs between two, restoring one, and who was told an older text.
import { drawn } from "./edit_diff.js";
import { desk, part, reasonOf, when, who } from "./edit_desk.js";
import { fill, make, say, texts } from "./kit.js";

const diff = part("diff");
const shownDiff = async (from, to) => {
  diff.replaceChildren(make("p", { className: "waiting", textContent: texts.loading }));
  const reply = await desk.ask("GET", `/diff?to=${to}${from === null ? "" : `&from=${from}`}`);
  if (!reply?.ok) { diff.replaceChildren(make("p", { className: "problem", textContent: reply ? (await reply.json()).detail : texts.offline })); return; }
  const found = await reply.json();
  diff.replaceChildren(make("h2", { textContent: fill(texts.changesOf, { from: found.from_revision, to: found.to_revision }) }), drawn(found.difference));
  diff.focus();
};
const restore = async (number) => {
  if (desk.dirty) { say(texts.saveOrLose, "bad"); return; }
  const reply = await desk.ask("POST", "/restore", { revision: number });
  if (reply?.ok) {
    const shown = await reply.json();
    desk.accept(shown, shown.text);
    desk.put(shown.text);
    say(fill(texts.restored, { number }));
    return;
  }
  const told = reply ? await reply.json() : {};
  if (reply?.status === 412) desk.conflict(told);
  else say(reply ? reasonOf(told) : texts.offline, "bad");
};
const button = (label, act, number) => {
  const made = make("button", { type: "button", className: "slim quiet" }, label, make("span", { className: "hidden", textContent: ` ${number}` }));
  made.addEventListener("click", act);
  return made;
};
const row = (one, live, newest) => make("tr", {},
  make("td", {}, String(one.revision), " ", make("span", { className: `tag ${one.revision === live ? "good" : ""}`, textContent: one.revision === live ? texts.live : one.stored ? texts.wasLive : texts.savedOnly })),
  make("td", { textContent: when(one.at) }), make("td", { textContent: one.author ? who(one.author) : texts.file }),
  make("td", {}, make("div", { className: "buttons" }, button(texts.whatChanged, () => shownDiff(null, one.revision), one.revision), one.revision === newest ? null : button(texts.restore, () => restore(one.revision), one.revision))));
const chooser = (label, numbers, chosen) => {
  const select = make("select", {}, ...numbers.map((number) => make("option", { value: number, textContent: number, selected: number === chosen })));
  return [make("label", {}, label, " ", select), select];
};
const draw = (found) => {
  const numbers = found.revisions.map((one) => one.revision);
  const table = make("table", { className: "data" },
    make("thead", {}, make("tr", {}, ...[texts.number, texts.when, texts.who, ""].map((label) => label ? make("th", { scope: "col", textContent: label }) : make("td")))),
    make("tbody", {}, ...found.revisions.slice(0, 100).map((one) => row(one, found.live, numbers[0]))));
  const [fromLabel, from] = chooser(texts.from, numbers, numbers[1]);
  const [toLabel, to] = chooser(texts.to, numbers, numbers[0]);
  const compare = button(texts.compare, () => shownDiff(from.value, to.value), "");
  part("revisions").replaceChildren(make("div", { className: "scroll", tabIndex: 0 }, table), numbers.length > 1 ? make("div", { className: "row" }, fromLabel, toLabel, compare) : "");
};
const impact = async () => {
  const reply = await desk.ask("GET", "/impact?limit=1");
  if (!reply?.ok) { part("impact").replaceChildren(); return; }
  const found = await reply.json();
  const figure = (number, label) => make("div", {}, make("strong", { textContent: number }), make("span", { textContent: label }));
  const mentions = found.mentions.slice(0, 20).map((one) => make("li", { textContent: `${one.title}: ${one.what}` }));
  part("impact").replaceChildren(make("h2", { textContent: texts.impact }),
    make("div", { className: "figures" }, figure(found.told, texts.told), figure(found.conversations.length, texts.conversations), figure(found.mentions.length, texts.mentions)),
    make("ul", { className: "list" }, ...mentions));
};

let known = null;
/** Read anew where the article has moved since. */
export const renewHistory = async () => {
  if (!desk.shown) { part("revisions").replaceChildren(make("p", { className: "empty", textContent: texts.noRevisions })); return; }
  if (known === desk.number) return;
  known = desk.number;
  diff.replaceChildren();
  impact();
  const reply = await desk.ask("GET", "/revisions");
  if (reply?.ok) {
    draw(await reply.json());
    if (location.hash === "#look") shownDiff(null, desk.number);
  } else part("revisions").replaceChildren(make("p", { className: "problem", textContent: reply ? (await reply.json()).detail : texts.offline }));
};

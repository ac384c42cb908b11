// The lists of `/edit`: approving and sending back, drafts from tickets, find and replace.
import { inquire } from "./edit_dialog.js";
import { asPerson, fill, make, problemOf, say, texts } from "./kit.js";

const trouble = document.getElementById("trouble");
const api = (id) => `/api/articles/${encodeURIComponent(id)}`;
const page = (id) => `/edit/${id.split("/").map(encodeURIComponent).join("/")}${id === "new" ? "?article" : ""}`;

const move = async (button) => {
  const item = button.closest("[data-id]");
  const sendsBack = button.dataset.move === "send-back";
  const told = sendsBack ? await inquire({ title: button.textContent, fields: [{ name: "note", label: texts.note, type: "textarea", required: true }], yes: texts.sendBack }) : {};
  if (!told) return;
  trouble.textContent = "";
  button.disabled = true;
  const reply = await asPerson("POST", `${api(item.dataset.id)}/${button.dataset.move}`, told, { "If-Match": `"${item.dataset.number}"` });
  if (reply.ok) {
    say(sendsBack ? texts.sent : texts.approved);
    const section = item.closest("section");
    item.remove();
    section.querySelector(".count").textContent = section.querySelectorAll("li").length;
    (section.querySelector("a") ?? document.getElementById("main")).focus();
    return;
  }
  button.disabled = false;
  trouble.textContent = reply.status === 412 ? texts.stale : await problemOf(reply, texts.failed);
};
for (const button of document.querySelectorAll("[data-move]")) button.addEventListener("click", () => move(button));

const cases = document.getElementById("cases");
const propose = async (one, button) => {
  button.disabled = true;
  button.textContent = texts.making;
  const reply = await asPerson("POST", `/api/cases/${encodeURIComponent(one.id)}/propose`);
  if (reply.ok) location.assign(page((await reply.json()).draft));
  else {
    button.disabled = false;
    button.textContent = texts.propose;
    trouble.textContent = await problemOf(reply, texts.failed);
  }
};
const listed = (one) => {
  const item = make("li", {}, make("h3", { textContent: one.title, lang: one.language }));
  const about = fill(texts.tickets, { count: one.size });
  if (one.state === "open") {
    const button = make("button", { type: "button", className: "slim", textContent: texts.propose });
    button.addEventListener("click", () => propose(one, button));
    item.append(make("p", { className: "faint", textContent: about }), button);
  } else {
    const id = one.state === "covered" ? one.article : one.draft;
    item.append(make("p", { className: "faint" }, `${about} · `, make("a", { href: page(id), textContent: fill(texts[one.state], { id }) })));
  }
  return item;
};
if (cases) {
  const reply = await asPerson("GET", "/api/cases");
  if (!reply.ok) cases.replaceChildren(make("p", { className: "problem", textContent: await problemOf(reply, texts.failed) }));
  else {
    const found = (await reply.json()).cases;
    cases.replaceChildren(found.length ? make("ul", { className: "waits" }, ...found.map(listed)) : make("p", { className: "empty", textContent: texts.none }));
  }
}

const form = document.getElementById("replace");
const found = document.getElementById("found");
const wanted = () => ({ find: form.find.value, replace: form.replace.value, regex: form.regex.checked, case: !form.any_case.checked });
const changed = (name, word, text) => make(name, {}, make("span", { className: "hidden", textContent: `${word} ` }), text);
const place = (one) => make("li", {}, make("span", { className: "faint", textContent: `${fill(texts.line, one)} ` }),
  changed("del", texts.removed, one.before), " ", changed("ins", texts.added, one.after));
const article = (one) => make("li", {}, make("h3", {}, make("a", { href: page(one.document_id), textContent: one.title ?? one.document_id })), make("ul", { className: "places" }, ...one.places.map(place)));
const kept = (ones) => ones.length ? [make("h2", { textContent: texts.kept }), make("ul", { className: "list" }, ...ones.map((one) => make("li", { textContent: `${one.document_id}: ${one.reason}` })))] : [];
const carryOut = async (body, token, button) => {
  button.disabled = true;
  const reply = await asPerson("POST", `/api/replacements/${encodeURIComponent(token)}`, body);
  button.disabled = false;
  if (!reply.ok) { trouble.textContent = await problemOf(reply, texts.failed); return; }
  const done = await reply.json();
  found.replaceChildren(make("p", { textContent: fill(texts.done, { count: done.edited.length }) }),
    make("ul", { className: "list" }, ...done.edited.map((one) => make("li", {}, make("a", { href: page(one.document_id), textContent: one.document_id })))), ...kept(done.kept));
};
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  trouble.textContent = "";
  const body = wanted();
  const reply = await asPerson("POST", "/api/replacements", body);
  if (!reply.ok) { trouble.textContent = await problemOf(reply, texts.failed); found.replaceChildren(); return; }
  const seen = await reply.json();
  const button = make("button", { type: "button", textContent: texts.do });
  button.addEventListener("click", () => carryOut(body, seen.token, button));
  const places = seen.changed.reduce((sum, one) => sum + one.places.length, 0);
  found.replaceChildren(...(seen.changed.length
    ? [make("h2", { textContent: fill(texts.would, { places, articles: seen.changed.length }) }), make("ul", { className: "waits" }, ...seen.changed.map(article)), button]
    : [make("p", { className: "empty", textContent: texts.nothing })]), ...kept(seen.kept));
});
form?.addEventListener("input", () => found.replaceChildren());

// Keys and people: dialogs that ask, the calls behind them, and the list as the server shows it afterwards.
import { asPerson, fill, problemOf, say, texts } from "./kit.js";
import { showTimes } from "./staff.js";

const list = () => document.getElementById("list");
const groupsOf = (form) => form.elements.groups.value.split(/[,，、;；]/).map((name) => name.trim()).filter(Boolean);
const one = (row) => `/api/people/${encodeURIComponent(row.id)}`;

const expiresOf = ({ expires, until }) => (expires.value === "date" ? until.value : expires.value) || null;

/** By dialog: the call, and what is said once it is done. */
const DEEDS = {
  "make-key": (form) => ["POST", "/api/keys", {
    name: form.elements.name.value.trim(), role: form.elements.role.value, groups: groupsOf(form), expires: expiresOf(form.elements),
  }],
  "revoke-key": (form, row) => ["DELETE", `/api/keys/${encodeURIComponent(row.id)}`, undefined, texts.didRevoke],
  "make-person": (form) => ["POST", "/api/people", {
    name: form.elements.name.value, password: form.elements.password.value, role: form.elements.role.value, groups: groupsOf(form),
  }, texts.didMake],
  "change-person": (form, row) => ["PATCH", one(row), { role: form.elements.role.value, groups: groupsOf(form) }, texts.didChange],
  "give-password": (form, row) => ["POST", `${one(row)}/password`, { password: form.elements.password.value }, texts.didPassword],
  "disable-person": (form, row) => ["POST", `${one(row)}/disable`, undefined, texts.didDisable],
  "enable-person": (form, row) => ["POST", `${one(row)}/enable`, undefined, texts.didEnable],
};

/** What a refusal says, in the reader's language where that is known. */
const whyOf = async (reply) => {
  if (reply.status === 429) return texts.often;
  if (reply.status === 404) return texts.gone;
  const { reason, detail } = await reply.json().catch(() => ({}));
  return texts[reason] ?? (detail ? `${texts.accepted} ${detail}` : texts.failed);
};

/** The list anew, and the focus where it was: at the same button of the same row, else at the row's name. */
const refresh = async (id, opened) => {
  const reply = await fetch(location.href);
  if (!reply.ok) throw new Error(await problemOf(reply, texts.failed));
  const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("list");
  list().replaceWith(document.adoptNode(fresh));
  showTimes(list());
  const row = id && list().querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  const place = row?.querySelector(`[data-opens="${opened}"]`) ?? row?.querySelector("th") ?? document.getElementById("main");
  return place;
};

const open = (name, row) => {
  const dialog = document.getElementById(name), form = dialog.querySelector("form");
  form.reset();
  form.dispatchEvent(new Event("change", { bubbles: true }));
  form.querySelector("[data-problem]").textContent = "";
  dialog.row = row ? { ...row.dataset } : {};
  for (const shown of dialog.querySelectorAll("[data-shows]")) shown.textContent = dialog.row[shown.dataset.shows];
  if (name === "change-person") {
    form.elements.role.value = dialog.row.role;
    form.elements.groups.value = dialog.row.groups;
  }
  dialog.showModal();
};

const carryOut = async (dialog, form) => {
  const [method, url, body, done] = DEEDS[dialog.id](form, dialog.row);
  const reply = await asPerson(method, url, body);
  if (!reply.ok) {
    form.querySelector("[data-problem]").textContent = await whyOf(reply);
    return;
  }
  const made = reply.status === 204 ? null : await reply.json();
  form.reset();
  dialog.close();
  const place = await refresh(made?.id ?? dialog.row.id, dialog.id).catch(() => document.getElementById("main")); // it is done all the same
  if (dialog.id === "make-key") showSecret(made.key, place);
  else {
    place.focus();
    say(fill(done, { name: made?.name ?? dialog.row.name }));
  }
};

const secret = document.getElementById("secret");
const copied = document.getElementById("copied");

/** Once: it leaves the page with its dialog, and is in no address, list or storage. */
const showSecret = (key, place) => {
  const dialog = document.getElementById("made-key");
  secret.value = key;
  copied.textContent = "";
  dialog.addEventListener("close", () => {
    secret.value = "";
    place.focus();
  }, { once: true });
  dialog.showModal();
  secret.select();
};

addEventListener("pagehide", () => { if (secret) secret.value = ""; });

document.getElementById("copy")?.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(secret.value);
    copied.textContent = texts.copied;
  } catch { // no permission, or no https
    secret.select();
    copied.textContent = texts.by_hand;
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.opens) open(button.dataset.opens, button.closest("tr"));
  if (button && "closes" in button.dataset) button.closest("dialog").close();
  if (button?.dataset.suggests) suggest(document.getElementById(button.dataset.suggests));
});

/** 20 letters and digits that are not mistaken for one another: more than 95 random bits. */
const suggest = (field) => {
  const letters = "abcdefghijkmnpqrstuvwxyz23456789"; // 32, so that no byte favours one
  const drawn = [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => letters[byte % 32]).join("");
  field.value = drawn.match(/.{5}/g).join("-");
  field.dispatchEvent(new Event("kb-shown"));
  field.focus();
};

for (const dialog of document.querySelectorAll("dialog[id]")) {
  if (!DEEDS[dialog.id]) continue;
  const form = dialog.querySelector("form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector(".ends button:last-child");
    button.disabled = true;
    button.classList.add("waiting");
    try {
      await carryOut(dialog, form);
    } catch {
      if (dialog.open) form.querySelector("[data-problem]").textContent = texts.failed;
      else say(texts.failed, "bad");
    } finally {
      button.disabled = false;
      button.classList.remove("waiting");
    }
  });
}

const expires = document.querySelector("#make-key [name=expires]");
expires?.form.addEventListener("change", () => {
  const until = document.getElementById("key-until"), dated = expires.value === "date";
  until.hidden = !dated;
  until.querySelector("input").required = dated;
});

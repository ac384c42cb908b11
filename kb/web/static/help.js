// The help centre's ask field, with scripts: the answer comes sentence by sentence. Without scripts the form is sent.
import { Talk, wired } from "./talk.js";

const form = document.getElementById("ask");
const person = document.querySelector(".person");
const anew = document.getElementById("anew");
const kept = form.querySelector("[name=conversation]");
const talk = new Talk({
  log: document.getElementById("talk"),
  person: person.querySelector("button").value,
  channel: "web",
  changed: () => { anew.hidden = !document.getElementById("talk").childElementCount; },
});

if (kept) talk.adopt(kept.value);
else talk.restore();
wired(talk, form, document.getElementById("question"), person);
anew.addEventListener("click", () => {
  talk.reset();
  document.getElementById("question").focus();
});

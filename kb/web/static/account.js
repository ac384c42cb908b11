// My account: another password, and the end of sessions elsewhere.
import { asPerson, fill, problemOf, say, texts } from "./kit.js";

const busy = async (button, work) => {
  button.disabled = true;
  button.classList.add("waiting");
  try {
    await work();
  } catch {
    say(texts.failed, "bad");
  } finally {
    button.disabled = false;
    button.classList.remove("waiting");
  }
};

const elsewhere = document.getElementById("elsewhere");
elsewhere?.addEventListener("click", () => busy(elsewhere, async () => {
  const reply = await asPerson("DELETE", "/api/session/others");
  if (reply.ok) say(fill(texts.ended, { count: (await reply.json()).ended }));
  else say(await problemOf(reply, texts.failed), "bad");
  elsewhere.focus();
}));

const form = document.getElementById("change");
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const problem = form.querySelector("[data-problem]");
  problem.textContent = "";
  busy(form.querySelector("button:not([type])"), async () => {
    const body = { password: form.elements.password.value, new_password: form.elements.new_password.value };
    const reply = await asPerson("POST", "/api/session/password", body);
    if (reply.ok) {
      form.reset();
      say(texts.changed);
    } else if (reply.status === 429) problem.textContent = texts.often;
    else problem.textContent = reply.status === 403 ? texts.wrong : await problemOf(reply, texts.failed);
    form.elements.password.focus();
  });
});

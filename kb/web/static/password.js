// Fields for passwords: what was typed can be looked at, and a Caps Lock that is on is said.
import { texts } from "./kit.js";

for (const button of document.querySelectorAll("[data-reveals]")) {
  const field = document.getElementById(button.dataset.reveals);
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? texts.hide : texts.show;
  };
  button.hidden = false;
  button.setAttribute("aria-label", `${texts.show}: ${field.labels[0].textContent}`);
  button.addEventListener("click", () => show(field.type === "password"));
  field.form.addEventListener("submit", () => show(false)); // so that a browser keeps it for a password
  field.form.addEventListener("reset", () => show(false));
  field.addEventListener("kb-shown", () => show(true));
}

for (const hint of document.querySelectorAll("[data-caps-of]")) {
  const field = document.getElementById(hint.dataset.capsOf);
  const look = (event) => { hint.textContent = event.getModifierState?.("CapsLock") ? texts.caps : ""; };
  field.addEventListener("keydown", look);
  field.addEventListener("keyup", look);
  field.addEventListener("blur", () => { hint.textContent = ""; });
}

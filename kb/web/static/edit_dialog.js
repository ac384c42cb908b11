// One question in a dialog: a text, fields, yes or no. Tells the fields' values, or null.
import { make, texts } from "./kit.js";

/** `fields` are `{name, label, type, required, value}`; `type` is textarea, checkbox, or an input's. */
export const inquire = ({ title, text, fields = [], yes, danger = false, more = null }) => new Promise((resolve) => {
  const held = fields.map((field) => {
    const common = { name: field.name, required: Boolean(field.required) };
    const control = field.type === "textarea" ? make("textarea", { ...common, rows: 4, maxLength: 2000, value: field.value ?? "" })
      : make("input", { ...common, type: field.type ?? "text", ...(field.type === "checkbox" ? { checked: Boolean(field.value) } : { value: field.value ?? "" }) });
    return field.type === "checkbox" ? make("label", { className: "check" }, control, ` ${field.label}`) : make("label", { className: "stacked" }, field.label, control);
  });
  const no = make("button", { type: "button", className: "quiet", textContent: texts.cancel });
  const form = make("form", { method: "dialog" }, make("h2", { id: "asked", textContent: title }), text ? make("p", { textContent: text }) : null, more, ...held,
    make("div", { className: "buttons" }, make("button", { textContent: yes, className: danger ? "danger" : "" }), no));
  const dialog = make("dialog", { "aria-labelledby": "asked" }, form);
  let told = null;
  form.addEventListener("submit", () => {
    told = Object.fromEntries([...form.elements].filter((one) => one.name).map((one) => [one.name, one.type === "checkbox" ? one.checked : one.value.trim()]));
  });
  no.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { dialog.remove(); resolve(told); });
  document.body.append(dialog);
  dialog.showModal();
});

// A chat button for any page: <script src="https://KB/widget.js" async></script>. See docs/widget.md.
(() => {
  "use strict";
  const script = document.currentScript;
  const once = Symbol.for("kb.widget");
  if (!script || window[once]) return;
  window[once] = true;

  const { language = "", product = "", context = "", side = "right", text = "" } = script.dataset;
  const origin = new URL(script.src).origin;
  const STYLE = `
    :host { all: initial !important; font-size: medium !important; color-scheme: light dark !important; }
    button, iframe { position: fixed; z-index: 2147483647; inset-block-end: 1.25em; ${side === "left" ? "left" : "right"}: 1.25em; }
    button {
      font: 600 1em/1.3 system-ui, -apple-system, "PingFang SC", "Microsoft YaHei", sans-serif; max-width: calc(100vw - 2.5em);
      padding: .85em 1.4em; border: 0; border-radius: 2em; background: #1257a6; color: #fff; cursor: pointer;
      box-shadow: 0 2px 12px rgb(0 0 0 / .35);
    }
    button:focus-visible { outline: 3px solid #1257a6; outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
    iframe:not([hidden]) { display: block; }
    iframe {
      inset-block-end: 5.25em; width: min(25em, calc(100vw - 2.5em)); height: min(42em, calc(100vh - 6.5em)); border: 0;
      border-radius: .75em; background: Canvas; box-shadow: 0 4px 28px rgb(0 0 0 / .4);
    }
    [hidden] { display: none; }
    @media (prefers-color-scheme: dark) { button { background: #82b7f5; color: #0b1524; } button:focus-visible { outline-color: #82b7f5; box-shadow: 0 0 0 3px #12161c; } }
    @media (max-width: 40em) {
      iframe { inset: 0; width: 100%; height: 100%; border-radius: 0; }
      button[aria-expanded="true"] { visibility: hidden; }
    }
    @media print { button, iframe { display: none !important; } }`;

  const made = (name, properties) => Object.assign(document.createElement(name), properties);
  const query = new URLSearchParams(language ? { lang: language.slice(0, 2).toLowerCase() } : {});
  const told = new URLSearchParams({ product, context, text });
  const place = made("div", {});
  const root = place.attachShadow({ mode: "closed" });
  const button = made("button", { type: "button", hidden: true });
  const frame = made("iframe", { id: "chat", hidden: true, referrerPolicy: "no-referrer", src: `${origin}/widget?${query}#${told}` });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "chat");
  root.append(button, frame);

  const tell = (type) => frame.contentWindow.postMessage({ kb: "widget", type }, origin);
  const show = (open) => {
    frame.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  const open = () => {
    show(true);
    frame.focus();
    tell("opened");
  };
  const close = () => {
    show(false);
    button.focus();
  };
  let ready = false;

  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== origin || event.data?.kb !== "widget") return;
    if (event.data.type === "ready" && !ready) {
      ready = true;
      button.textContent = String(event.data.label);
      frame.title = String(event.data.title);
      button.hidden = false;
      // On a phone the chat would cover the page that was just opened.
      if (event.data.open && matchMedia("(min-width: 40em)").matches) show(true);
    } else if (event.data.type === "close") {
      close();
    }
  });
  button.addEventListener("click", () => (frame.hidden ? open() : close()));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !frame.hidden) close();
  });
  frame.addEventListener("load", () => {
    if (ready) return;
    tell("hello");
    setTimeout(() => {
      if (ready) return;
      place.remove();
      console.warn(`kb widget: ${origin} shows no chat in pages of ${location.origin}. If the service runs, put`
        + ` "${location.origin}" into its setting \`sites\` (kb.toml or KB_SITES) and start it anew.`);
    }, 3_000);
  });
  const begin = () => document.body.append(place);
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();

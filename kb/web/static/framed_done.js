// The window in which somebody signed in for a frame: tells that frame, and no page of another site, and closes.
import { asPerson, texts } from "./kit.js";

if (window.opener) {
  const reply = texts.lends ? await asPerson("POST", "/api/session/lend") : null;
  const code = reply?.ok ? (await reply.json()).code : null;
  window.opener.postMessage({ kb: "signed in", code }, location.origin);
  window.close();
}

// Within another site's page: waits for the window in which its reader signs in, and goes on.
import { post, texts } from "./kit.js";

const KNOWN = "kb-signed-in";
const problem = document.getElementById("said");
// Come back here after signing in: what the window handed over did not help.
if (sessionStorage.getItem(KNOWN)) problem.textContent = texts.failed;
sessionStorage.removeItem(KNOWN);

addEventListener("message", async (event) => {
  if (event.origin !== location.origin || event.data?.kb !== "signed in") return;
  if (event.data.code) {
    const reply = await post("/api/session/framed", { code: event.data.code }, "same-origin");
    if (!reply.ok) {
      problem.textContent = texts.failed;
      return;
    }
  }
  sessionStorage.setItem(KNOWN, "yes");
  location.replace(texts.next);
});

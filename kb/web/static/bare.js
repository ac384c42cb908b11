import { asPerson } from "./kit.js";
import { steps } from "./steps.js";

document.addEventListener("kb:open", async (event) => {
  const reply = await asPerson("GET", `/bare/${event.detail.document_id}`);
  const article = await reply.json();
  document.getElementById("reading-title").textContent = article.title;
  steps(document.getElementById("steps"), article);
});

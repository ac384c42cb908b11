// Every page for staff: signing out, and times in the reader's own way.
import { asPerson, signIn } from "./kit.js";

document.getElementById("sign-out")?.addEventListener("click", async () => {
  await asPerson("DELETE", "/api/session");
  location.assign(signIn(location.pathname));
});

const language = document.documentElement.lang;
const written = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.valueOf())) time.textContent = written.format(at);
}

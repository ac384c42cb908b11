// Every page for staff: signing out, and times in the reader's own way.
import { asPerson, signIn } from "./kit.js";

document.getElementById("sign-out")?.addEventListener("click", async () => {
  await asPerson("DELETE", "/api/session");
  location.assign(signIn(location.pathname));
});

const page = document.documentElement.lang, base = (tag) => tag.split("-")[0];
const language = navigator.languages.find((tag) => base(tag) === base(page)) ?? page;
const written = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** Writes the times within an element in the reader's own way. */
export const showTimes = (within) => {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) time.textContent = written.format(at);
  }
};
showTimes(document);

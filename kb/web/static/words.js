// Waiting and opening times in the reader's language, as kb/handover/moments.py writes them.
import { texts } from "./kit.js";

const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;

/** "4 minutes", "3 hours". */
export const duration = (minutes) => {
  const [size, unit] = minutes >= 2880 ? [1440, "day"] : minutes >= 120 ? [60, "hour"] : [1, "minute"];
  const count = Math.max(1, Math.round(minutes / size));
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
};

/** "Monday 09:00" in the centre's time, with its date where that is far off; the text itself where it is no time. */
export const moment = (text) => {
  const at = new Date(text);
  if (Number.isNaN(at.valueOf())) return text;
  if (text.length === 10) return new Intl.DateTimeFormat(language, { dateStyle: "full", timeZone: "UTC" }).format(at);
  const zone = texts.timezone ? { timeZone: texts.timezone } : {};
  const far = at - Date.now() > 6 * 86_400_000;
  const day = far ? { weekday: "short", day: "numeric", month: "short" } : { weekday: "long" };
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const written = (parts) => new Intl.DateTimeFormat(language, { ...zone, ...parts }).format(at);
  return `${written(day)} ${written(time)}`;
};

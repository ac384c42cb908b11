// One suggestion on a call: the sentence to say with its sources, why it is shown, and what nobody may be told.
import { cited, fill, make, say as toast } from "./kit.js";

const revisionOf = (passage) => Number(/@(\d+)#\d+$/.exec(passage)?.[1] ?? 0);

const placeOf = ({ title, heading }) => [title, ...heading.filter((one) => one !== title)].join(" › ");

/** The readable text of a passage, whose marks are Markdown's. */
const plain = (text) => text.replace(/^#+ +/gm, "").replace(/\*\*|^> ?/gm, "").replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1");

const secret = (text, texts) => make("div", { className: "secret" }, make("b", { textContent: texts.secret }), make("p", { textContent: plain(text) }));

const sources = (citations, texts) => {
  const seen = new Map(citations.map((one) => [placeOf(one), one]).reverse()); // one link a place, to its first sentence
  const links = [...seen].reverse().flatMap(([place, one]) => [" ", cited(one)
    ? make("a", { href: cited(one), target: "_blank", rel: "noopener", textContent: place })
    : place]);
  return links.length ? make("p", { className: "faint" }, `${texts.source}:`, ...links) : null;
};

const sentence = (suggestion, texts) => {
  const copy = make("button", { type: "button", className: "link", textContent: texts.copy });
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(suggestion.say);
      toast(fill(texts.copied, { text: suggestion.say }));
    } catch {
      toast(texts.byHand, "bad");
    }
  });
  return make("div", { className: "say" }, make("b", { textContent: texts.say }), make("blockquote", { lang: suggestion.language, textContent: suggestion.say }),
    sources(suggestion.citations, texts), copy);
};

const why = (suggestion, texts) => {
  const words = suggestion.why.words.map((word) => `“${word}”`).join(" ");
  return make("p", { className: "faint", textContent: words ? fill(texts.why, { words }) : texts.alike });
};

/** The card of a suggestion under a number: `open`, `unnumber`, and `changed` for what became of its article. */
export const card = (suggestion, number, texts) => {
  const key = make("kbd", { textContent: `Alt ⇧ ${number}` });
  const button = make("button", { type: "button", className: "quiet open", "aria-keyshortcuts": `Alt+Shift+${number}` },
    make("span", { lang: suggestion.language, textContent: placeOf(suggestion) }), " ", key);
  const notice = make("p", { className: "notice", hidden: true });
  const element = make("li", { className: suggestion.public ? "card" : "card internal" }, button, notice, why(suggestion, texts),
    suggestion.say ? sentence(suggestion, texts) : make("p", { className: "faint", textContent: texts.nothing }),
    ...[...new Set([...(suggestion.public ? [] : [suggestion.text]), ...suggestion.notes.map((note) => note.text)])].map((text) => secret(text, texts)));
  const made = { suggestion, element, number };
  made.open = () => {
    const { document_id, passage_id, title } = suggestion;
    document.dispatchEvent(new CustomEvent("kb:open", { detail: { document_id, passage_id, title } }));
  };
  made.unnumber = () => {
    made.number = null;
    button.removeAttribute("aria-keyshortcuts");
    key.remove();
  };
  made.changed = ({ document_id, old_revision, new_revision }) => {
    if (document_id !== suggestion.document_id || revisionOf(suggestion.passage_id) > old_revision) return;
    notice.hidden = false;
    notice.textContent = new_revision === null ? texts.gone : texts.changed;
    element.classList.add("stale");
  };
  button.addEventListener("click", made.open);
  return made;
};

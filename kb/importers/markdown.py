"""Settled HTML as Markdown: markdownify, but nothing is escaped that would not be misread, and no cell is lost."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from bs4.element import NavigableString, PageElement, Tag
from markdownify import MarkdownConverter

from kb.importers.elements import BLOCKS, LINE, LISTS, children_named, holds, tags

MARKER = "data-marker"
_LANGUAGE = re.compile(r"(?:language|lang|brush:\s*)-?([\w+#-]+)")
_TICKS = re.compile(r"`+")
_ENTITY = re.compile(r"&(?=#?\w{1,31};)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_BACKSLASH = re.compile(r"\\(?=[!-/:-@\[-`{-~]|$)")
_BRACKET = re.compile(r"\[(?=[^\]]*\](?:[(\[:]|$))")
_BAR = re.compile(r"(?<!\\)\|")
_STAR = re.compile(r"(?<!\s)\*|\*(?!\s)")
_UNDERLINE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LINE_STARTS = (
    (re.compile(r"#{1,6}(?=\s|$)"), r"\\\g<0>"),
    (re.compile(r"[>+-](?=\s|$)|>"), r"\\\g<0>"),
    (re.compile(r"(\d{1,9})([.)])(?=\s|$)"), r"\1\\\2"),
    (re.compile(r"\*(?=\s|$)"), r"\\\g<0>"),
    (re.compile(r"(?:-[\s|:-]*|=+\s*)$"), r"\\\g<0>"),
    (re.compile(r":(?=::|: *agent)"), r"\\:"),
    (re.compile("：(?=：：|:|： *agent)"), "&#65306;"),
    (re.compile(r"\|(?=.*\|)"), r"\\|"),
)
"""What would begin a block, or one of ours for agents, where a line begins so."""
_ENDING = re.compile(r"""[\s()<>\\"`*\[\]|\x00-\x1f\x7f]""")


def to_markdown(content: Tag) -> str:
    """The Markdown of settled content, one blank line between blocks, without one at either end."""
    _mark_items(content)
    text = _Converter(heading_style="atx", bullets="-", autolinks=False).convert_soup(content)
    lines = [line if line.endswith("  ") and line.strip() else line.rstrip() for line in text.strip("\n").split("\n")]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Block:
    """What stands in a block that could be read as marks: a lone one is none."""

    stars: int
    """Those beside a letter: a free one marks nothing."""
    lines: int
    ticks: int
    marked: bool
    code: bool


class _Converter(MarkdownConverter):
    def _block(self, block: Tag | None) -> _Block:
        known: dict[int, _Block] = self.__dict__.setdefault("known", {})
        if block is None:
            return _Block(0, 0, 0, False, False)
        if id(block) not in known:
            text = block.get_text()
            marked, code = holds(block, ("strong", "em")), holds(block, ("code",))
            known[id(block)] = _Block(len(_STAR.findall(text)), text.count("_"), text.count("`"), marked, code)
        return known[id(block)]

    def process_text(self, el: NavigableString, parent_tags: set[str] | None = None) -> str:
        """A text, escaped where its block would be read otherwise."""
        parents = parent_tags or set()
        text = str(el)
        if "_noformat" in parents or "pre" in parents:
            return text
        block = self._block(next((p for p in el.parents if p.name in BLOCKS or p.name == LINE), el.parent))
        text = _BACKSLASH.sub(r"\\\\", text)
        text = _ENTITY.sub(r"\\&", _TAG.sub(r"\\<", text))
        text = _BRACKET.sub(r"\\[", text) if "a" not in parents else re.sub(r"[\[\]]", r"\\\g<0>", text)
        if block.marked or block.stars > 1:
            text = _STAR.sub(r"\\*", text)
        if block.lines > 1:
            text = _UNDERLINE.sub(r"\\_", text)
        if block.ticks > 1 or block.code:
            text = text.replace("`", r"\`")
        text = text.replace("~~", r"\~\~")
        following = el.next_sibling
        if text.endswith("!") and isinstance(following, Tag) and following.name == "a":
            text = text[:-1] + r"\!"
        return text

    def convert_kb_line(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A line of an item of a list."""
        return f"\n{_started(text.strip())}\n"

    def convert_p(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A paragraph."""
        text = text.strip()
        return f"\n\n{_started(text)}\n\n" if text else ""

    def convert_b(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Strong emphasis."""
        return _marked(el, text, "**", parent_tags)

    def convert_em(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Emphasis."""
        return _marked(el, text, "*", parent_tags)

    def convert_s(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """What is struck out."""
        return _marked(el, text, "~~", parent_tags)

    convert_strong, convert_i, convert_del = convert_b, convert_em, convert_s

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A link."""
        href = str(el.get("href") or "")
        inner = text.strip()
        if not href or not inner or "_noformat" in parent_tags:
            return text
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        return f"{before}[{inner}]({_address(href)}){after}"

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A picture, in whatever it stands."""
        alternative = re.sub(r"[\\\[\]*_`<]", r"\\\g<0>", " ".join(str(el.get("alt") or "").split()))
        return f"![{alternative}]({_address(str(el.get('src') or ''))})"

    def convert_br(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A line break; in cells as HTML, which Markdown has nothing else for."""
        if "td" in parent_tags or "th" in parent_tags:
            return "<br>"
        return " " if "_inline" in parent_tags else "  \n"

    def convert_code(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Code within a line; text of a settled cell may hold a bar."""
        text = " ".join(el.get_text().split())
        if not text or "_noformat" in parent_tags - {"code"}:
            return text
        ticks = "`" * (1 + max((len(run) for run in _TICKS.findall(text)), default=0))
        padded = f" {text} " if text.startswith("`") or text.endswith("`") else text
        return f"{ticks}{padded}{ticks}"

    convert_kbd = convert_samp = convert_tt = convert_code

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Code as it is, in a fence longer than any in it."""
        for line_break in el.find_all("br"):
            line_break.replace_with("\n")
        code = el.get_text().strip("\n")
        inner = el.find("code")
        names = [
            *el.get_attribute_list("class"),
            *(inner.get_attribute_list("class") if isinstance(inner, Tag) else ()),
        ]
        language = next((found[1] for name in names if name and (found := _LANGUAGE.search(name))), "")
        fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(code)), default=0))
        return f"\n\n{fence}{language}\n{code}\n{fence}\n\n"

    def convert_li(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """An item; the second of two lists in a row has other markers, else they would be one."""
        text = text.strip("\n")
        marker = f"{el.get(MARKER) or '-'} "
        indented = "\n".join(" " * len(marker) + line if line.strip() else "" for line in text.split("\n"))
        return f"{marker}{indented[len(marker) :]}\n" if text else f"{marker.rstrip()}\n"

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A cell."""
        return " " + _BAR.sub(r"\|", text.strip()) + " |"

    convert_th = convert_td

    def convert_tr(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A row; the first has a rule under it."""
        cells = len(el.find_all(["td", "th"], recursive=False))
        return f"|{text}\n" + ("|" + " --- |" * cells + "\n" if el.find_previous_sibling("tr") is None else "")


def _marked(el: Tag, text: str, mark: str, parent_tags: set[str]) -> str:
    """Marked text. Punctuation at its ends goes outside where CommonMark would not see the marks beside a letter."""
    inner = text.strip()
    if not inner or "_noformat" in parent_tags:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if not before and _is_word(_beside(el, after=False)):
        while inner and _is_mark(inner[0]):
            before, inner = before + inner[0], inner[1:]
    if not after and _is_word(_beside(el, after=True)):
        while inner and _is_mark(inner[-1]):
            after, inner = inner[-1] + after, inner[:-1]
    return f"{before}{mark}{inner}{mark}{after}" if inner.strip() else before + inner + after


def _beside(el: Tag, *, after: bool) -> str:
    """The character next to an element in its block; empty at the block's end."""
    node: PageElement = el
    while node.parent is not None:
        sibling = node.next_sibling if after else node.previous_sibling
        while sibling is not None:
            text = sibling.get_text()
            if isinstance(sibling, Tag) and sibling.name in ("img", "br", "code", "a"):
                return " " if sibling.name == "br" else "!"
            if text:
                return text[0] if after else text[-1]
            sibling = sibling.next_sibling if after else sibling.previous_sibling
        if node.parent.name in BLOCKS or node.parent.name == LINE:
            return ""
        node = node.parent
    return ""


def _is_word(character: str) -> bool:
    return bool(character) and not character.isspace() and not _is_mark(character)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _started(text: str) -> str:
    """Each line with an escape where its beginning would be read as a block's."""
    return "\n".join(map(_line, text.split("\n")))


def _line(text: str) -> str:
    text = text.lstrip()
    for pattern, told in _LINE_STARTS:
        if pattern.match(text):
            return pattern.sub(told, text, count=1)
    return text


def _address(href: str) -> str:
    """A link's target with whatever would end it early encoded."""
    return _ENDING.sub(lambda found: quote(found[0], safe=""), href.strip())


def _mark_items(content: Tag) -> None:
    """Gives each item its marker. The second of two lists in a row has other ones, else they would be one list."""
    second: set[int] = set()
    for list_ in tags(content, *LISTS):
        before = list_.find_previous_sibling()
        if isinstance(before, Tag) and before.name == list_.name and id(before) not in second:
            second.add(id(list_))
        start = str(list_.get("start") or "1")
        first = int(start) if start.isdigit() and len(start) < 10 else 1
        for number, item in enumerate(children_named(list_, "li"), first):
            if list_.name == "ol":
                item[MARKER] = f"{number}{')' if id(list_) in second else '.'}"
            else:
                item[MARKER] = "*" if id(list_) in second else "-"

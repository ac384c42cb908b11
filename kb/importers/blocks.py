"""The blocks of a page as Markdown can have them: paragraphs, headings, lists, tables, code; nothing lies loose."""

from __future__ import annotations

import re

from bs4.element import NavigableString, PageElement, Tag

from kb.importers.elements import (
    HEADINGS,
    LINE,
    LISTS,
    MARKS,
    children,
    children_named,
    holds,
    holds_block,
    is_empty,
    moved,
    new,
    runs,
    tags,
    text_of,
)

_KEPT = {*HEADINGS, *LISTS, "p", "li", "pre", "table", "hr", "blockquote"}
_TERM, _LOOSE = "data-term", "data-loose"
_SHORT = 60
_ENDS = tuple("。.；;，,：:？?！!")
_SUPER, _SUB = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"), str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
_WIDE = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f"
_BROKEN = re.compile(rf"(?<=[{_WIDE}])[ \t]*\n\s*(?=[{_WIDE}])")
_SPACES = re.compile(r"[ \t\r\n\f\u00a0]+")


def settle_lines(content: Tag) -> None:
    """What stands within lines, and where lists lie; in place, before the tables are settled."""
    _single_spaces(content)
    _small_figures(content)
    _describe(content)
    _settle_marks(content)
    _mend_lists(content)


def settle_blocks(content: Tag) -> None:
    """In place; afterwards every word stands in a paragraph, heading, line of a list, cell or code."""
    _settle(content)
    for tag in tags(content, *_KEPT - {"hr"}):
        if not tag.decomposed and is_empty(tag):
            tag.decompose()


def _single_spaces(content: Tag) -> None:
    """Spaces as a browser shows them; a line that is broken between Chinese characters goes on without one."""
    for text in content.find_all(string=True):
        if text.find_parent("pre") is None:
            told = _SPACES.sub(" ", _BROKEN.sub("", str(text)))
            if told != str(text):
                text.replace_with(NavigableString(told))


def _small_figures(content: Tag) -> None:
    for tag in tags(content, "sup", "sub"):
        figures = _SUPER if tag.name == "sup" else _SUB
        text = tag.get_text()
        if text and all(ord(character) in figures for character in text):
            tag.replace_with(NavigableString(text.translate(figures)))
        else:
            tag.unwrap()


def _describe(content: Tag) -> None:
    """Terms and summaries are bold lines above what they explain."""
    for tag in tags(content, "dt", "summary"):
        if not holds_block(tag):
            tag.name = "p"
            tag[_TERM] = "1"
            tag.append(moved(new("strong"), children(tag)))
    for tag in tags(content, "q"):
        chinese = re.search(f"[{_WIDE}]", tag.get_text())
        tag.insert(0, "“" if chinese else '"')
        tag.append("”" if chinese else '"')
        tag.unwrap()


def _settle_marks(content: Tag) -> None:
    """Emphasis lies within a line and within links, never around them, and two in a row are one."""
    for tag in tags(content, *MARKS):
        tag.name = {"b": "strong", "i": "em", "del": "s", "strike": "s"}.get(tag.name, tag.name)
        if tag.find_parent(tag.name) is not None:
            tag.unwrap()
        elif holds_block(tag) or holds(tag, ("a", "img")):
            _push_down(tag)
    for tag in tags(content, "a"):
        if holds_block(tag):
            _push_down(tag)
    for tag in tags(content, "span", "font", "u", "ins", "small", "big", "mark", "abbr", "time", "bdi", "bdo", "label"):
        tag.unwrap()
    content.smooth()
    for tag in tags(content, *MARKS):
        following = tag.next_sibling
        while isinstance(following, Tag) and following.name == tag.name:
            moved(tag, children(following))
            following.decompose()
            following = tag.next_sibling
    content.smooth()


def _push_down(tag: Tag) -> None:
    """From around other elements to around each text."""
    for text in tag.find_all(string=True):
        if str(text).strip():
            text.wrap(new(tag.name, **({"href": str(tag["href"])} if tag.get("href") else {})))
    for image in tag.find_all("img") if tag.name == "a" else ():
        image.wrap(new("a", **({"href": str(tag["href"])} if tag.get("href") else {})))
    tag.unwrap()


def _mend_lists(content: Tag) -> None:
    """Lists lie in items, not beside them, and what lies loose in a list is an item."""
    for list_ in tags(content, *LISTS):
        for child in children(list_):
            before = child.previous_sibling
            if isinstance(child, Tag) and child.name == "li":
                continue
            if is_empty(child):
                child.extract()
            elif isinstance(before, Tag) and before.name == "li":
                before.append(child.extract())
            else:
                child.wrap(new("li"))
    for item in tags(content, "li"):
        if item.parent is None or item.parent.name not in LISTS:
            item.wrap(new("ul", **{_LOOSE: "1"}))
    for first in tags(content, "ul", "ol"):  # the items that were loose one after the other are one list
        while (following := first.next_sibling) and isinstance(following, Tag) and _is_same_list(first, following):
            moved(first, children(following))
            following.decompose()


def _is_same_list(first: Tag, following: Tag) -> bool:
    return bool(first.get(_LOOSE)) and bool(following.get(_LOOSE))


def _settle(tag: Tag) -> None:
    for is_a_block, nodes in list(runs(tag)):
        node = nodes[0]
        if not is_a_block:
            _settle_line(tag, nodes)
        elif isinstance(node, Tag):
            _settle_block(node)


def _settle_block(tag: Tag) -> None:
    if tag.name in ("pre", "hr", "table"):
        return
    if tag.name in HEADINGS and not holds_block(tag):
        return
    if tag.name == "p" and not holds_block(tag):
        _split(tag)
        return
    _settle(tag)
    if tag.name == "li":
        _tighten(tag)
    if tag.name not in _KEPT or tag.name in ("p", *HEADINGS):
        tag.unwrap()


def _settle_line(tag: Tag, nodes: list[PageElement]) -> None:
    """What stands loose beside blocks becomes a paragraph, in lists a line."""
    if all(map(is_empty, nodes)):
        for node in nodes:
            node.extract()
        return
    holder = new(tag.name if tag.name in HEADINGS else LINE if tag.name == "li" else "p")
    nodes[0].insert_before(holder)
    moved(holder, nodes)
    if holder.name == "p":
        _split(holder)


def _split(paragraph: Tag) -> None:
    """At two line breaks in a row there begins a paragraph."""
    parts: list[list[PageElement]] = [[]]
    breaks = 0
    for child in children(paragraph):
        if isinstance(child, Tag) and child.name == "br":
            breaks += 1
        elif not is_empty(child) or not breaks:
            breaks = 0
        if breaks == 2:
            parts.append([])
        parts[-1].append(child)
    for part in parts[:-1]:
        paragraph.insert_before(_trimmed(moved(new("p"), part)))
    _trimmed(paragraph)


def _trimmed(paragraph: Tag) -> Tag:
    for at in (0, -1):
        while paragraph.contents and _is_break(paragraph.contents[at]):
            paragraph.contents[at].extract()
    return paragraph


def _is_break(node: PageElement) -> bool:
    return (isinstance(node, Tag) and node.name == "br") or (not isinstance(node, Tag) and not str(node).strip())


def _tighten(item: Tag) -> None:
    """An item of one paragraph, perhaps with a list under it, is a line: no blank lines between such items."""
    paragraphs = children_named(item, "p")
    if len(paragraphs) == 1 and paragraphs[0] is next((c for c in children(item) if not is_empty(c)), None):
        paragraphs[0].name = LINE


def bold_headings(content: Tag) -> list[str]:
    """The texts of paragraphs that look like headings: short, bold from end to end, and no sentence."""
    found = []
    for paragraph in tags(content, "p"):
        text = text_of(paragraph)
        bold = "".join(text_of(tag) for tag in tags(paragraph, "strong", "b"))
        short = 0 < len(text) <= _SHORT and not text.endswith(_ENDS)
        apart = not paragraph.get(_TERM) and paragraph.find_parent(["li", "blockquote", "table"]) is None
        if short and apart and bold.replace(" ", "") == text.replace(" ", ""):
            found.append(text)
    return found

"""The elements of a page: what is a block, what stands in a line, and how one is made."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag

BLOCKS = frozenset(
    ("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt",
     "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
     "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
     "ul")
)  # fmt: skip
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
LISTS = ("ul", "ol")
LINE = "kb-line"
"""A line of words that is no paragraph: in an item of a list."""
MARKS = ("strong", "b", "em", "i", "s", "del", "strike")
_SPACES = re.compile(r"[\s\u00a0]+")
_MAKER = BeautifulSoup("", "html.parser")


def new(name: str, text: str = "", **attributes: str) -> Tag:
    """An element of its own."""
    made = _MAKER.new_tag(name, attrs=dict(attributes))
    if text:
        made.append(NavigableString(text))
    return made


def tags(root: Tag, *names: str) -> list[Tag]:
    """The elements of these names below a root, as they are now."""
    return [node for node in root.descendants if isinstance(node, Tag) and node.name in names]


def holds(root: Tag, names: Collection[str]) -> bool:
    """Whether there is an element of one of these names below a root."""
    return any(isinstance(node, Tag) and node.name in names for node in root.descendants)


def is_block(node: PageElement | None) -> bool:
    """Whether a node begins a line of its own."""
    return isinstance(node, Tag) and node.name in BLOCKS


def holds_block(tag: Tag) -> bool:
    """Whether there is a block within."""
    return holds(tag, BLOCKS)


def text_of(node: Tag) -> str:
    """Its text, with single spaces."""
    return _SPACES.sub(" ", node.get_text()).strip()


def is_empty(node: PageElement) -> bool:
    """Whether nothing of it is seen."""
    if isinstance(node, Tag):
        return not node.get_text().strip() and node.name not in ("img", "hr", "br") and not holds(node, ("img", "hr"))
    return not str(node).strip()


def children(tag: Tag) -> list[PageElement]:
    """Its children, as they are now: they may be moved meanwhile."""
    return list(tag.children)


def children_named(tag: Tag, *names: str) -> list[Tag]:
    """Those of its own children that have such a name."""
    return [child for child in tag.children if isinstance(child, Tag) and child.name in names]


def moved(into: Tag, nodes: list[PageElement]) -> Tag:
    """The tag, with the nodes moved into it."""
    for node in nodes:
        into.append(node.extract())
    return into


def runs(tag: Tag) -> Iterator[tuple[bool, list[PageElement]]]:
    """The children, with what stands in one line taken together: (is a block, nodes)."""
    line: list[PageElement] = []
    for child in children(tag):
        if is_block(child):
            if line:
                yield False, line
            line = []
            yield True, [child]
        else:
            line.append(child)
    if line:
        yield False, line

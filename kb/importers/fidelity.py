"""Whether the Markdown of a page says what the page said: read back, and compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from bs4 import BeautifulSoup
from bs4.element import Tag

from kb.importers.elements import HEADINGS, children_named, tags
from kb.ingest.plaintext import MARKDOWN

_SPACES = re.compile(r"\s+")


def lost(content: Tag, markdown: str) -> list[str]:
    """What of a settled page cannot be found in its Markdown: texts, headings, lists, tables, links, pictures."""
    read = BeautifulSoup(MARKDOWN.render(markdown), "html.parser")
    notes = []
    wanted, found = _letters(content), _letters(read)
    if wanted != found:
        missing = sum((Counter(wanted) - Counter(found)).values())
        notes.append(f"its Markdown reads otherwise than the page ({missing} characters missing): compare them")
    for what, parts in _PARTS.items():
        before, after = parts(content), parts(read)
        if before != after:
            found = f"of the page: {len(before)}, of its Markdown: {len(after)}"
            notes.append(f"{what} {found}, and not the same: compare them")
    return notes


def _letters(root: Tag) -> str:
    return _SPACES.sub("", root.get_text())


_PARTS: dict[str, Callable[[Tag], Sequence[object]]] = {
    "headings": lambda root: [(tag.name, _letters(tag)) for tag in tags(root, *HEADINGS)],
    "lists": lambda root: [(tag.name, len(children_named(tag, "li"))) for tag in tags(root, "ul", "ol")],
    "tables": lambda root: [[len(tags(row, "td", "th")) for row in tags(t, "tr")] for t in tags(root, "table")],
    "links": lambda root: [_letters(tag) for tag in tags(root, "a")],
    "pictures": lambda root: [tag.get("src") for tag in tags(root, "img")],
}

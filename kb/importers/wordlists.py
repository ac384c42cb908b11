"""Lists as Word writes them into HTML: paragraphs with a level in their style, and a typed marker before the text."""

from __future__ import annotations

import re

from bs4.element import PageElement, Tag

from kb.importers.elements import children, children_named, moved, new, tags, text_of

_LEVEL = re.compile(r"mso-list\s*:\s*(l\d+)\s+level(\d+)", re.IGNORECASE)
_MARKER = re.compile(r"mso-list\s*:\s*ignore", re.IGNORECASE)
_NUMBER = re.compile(r"[(（]?(?:(\d+)[.)）、]?|(?:[a-zA-Z]{1,5}|[一二三四五六七八九十]+)[.)）、])")
"""Letters without a mark after them are bullets: Wingdings has pictures for `l`, `n`, `u`, and plain `o` is one too."""
_DEEPEST = 9


def join_word_lists(content: Tag) -> None:
    """Turns runs of such paragraphs into lists within lists."""
    for paragraph in tags(content, "p", "div"):
        if paragraph.decomposed or _level(paragraph) is None:
            continue
        if _level(_before(paragraph)) is None:
            _join(paragraph)


def _join(first: Tag) -> None:
    items: list[Tag] = [first]
    while isinstance(following := _after(items[-1]), Tag) and _level(following) is not None:
        items.append(following)
    holder = new("kb-taken")
    first.insert_before(holder)
    open_: list[tuple[int, str, Tag]] = []
    for item in items:
        level, of = _level(item) or (1, "")
        marker = _take_marker(item)
        while open_ and (open_[-1][0] > level or (open_[-1][0] == level and open_[-1][1] != of)):
            open_.pop()
        if not open_ or open_[-1][0] < level:
            list_ = _list_for(marker)
            (children_named(open_[-1][2], "li")[-1] if open_ else holder).append(list_)
            open_.append((level, of, list_))
        open_[-1][2].append(moved(new("li"), children(item)))
        item.decompose()
    holder.unwrap()


def _list_for(marker: str) -> Tag:
    number = _NUMBER.fullmatch(marker)
    if number is None:
        return new("ul")
    return new("ol", start=number[1]) if number[1] not in (None, "1") else new("ol")


def _take_marker(item: Tag) -> str:
    found = [tag for tag in item.find_all("span", style=True) if _MARKER.search(str(tag["style"]))]
    marker = text_of(found[0]) if found else ""
    for tag in found:
        if not tag.decomposed:
            tag.decompose()
    return marker


def _level(node: PageElement | None) -> tuple[int, str] | None:
    """The level from 1, and the name of the list."""
    if not isinstance(node, Tag) or node.name not in ("p", "div"):
        return None
    found = _LEVEL.search(str(node.get("style") or ""))
    return (min(int(found[2]), _DEEPEST), found[1]) if found else None


def _after(node: Tag) -> PageElement | None:
    found = node.next_sibling
    while found is not None and not isinstance(found, Tag) and not str(found).strip():
        found = found.next_sibling
    return found


def _before(node: Tag) -> PageElement | None:
    found = node.previous_sibling
    while found is not None and not isinstance(found, Tag) and not str(found).strip():
        found = found.previous_sibling
    return found

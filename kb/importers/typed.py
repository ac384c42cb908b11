"""Lists that somebody typed: paragraphs one after the other that begin with 1., 2., 3. or with dashes."""

from __future__ import annotations

import re

from bs4.element import NavigableString, Tag

from kb.importers.elements import LINE, children, moved, new, tags

_MARKER = re.compile(r"\s*(?:(\d{1,3})[.)]|[-*•])\s+")


def join_typed_lists(content: Tag) -> list[str]:
    """Makes lists of two or more such paragraphs of settled content, and says how many."""
    made = 0
    for paragraph in tags(content, "p"):
        if paragraph.parent is not None and paragraph.parent.name != "li":
            run = _run(paragraph)
            if len(run) > 1:
                _join(run)
                made += 1
    return [f"{made} lists were typed as paragraphs (1., 2., … or dashes) and became lists"] if made else []


def _run(first: Tag) -> list[Tag]:
    """The paragraphs of one list, the numbers without a gap."""
    number = _number(first)
    run = [first] if number is not None else []
    while run and number is not None:
        following = run[-1].find_next_sibling()
        if not isinstance(following, Tag) or following.name != "p" or (found := _number(following)) is None:
            break
        if found != (number + len(run) if number else 0):
            break
        run.append(following)
    return run


def _number(paragraph: Tag) -> int | None:
    """The number that a paragraph begins with, 0 for a dash; None without."""
    first = paragraph.contents[0] if paragraph.contents else None
    marker = _MARKER.match(str(first)) if isinstance(first, NavigableString) else None
    return (int(marker[1]) if marker[1] else 0) if marker and (marker[1] is None or int(marker[1]) > 0) else None


def _join(run: list[Tag]) -> None:
    number = _number(run[0]) or 0
    list_ = new("ol", **({"start": str(number)} if number > 1 else {})) if number else new("ul")
    run[0].insert_before(list_)
    for paragraph in run:
        first = paragraph.contents[0]
        first.replace_with(NavigableString(_MARKER.sub("", str(first), count=1)))
        item = new("li")
        item.append(moved(new(LINE), children(paragraph)))
        list_.append(item)
        paragraph.decompose()

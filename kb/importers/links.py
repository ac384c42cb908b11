"""Where the links of a page lead once it is an article."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from bs4.element import Tag

from kb.importers.elements import HEADINGS, tags, text_of

_SCHEMES = ("http", "https", "mailto", "tel")
_BACK = re.compile(r"#(footnote|endnote)-ref-|#_(ftn|edn)ref", re.IGNORECASE)


def settle_links(content: Tag, path: str, articles: Mapping[str, str]) -> list[str]:
    """Keeps what leads somewhere: a link to another imported file leads to its article, one within the page to the
    heading that it means. Others become their text.

    `path` is the page's own below the imported folder, `articles` the ids by path.
    """
    within, dropped, places = 0, [], _headings(content)
    for link in tags(content, "a"):
        target = str(link.get("href") or "").strip()
        if _BACK.match(target):
            link.decompose()
        elif heading := places.get(unquote(target.removeprefix("#"))) if target.startswith("#") else None:
            link["href"] = f"#{'-'.join(heading.lower().split())}"
        elif not target or target.startswith("#"):
            within += bool(target) and bool(link.get_text().strip())
            link.unwrap()
        elif (settled := _target(target, path, articles)) is None:
            dropped.append(target[:100])
            link.unwrap()
        else:
            link["href"] = settled
    notes = [f"links within the page became text ({within})"] if within else []
    return notes + [f"a link that leads nowhere for others became text: {target}" for target in dict.fromkeys(dropped)]


def _headings(content: Tag) -> dict[str, str]:
    """The text of the heading that each name of a place in the page means."""
    found: dict[str, str] = {}
    for tag in content.find_all(True):
        names = [str(name) for name in (tag.get("id"), tag.get("name")) if name]
        if names and (heading := tag if tag.name in HEADINGS else tag.find_parent(list(HEADINGS)) or _first_in(tag)):
            found |= dict.fromkeys(names, text_of(heading))
    return found


def _first_in(tag: Tag) -> Tag | None:
    """The heading that a section, or an empty mark before it, begins with."""
    inner = next(iter(tags(tag, *HEADINGS)), None)
    following = tag.find_next_sibling() if not text_of(tag) else None
    return inner or (following if isinstance(following, Tag) and following.name in HEADINGS else None)


def _target(target: str, path: str, articles: Mapping[str, str]) -> str | None:
    cleaned = "".join(character for character in target if character.isprintable())
    try:
        parts = urlsplit(cleaned)
    except ValueError:
        return None
    if parts.scheme:
        return cleaned if parts.scheme.lower() in _SCHEMES else None
    if parts.netloc:
        return f"https:{cleaned}"
    other = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
    return f"/articles/{quote(articles[other])}" if other in articles else None

"""Where the links of a page lead once it is an article."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from bs4.element import Tag

from kb.importers.elements import tags

_SCHEMES = ("http", "https", "mailto", "tel")
_BACK = re.compile(r"#(footnote|endnote)-ref-|#_(ftn|edn)ref", re.IGNORECASE)


def settle_links(content: Tag, path: str, articles: Mapping[str, str]) -> list[str]:
    """Keeps what leads somewhere; a link to another imported file leads to its article. Others become their text.

    `path` is the page's own below the imported folder, `articles` the ids by path.
    """
    within, dropped = 0, []
    for link in tags(content, "a"):
        target = str(link.get("href") or "").strip()
        if _BACK.match(target):
            link.decompose()
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
    if cleaned.startswith("/"):
        return cleaned
    other = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
    return f"/articles/{quote(articles[other])}" if other in articles else None

"""How near a document's language is to the asker's, script included."""

from __future__ import annotations

from functools import lru_cache

FOREIGN = 3
"""The distance of another language."""
_TRADITIONAL, _SIMPLIFIED = frozenset({"hant", "tw", "hk", "mo"}), frozenset({"hans", "cn", "sg", "my"})


@lru_cache(maxsize=1_024)
def distance(language: str, speaks: str) -> int:
    """0 the asker's own, 1 and 2 the same language written or spoken otherwise, FOREIGN another; both BCP 47 tags.

    Bare `zh` is read as simplified by those who ask; a document's may be either script, so it is nearer to who reads
    traditional characters than one that is simplified by name.
    """
    own, other = speaks.lower().split("-"), language.lower().split("-")
    if own[0] != other[0]:
        return FOREIGN
    if own[0] != "zh":
        return int(own != other)
    asked, written = _script(own[1:]) or "hans", _script(other[1:])
    if written == asked or (written is None and asked == "hans"):
        return 0
    return 1 if written is None or asked == "hans" else 2


def _script(subtags: list[str]) -> str | None:
    if _TRADITIONAL.intersection(subtags) and "hans" not in subtags:
        return "hant"
    return "hans" if _SIMPLIFIED.intersection(subtags) else None

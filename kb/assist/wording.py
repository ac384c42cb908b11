"""The customer's own words that a passage holds, as they said them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from kb.search.highlights import highlights


def spoken_words(said: str, shared: AbstractSet[str]) -> tuple[str, ...]:
    """Stretches of what was said where these terms stand, in order, each once."""
    return tuple(dict.fromkeys(said[start:end] for start, end in highlights(said, sorted(shared))))

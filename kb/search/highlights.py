"""Where a question's words stand in a passage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from kb.search.terms import in_simplified, terms

_WORD = re.compile(r"[A-Za-z0-9]+(?:[-_./:@'][A-Za-z0-9]+)*")


def highlights(text: str, words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Non-overlapping `(start, end)` code points of `text` that hold one of the terms `words`, in order."""
    wanted = frozenset(words)
    spans = [match.span() for match in _WORD.finditer(text) if not wanted.isdisjoint(_terms(match.group()))]
    if chinese := sorted((re.escape(word) for word in wanted if not word.isascii()), key=len, reverse=True):
        plain = in_simplified(text).lower()
        if len(plain) == len(text):  # else offsets would shift; such text keeps its Latin highlights only
            spans += [match.span() for match in re.finditer("|".join(chinese), plain)]
    return _merged(sorted(spans))


@lru_cache(maxsize=65_536)
def _terms(word: str) -> frozenset[str]:
    return frozenset(terms(word))


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)

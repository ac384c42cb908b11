"""Two articles that say the same in nearly the same words, of which one is enough."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from kb.search.forward import Record

Words = frozenset[int]

ALIKE = 0.5
"""The share of terms in common (Jaccard) from which two passages may say the same: the sample's pair has 0.54."""
ENOUGH = 12
"""Terms in common below which two passages are too short to tell: "The lamp is green" is not "The lamp is red"."""
_NUMBER = re.compile(r"[A-Za-z]*[0-9]+(?:[.,:/-]?[A-Za-z0-9]+)*")


def words_of(record: Record) -> Words:
    """The terms of a passage, headings included."""
    return frozenset(record.tolist()) - {0}  # 0 begins each group and is no term


def share_in_common(one: Words, other: Words) -> float:
    """Jaccard's index of two passages' terms, in [0, 1]."""
    common = len(one & other)
    return common / max(1, len(one) + len(other) - common)


def alike(one: Words, other: Words) -> bool:
    """Whether two passages use nearly the same words, and enough of them to tell."""
    few, many = sorted((len(one), len(other)))
    return few >= max(ENOUGH, ALIKE * many) and len(one & other) >= ENOUGH and share_in_common(one, other) >= ALIKE


def same_numbers(one: str, other: str) -> bool:
    """Whether two texts name the same numbers and codes: a differing fee or model is another fact, however like."""
    return _numbers(one) == _numbers(other)


@lru_cache(maxsize=1_024)
def _numbers(text: str) -> frozenset[str]:
    return frozenset(found.lower() for found in _NUMBER.findall(unicodedata.normalize("NFKC", text)))

"""Two articles that say the same in nearly the same words, of which one is enough."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from kb.search.forward import Record

ALIKE = 0.5
"""The share of terms in common (Jaccard) from which two passages may say the same: the sample's pair has 0.54."""
ENOUGH = 12
"""Terms in common below which two passages are too short to tell: "The lamp is green" is not "The lamp is red"."""
_NUMBER = re.compile(r"[A-Za-z]*[0-9]+(?:[.,:/-]?[A-Za-z0-9]+)*")


def share_in_common(one: Record, other: Record) -> float:
    """Jaccard's index of two passages' terms, headings included, in [0, 1]."""
    return _in_common(one, other) / max(1, np.union1d(one, other).size - 1)


def alike(one: Record, other: Record) -> bool:
    """Whether two passages use nearly the same words, and enough of them to tell."""
    return _in_common(one, other) >= ENOUGH and share_in_common(one, other) >= ALIKE


def _in_common(one: Record, other: Record) -> int:
    return int(np.intersect1d(one, other).size) - 1  # 0 begins each group and is no term


def same_numbers(one: str, other: str) -> bool:
    """Whether two texts name the same numbers and codes: a differing fee or model is another fact, however like."""
    first, second = ({m.lower() for m in _NUMBER.findall(unicodedata.normalize("NFKC", t))} for t in (one, other))
    return first == second

"""Two articles that say the same in nearly the same words, of which one is enough."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kb.search.forward import Record

ALIKE = 0.5
"""The share of terms in common (Jaccard) from which two passages may say the same: the sample's pair has 0.54."""
ENOUGH = 12
"""Terms in common below which two passages are too short to tell: "The lamp is green" is not "The lamp is red"."""
WITHIN = 0.75
"""The share of a text's terms from which another may say all that it says: by chance, the sample's pairs have 0.68."""
_NUMBER = re.compile(r"(?<![A-Za-z])[A-Za-z]*[0-9]+(?:[.,:/-]?[A-Za-z0-9]+)*")


def pairs_alike(records: Sequence[Record]) -> list[tuple[int, int]]:
    """The pairs of passages, by number, the first before the second, that use nearly the same words.

    And enough of them to tell.
    """
    shared = in_common(records)
    sizes = np.diagonal(shared)
    either = sizes[:, np.newaxis] + sizes - shared
    found = np.argwhere(np.triu((shared >= ENOUGH) & (shared >= ALIKE * either), 1))
    return [(first, second) for first, second in found.tolist()]


def pairs_within(records: Sequence[Record]) -> list[tuple[int, int]]:
    """The pairs of passages, by number, of which the second uses nearly all words of the first, headings aside.

    And enough of them to tell.
    """
    shared = in_common([_without_heading(record) for record in records])
    sizes = np.diagonal(shared)
    found = np.argwhere((shared >= ENOUGH) & (shared >= WITHIN * sizes[:, np.newaxis]))
    return [(first, second) for first, second in found.tolist() if first != second]


def _without_heading(record: Record) -> Record:
    starts = np.flatnonzero(record == 0)
    return record[starts[1] :] if len(starts) > 1 else record[:0]


def in_common(records: Sequence[Record]) -> NDArray[np.int64]:
    """`(n, n)`: how many distinct terms each two of `n` passages share; on the diagonal, how many each has."""
    if not records:
        return np.zeros((0, 0), np.int64)
    every = np.concatenate(records)
    terms, which = np.unique(every, return_inverse=True)
    holds = np.zeros((len(records), len(terms)), np.float32)
    holds[np.repeat(np.arange(len(records)), list(map(len, records))), which] = 1.0
    holds[:, terms == 0] = 0.0  # begins each group and is no term
    shared: NDArray[np.int64] = np.rint(holds @ holds.T).astype(np.int64)
    return shared


def same_numbers(one: str, other: str) -> bool:
    """Whether two texts name the same numbers and codes: a differing fee or model is another fact, however like."""
    return _numbers(one) == _numbers(other)


def names_numbers_of(one: str, other: str) -> bool:
    """Whether the second text names every number and code of the first."""
    return _numbers(one) <= _numbers(other)


@lru_cache(maxsize=1_024)
def _numbers(text: str) -> frozenset[str]:
    return frozenset(found.lower() for found in _NUMBER.findall(unicodedata.normalize("NFKC", text)))

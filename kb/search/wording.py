"""What a question asks for, as concepts: each a word as asked, with the other words that say the same.

Structured queries (Pirkola, SIGIR 1998): the alternatives of a word count together as one word, however many they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kb.search.codes import CODE
from kb.search.forward import Wanted, key

_SEPARATORS = re.compile(r"[^a-z0-9]+")
ALTERNATIVE = 0.7
"""What a synonym or translation counts, where the word as asked counts 1."""


@dataclass(frozen=True, slots=True)
class Concept:
    """A term as asked, terms that may stand for it, and its rarity (BM25's inverse document frequency)."""

    term: str
    alternatives: tuple[str, ...]
    rarity: float


def concepts(
    words: Sequence[str], alternatives: Mapping[str, Sequence[str]], rarity: Callable[[str], float], unseen: float
) -> tuple[Concept, ...]:
    """One concept a word; a word that no passage holds (rarity `unseen`) is as rare as its rarest alternative."""
    made = []
    for word in words:
        others = tuple(other for other in alternatives.get(word, ()) if other != word)
        own = rarity(word)
        known = [rarity(other) for other in others]
        made.append(Concept(word, others, max(known) if known and own >= unseen else own))
    return tuple(made)


def wanted(asked: Sequence[Concept]) -> Wanted:
    """The same as arrays, for the forward index; a word that several concepts share counts for the first."""
    seen: dict[int, tuple[int, float]] = {}
    for number, concept in enumerate(asked):
        for term, strength in ((concept.term, 1.0), *((other, ALTERNATIVE) for other in concept.alternatives)):
            seen.setdefault(key(term), (number, strength))
    # `v3` of `hw-v3-10` is no code by itself: it would count a neighbour of that model as half right.
    parts = {part for c in asked for part in _SEPARATORS.split(c.term) if part != c.term}
    return Wanted(
        np.array(list(seen), np.uint32),
        np.array([number for number, _ in seen.values()], np.int64),
        np.array([strength for _, strength in seen.values()]),
        np.array([concept.rarity for concept in asked]),
        np.array([CODE.fullmatch(c.term) is not None and c.term not in parts for c in asked], bool),
    )

"""What several tickets say alike, said once; and where they name different figures for the same thing."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.cases.grouping import groups
from kb.cases.said import Sentence
from kb.search.terms import in_simplified, question_terms

ALIKE = 0.35
"""The mean centred cosine from which on two sentences of a case say the same."""
_PERSONAL = re.compile(r"客户|他|她|\b(?:she|he|her|his|hers|him|my|customer)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[，,；;。.!！：:、]\s*(?![0-9])|\s(?:and|then|or)\s")
_FIGURE = re.compile(
    r"(?P<number>[0-9]+(?:[.,][0-9]+)?)\s*(?P<unit>分钟|小时|个月|个小时|工作日|个工作日|厘米|毫米|公斤|毫升|%|[a-z]+|[㐀-鿿])?",
    re.IGNORECASE,
)
_IN_COMMON = 0.5
"""The share of the shorter clause's words, from which on two clauses are about the same thing."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """A sentence that stands for all that say the same: the ids of those tickets, and how far on in them it is said.

    `rivals` are the tickets that give another figure, with what they say.
    """

    sentence: Sentence
    tickets: frozenset[str]
    place: float
    rivals: tuple[tuple[str, str], ...] = ()


def agreed(said: Sequence[Sentence], vectors: NDArray[np.float32], script: str) -> list[Agreed]:
    """What is said, by how many tickets say it, then by where; `script` is preferred for the sentence that is shown."""
    if not said:
        return []
    ends = {key: max(one.place for one in said if (one.ticket, one.part) == key) for key in _sources(said)}
    found = []
    for group in groups(vectors, [frozenset()] * len(said), alike=ALIKE):
        middle = vectors[group].mean(axis=0)
        best = min(
            group, key=lambda n: (_is_other_script(said[n], script), _is_personal(said[n]), -float(vectors[n] @ middle))
        )
        places = [said[n].place / max(1, ends[said[n].ticket, said[n].part]) for n in group]
        tickets = frozenset(said[n].ticket for n in group)
        found.append(Agreed(said[best], tickets, float(np.mean(places)), _rivals(said[best], said)))
    return sorted(found, key=lambda one: (-len(one.tickets), one.place, one.sentence.text))


def _sources(said: Sequence[Sentence]) -> set[tuple[str, str]]:
    return {(one.ticket, one.part) for one in said}


def _is_personal(one: Sentence) -> bool:
    return _PERSONAL.search(in_simplified(one.text)) is not None


def _is_other_script(one: Sentence, script: str) -> bool:
    traditional = in_simplified(one.text) != one.text
    return traditional != (script == "zh-Hant")


def _rivals(one: Sentence, said: Sequence[Sentence]) -> tuple[tuple[str, str], ...]:
    """The other tickets' sentences that name another figure with the same unit in a clause of the same words."""
    mine = list(_clauses(one.text))
    found: dict[str, str] = {}
    for other in said:
        if other.ticket != one.ticket and any(_contradict(a, b) for a in mine for b in _clauses(other.text)):
            found.setdefault(other.ticket, other.text)
    return tuple(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class _Clause:
    figures: dict[str, frozenset[str]]
    words: frozenset[str]


def _clauses(text: str) -> Iterator[_Clause]:
    plain = in_simplified(unicodedata.normalize("NFKC", text))
    for clause in _CLAUSE.split(plain):
        figures: dict[str, set[str]] = defaultdict(set)
        for found in _FIGURE.finditer(clause):
            figures[(found["unit"] or "").lower().rstrip("s")].add(found["number"])
        if figures:
            words = frozenset(question_terms(_FIGURE.sub(" ", clause)))
            yield _Clause({unit: frozenset(numbers) for unit, numbers in figures.items()}, words)


def _contradict(one: _Clause, other: _Clause) -> bool:
    least = min(len(one.words), len(other.words))
    if not least or len(one.words & other.words) < _IN_COMMON * least:
        return False
    return any(numbers.isdisjoint(other.figures.get(unit, numbers)) for unit, numbers in one.figures.items())

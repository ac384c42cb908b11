"""Two sources that answer alike but for a number: then nobody knows which is right, and neither is told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kb.hits import Found
from kb.reader import Reads
from kb.search.analysis import parts
from kb.search.features import NAMES
from kb.search.forward import groups, key
from kb.search.terms import terms
from kb.search.view import View

RIVALS = 5
"""Documents after the best one that are looked at."""
ALIKE = 0.6
"""The share of a sentence's words, numbers aside, that another must have for both to be about the same."""
FEWEST = 4  # such words, below which two sentences are too short to tell
_LIKE = 0.02  # how much less of the question a rival or its headings may hold: else the question has chosen
_CHOOSING = [NAMES.index("coverage"), NAMES.index("heading")]
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence that names numbers, and its other words."""

    text: str
    words: frozenset[int]
    numbers: frozenset[str]


def facts(sentences: Iterable[str]) -> list[Fact]:
    """The sentences that name numbers and have enough words to tell what about."""
    found = (Fact(text, _words(text), _numbers(text)) for text in sentences)
    return [fact for fact in found if fact.numbers and len(fact.words) >= FEWEST]


def differing(own: Sequence[Fact], embedded: str) -> Iterator[tuple[Fact, str]]:
    """The facts that a passage, as the index sees it, says with numbers of which neither has all of the other's."""
    for sentence in parts(embedded)[1:]:
        numbers, said = _numbers(sentence), _words(sentence)
        for fact in own if numbers else ():
            if _alike(fact.words, said) and not (numbers <= fact.numbers or fact.numbers <= numbers):
                yield fact, sentence


def contradicting(found: Found, told: Iterable[str], view: View, reader: Reads) -> str | None:
    """The document that says one of the sentences `told` with other numbers, where the question fits it as well.

    Only documents for the same people, product and language, of another family, among what the asker may see.
    """
    own = facts(told)
    for number in _rivals(found, view) if own else ():
        record = view.forward.record(found.evidence.places[number])
        close = [fact for fact in own if any(_alike(fact.words, said) for said in groups(record)[1:])]
        if close and _differs(close, found.evidence.rows[number], reader):
            return found.evidence.documents[number]
    return None


def _rivals(found: Found, view: View) -> Iterator[int]:
    """The best passage of each of the next documents that hold as much of the question."""
    evidence, own = found.evidence, found.number
    seen = {evidence.families[own]}
    for number in found.ordered:
        if len(seen) > RIVALS:
            return
        if evidence.families[number] in seen:
            continue
        seen.add(evidence.families[number])
        same = view.catalogue.alike(evidence.places[own], evidence.places[number])
        if same and (evidence.alone[number, _CHOOSING] >= evidence.alone[own, _CHOOSING] - _LIKE).all():
            yield number


def _alike(words: frozenset[int], said: frozenset[int]) -> bool:
    common = len(words & said)
    return common >= max(FEWEST, ALIKE * len(words)) and common >= ALIKE / 2 * len(said)


def _differs(own: Sequence[Fact], row: int, reader: Reads) -> bool:
    passage = reader.fetch([row]).get(row)  # gone where a writer purged it meanwhile
    return passage is not None and next(differing(own, passage.embedded), None) is not None


def _words(text: str) -> frozenset[int]:
    return frozenset(key(term) for term in terms(text) if not _NUMBER.search(term))


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(unicodedata.normalize("NFKC", text)))

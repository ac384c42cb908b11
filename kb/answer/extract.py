"""The sentences of a document that answer a question, verbatim.

A short section answers whole: steps without their neighbours help nobody (but a table of which a row is asked for does
not: its rows are alternatives). Beyond that, sentences are chosen one by
one, each for the question's terms that no chosen one holds yet, as in maximal marginal relevance (Carbonell and
Goldstein, SIGIR 1998).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.ingest.sentences import sentences
from kb.search.terms import terms

SECTION = 200
"""A best passage up to this length is given whole. Lengths count a Chinese character as 1, any other as 0.4."""
ANSWER = 150
"""Sentences are added up to this length; the first may be longer."""
ADDED = 2
_ROW = " | "
_SEEN = 0.3  # what a term is still worth once a chosen sentence holds it
_TITLE = 0.5  # what a term of the title is worth: every sentence below it is about that
_WORTH = 0.1  # of the question's weight: what a sentence must add
_LATER = 0.2  # how much each further passage counts less


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of passage number `passage`, at `start:end` of that passage's text, and its `terms`."""

    passage: int
    start: int
    end: int
    terms: frozenset[str]


def best_sentences(texts: Sequence[str], language: str, rarity: Mapping[str, float], title: str) -> list[Sentence]:
    """The few sentences of `texts` that answer, in order of appearance; never empty where there is a sentence.

    `texts` come best first; `rarity` weighs the question's terms; `title` is the best passage's, with its headings.
    """
    found = _all_sentences(texts, language)
    held = [s.terms & rarity.keys() for s in found]
    sizes = [_length(texts[s.passage][s.start : s.end]) for s in found]
    section = [n for n, sentence in enumerate(found) if sentence.passage == 0]
    asked_row = any(held[n] and _ROW in texts[0][found[n].start : found[n].end] for n in section)
    chosen = section if sum(sizes[n] for n in section) <= SECTION and not asked_row else []
    left = {term: weight * (_TITLE if term in set(terms(title)) else 1.0) for term, weight in rarity.items()}
    enough = _WORTH * sum(left.values())
    for n in chosen:
        left |= {term: left[term] * _SEEN for term in held[n]}
    for _ in range(ADDED):
        gains = {n: _gain(held[n], left, found[n].passage) for n in range(len(found)) if n not in chosen}
        best = max(gains, key=lambda n: (gains[n], -n), default=None)
        room = ANSWER - sum(sizes[n] for n in chosen)
        if best is None or (chosen and (sizes[best] > room or gains[best] <= enough)):
            break
        chosen = [*chosen, best]
        left |= {term: left[term] * _SEEN for term in held[best]}
    return [found[n] for n in sorted(chosen)]


def closest_sentence(statement: str, texts: Sequence[str], language: str) -> Sentence | None:
    """The sentence of `texts` that shares most terms with a statement; None where `texts` holds none."""
    wanted = frozenset(terms(statement))

    def shared(sentence: Sentence) -> int:
        return len(wanted & sentence.terms)

    return max(_all_sentences(texts, language), key=lambda s: (shared(s), -s.passage, -s.start), default=None)


def answering_sentence(text: str, language: str, rarity: Mapping[str, float]) -> tuple[int, int] | None:
    """The span of the sentence that holds most of what a question asks; None where no sentence holds any of it."""
    found = _all_sentences([text], language)
    gains = [sum(rarity[term] for term in s.terms & rarity.keys()) for s in found]
    best = max(range(len(found)), key=lambda n: (gains[n], -n), default=None)
    return (found[best].start, found[best].end) if best is not None and gains[best] > 0 else None


def _all_sentences(texts: Sequence[str], language: str) -> list[Sentence]:
    return [Sentence(number, *found) for number, text in enumerate(texts) for found in _read(text, language)]


@lru_cache(maxsize=4_096)
def _read(text: str, language: str) -> tuple[tuple[int, int, frozenset[str]], ...]:
    """The sentences of a text with their terms; reading one takes a millisecond, and the same few are read all day."""
    return tuple((start, end, frozenset(terms(text[start:end]))) for start, end in sentences(text, language))


def _gain(held: frozenset[str], left: Mapping[str, float], passage: int) -> float:
    return sum(left[term] for term in held) / (1 + _LATER * passage)


def _length(text: str) -> float:
    return sum(1.0 if character >= "⺀" else 0.4 for character in text)

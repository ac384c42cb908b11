"""The sentences of a document that answer a question, verbatim.

A short section answers whole: steps without their neighbours help nobody (but a table of which a row is asked for does
not: its rows are alternatives). Beyond that, sentences are chosen one by
one, each for the question's terms that no chosen one holds yet, as in maximal marginal relevance (Carbonell and
Goldstein, SIGIR 1998).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from kb.search.highlights import Occurrence
from kb.search.terms import terms

Span = tuple[int, int]

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


class Text(Protocol):
    """A text, and where its sentences are."""

    @property
    def text(self) -> str:
        """What is read."""

    @property
    def sentences(self) -> tuple[Span, ...]:
        """Spans of `text`."""


def best_sentences(
    passages: Sequence[Text], rarity: Mapping[str, float], title: str, elsewhere: float = 0.0
) -> list[Sentence]:
    """The few sentences of passages that answer, in order of appearance; never empty where there is a sentence.

    `passages` come best first; `rarity` weighs the question's terms, `elsewhere` those of them that stand nowhere here;
    `title` is the best passage's, with its headings.
    """
    found, texts = _all_sentences(passages), [passage.text for passage in passages]
    held = [s.terms & rarity.keys() for s in found]
    sizes = [_length(texts[s.passage][s.start : s.end]) for s in found]
    section = [n for n, sentence in enumerate(found) if sentence.passage == 0]
    asked_row = any(held[n] and _ROW in texts[0][found[n].start : found[n].end] for n in section)
    chosen = section if sum(sizes[n] for n in section) <= SECTION and not asked_row else []
    titled = set(terms(title))
    left = {term: weight * (_TITLE if term in titled else 1.0) for term, weight in rarity.items()}
    enough = _WORTH * (sum(left.values()) + elsewhere)
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


def closest_sentence(statement: str, passages: Sequence[Text]) -> Sentence | None:
    """The sentence of passages that shares most terms with a statement; None where they hold none."""
    wanted = frozenset(terms(statement))

    def shared(sentence: Sentence) -> int:
        return len(wanted & sentence.terms)

    return max(_all_sentences(passages), key=lambda s: (shared(s), -s.passage, -s.start), default=None)


def standing_in(wanted: Iterable[str], passages: Sequence[Text]) -> frozenset[str]:
    """Those of the `wanted` terms that some sentence holds."""
    asked = frozenset(wanted)
    return frozenset().union(*(asked & sentence.terms for sentence in _all_sentences(passages)))


def answering_sentence(
    spans: Iterable[Span], standing: Sequence[Occurrence], rarity: Mapping[str, float]
) -> Span | None:
    """The one of a text's sentences in which most of what a question asks is `standing`; None where none holds any."""
    best, gain = None, 0.0
    for start, end in spans:
        held = {term for first, last, terms_ in standing if start <= first and last <= end for term in terms_}
        if (own := sum(rarity.get(term, 0.0) for term in held)) > gain:
            best, gain = (start, end), own
    return best


def _all_sentences(passages: Sequence[Text]) -> list[Sentence]:
    return [
        Sentence(n, *found) for n, passage in enumerate(passages) for found in _read(passage.text, passage.sentences)
    ]


@lru_cache(maxsize=4_096)
def _read(text: str, spans: tuple[Span, ...]) -> tuple[tuple[int, int, frozenset[str]], ...]:
    """The sentences of a text with their terms: finding those takes a millisecond, and the same few recur all day."""
    return tuple((start, end, frozenset(terms(text[start:end]))) for start, end in spans)


def _gain(held: frozenset[str], left: Mapping[str, float], passage: int) -> float:
    return sum(left[term] for term in held) / (1 + _LATER * passage)


def _length(text: str) -> float:
    return sum(1.0 if character >= "⺀" else 0.4 for character in text)

"""The sentences of a passage that answer a question, verbatim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.ingest.sentences import sentences
from kb.search.terms import terms

MAX_SENTENCES = 3
MAX_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of passage number `passage`, at `start:end` of that passage's text; `score` higher is better."""

    passage: int
    start: int
    end: int
    score: float


def best_sentences(texts: Sequence[str], language: str, rarity: Mapping[str, float]) -> list[Sentence]:
    """The few sentences of `texts` that hold most of the question's rare terms, in order of appearance.

    `texts` come best first; `rarity` weighs the question's terms. Never empty where `texts` holds a sentence.
    """
    scored = [
        Sentence(number, start, end, _score(text[start:end], rarity) / (1 + 0.2 * number))
        for number, text in enumerate(texts)
        for start, end in sentences(text, language)
    ]
    ranked = sorted(scored, key=lambda s: (-s.score, s.passage, s.start))
    chosen = _short_enough(ranked)
    return sorted(chosen, key=lambda s: (s.passage, s.start))


def _score(sentence: str, rarity: Mapping[str, float]) -> float:
    return sum(rarity[term] for term in set(terms(sentence)) & rarity.keys())


def _short_enough(ranked: Sequence[Sentence]) -> list[Sentence]:
    chosen: list[Sentence] = []
    length = 0
    for sentence in ranked[:MAX_SENTENCES]:
        length += sentence.end - sentence.start
        worth = sentence.score >= 0.5 * ranked[0].score and ranked[0].score > 0
        if chosen and (length > MAX_CHARACTERS or not worth):
            break
        chosen.append(sentence)
    return chosen


def closest_sentence(statement: str, texts: Sequence[str], language: str) -> Sentence | None:
    """The sentence of `texts` that shares most terms with a statement; None where `texts` holds none."""
    weights = dict.fromkeys(terms(statement), 1.0)
    scored = [
        Sentence(number, start, end, _score(text[start:end], weights))
        for number, text in enumerate(texts)
        for start, end in sentences(text, language)
    ]
    return max(scored, key=lambda s: (s.score, -s.passage, -s.start), default=None)

"""From a lane's ranked candidates to what is shown: near-duplicates once, neighbours joined, further sections named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.answer.citations import document_url
from kb.answer.extract import answering_sentence
from kb.model import StoredPassage
from kb.results import Hit, Section
from kb.search.catalogue import Catalogue
from kb.search.duplicates import Words, alike, same_numbers, words_of
from kb.search.evidence import Evidence
from kb.search.grouping import Group
from kb.search.highlights import highlights
from kb.search.language import FOREIGN, distance
from kb.search.view import View

SECTIONS = 2
"""Further passages of a document that a hit names at most."""
CLOSE = 3.0
"""How far, in the fused score, a passage may lie below its document's best to be shown with it."""
SPANNED = 3
"""The first hits, of which the answering sentence is marked: finding a text's sentences takes a millisecond."""
SPARE = 5
"""Documents looked at beyond those asked for, so that one shown once leaves its place to another."""


@dataclass(frozen=True, slots=True)
class Found:
    """A lane's result: its best passage, its signs and probability, and candidate `number` of what is known of it.

    `score` is the fused one of the best passage in any language; `exact` whether one is asked for in its own words.
    `near` are further passages of its document, best first; `also` the near-duplicates that it stands for; `ordered`
    numbers all candidates, best first; `other_code` where it is about a code like the one asked for, not about that.
    """

    passage: StoredPassage
    score: float
    exact: bool
    signs: dict[str, float]
    probability: float
    evidence: Evidence
    number: int
    near: tuple[StoredPassage, ...] = ()
    also: tuple[str, ...] = ()
    ordered: Sequence[int] = ()
    other_code: bool = False


def near(
    evidence: Evidence, fused: NDArray[np.float64], ordered: Sequence[int], shown: Iterable[int]
) -> dict[int, list[int]]:
    """Of each `shown` candidate's document those that score close to it, best first; at least the next best."""
    own: dict[str, list[int]] = {}
    for number in ordered:
        own.setdefault(evidence.documents[number], []).append(number)
    return {n: _close(fused, n, [other for other in own[evidence.documents[n]] if other != n]) for n in shown}


def _close(fused: NDArray[np.float64], shown: int, others: Sequence[int]) -> list[int]:
    return [n for rank, n in enumerate(others) if rank == 0 or fused[n] >= fused[shown] - CLOSE]


def shown_once(
    chosen: Sequence[Group],
    evidence: Evidence,
    beside: Mapping[int, Sequence[int]],
    stored: Mapping[int, StoredPassage],
    view: View,
) -> list[tuple[Group, tuple[str, ...]]]:
    """The groups without those whose passage says what one above it says, which then names them.

    A curated question is too short to tell: its article is compared by the best text found of it, or not at all.
    """
    kept: list[tuple[Group, tuple[str, ...]]] = []
    texts: list[_Text | None] = []
    for group in chosen:
        if evidence.rows[group.shown] not in stored:
            continue
        own = _text_of((group.shown, *beside[group.shown]), evidence, stored, view)
        same = (n for n, above in enumerate(texts) if own and above and _say_the_same(above, own, view.catalogue))
        if (number := next(same, None)) is None:
            kept.append((group, ()))
            texts.append(own)
        else:
            above, also = kept[number]
            kept[number] = (above, (*also, evidence.documents[group.shown]))
    return kept


@dataclass(frozen=True, slots=True)
class _Text:
    """A passage ready to be compared: its position, its terms, and what the indexes see of it."""

    place: int
    words: Words
    embedded: str


def _text_of(
    numbers: Sequence[int], evidence: Evidence, stored: Mapping[int, StoredPassage], view: View
) -> _Text | None:
    for number in numbers:
        passage = stored.get(evidence.rows[number])
        if passage is not None and passage.role == "text":
            place = evidence.places[number]
            return _Text(place, words_of(view.forward.record(place)), passage.embedded)
    return None


def _say_the_same(one: _Text, other: _Text, catalogue: Catalogue) -> bool:
    return (
        catalogue.alike(one.place, other.place)
        and alike(one.words, other.words)
        and same_numbers(one.embedded, other.embedded)
    )


def hit(found: Found, rank: int, words: Sequence[str], rarity: Mapping[str, float], speaks: str) -> Hit:
    """What a searcher is shown: the best passage with a strong neighbour, then further sections."""
    best = found.passage
    others = _distinct(best, found.near)
    beside = next((p for p in others if _follows(best, p) or _follows(p, best)), None)
    text = best.text if beside is None else _joined(*sorted((best, beside), key=lambda p: p.start))
    return Hit(
        passage_id=best.name,
        document_id=best.document_id,
        kind=best.kind,
        revision=best.revision,
        title=best.heading[0],
        heading=best.heading[1:],
        url=document_url(best.document_id, best.kind),
        text=text,
        highlights=highlights(text, words),
        score=found.score,
        confidence=round(found.probability, 4),
        audience=best.audience,
        language=best.language,
        foreign=distance(best.language, speaks) == FOREIGN,
        answer_span=answering_sentence(text, best.language, rarity) if rank < SPANNED else None,
        sections=tuple(_section(p, words) for p in others if p is not beside)[:SECTIONS],
        also=found.also,
    )


def _distinct(best: StoredPassage, others: Sequence[StoredPassage]) -> list[StoredPassage]:
    """One passage a span: a curated question carries the span of its article's first passage."""
    spans = {(p.start, p.end, p.internal): p for p in reversed([best, *others])}
    return [p for p in others if spans[p.start, p.end, p.internal] is p]


def _follows(first: StoredPassage, second: StoredPassage) -> bool:
    """Whether `second` is the next piece of the same section."""
    same = first.heading == second.heading and first.internal == second.internal
    return same and first.role == second.role == "text" and second.ordinal == first.ordinal + 1


def _joined(first: StoredPassage, second: StoredPassage) -> str:
    """Both texts with what the splitter left out between them: nothing, a space, or an empty line."""
    gap = second.start - first.end
    return first.text + (" " if gap == 1 else "\n\n" if gap > 1 else "") + second.text[max(0, -gap) :]


def _section(passage: StoredPassage, words: Sequence[str]) -> Section:
    return Section(passage.name, passage.heading[1:], passage.text, highlights(passage.text, words))

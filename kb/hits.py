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
from kb.search.duplicates import pairs_alike, same_numbers
from kb.search.evidence import Evidence
from kb.search.features import NAMES
from kb.search.grouping import Group
from kb.search.highlights import highlights, merged, occurrences
from kb.search.language import FOREIGN, distance
from kb.search.view import View

SECTIONS = 2
"""Further passages of a document that a hit names at most."""
CLOSE = 3.0
"""How far, in the fused score, a passage may lie below its document's best to be shown with it."""
SPANNED = 3
"""The first hits, of which the answering sentence is marked: nobody reads it of more."""
_QUESTION = NAMES.index("question")
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
    """Of each `shown` candidate's document those that score close to it, best first.

    A curated question has at least the next best: it is compared with others by its article's text.
    """
    wanted = list(shown)
    own: dict[int, list[int]] = {evidence.numbers[number]: [] for number in wanted}
    for number in ordered:
        if (members := own.get(evidence.numbers[number])) is not None:
            members.append(number)
    return {n: _close(evidence, fused, n, [m for m in own[evidence.numbers[n]] if m != n]) for n in wanted}


def _close(evidence: Evidence, fused: NDArray[np.float64], shown: int, others: Sequence[int]) -> list[int]:
    first = 1 if evidence.signs[shown, _QUESTION] else 0
    return [n for rank, n in enumerate(others) if rank < first or fused[n] >= fused[shown] - CLOSE]


def shown(
    chosen: Sequence[Group], evidence: Evidence, stored: Mapping[int, StoredPassage]
) -> list[tuple[Group, tuple[str, ...]]]:
    """The groups whose passage is here still, each for itself."""
    return [(group, ()) for group in chosen if evidence.rows[group.shown] in stored]


def shown_once(
    here: Sequence[Group],
    evidence: Evidence,
    beside: Mapping[int, Sequence[int]],
    stored: Mapping[int, StoredPassage],
    view: View,
) -> list[tuple[Group, tuple[str, ...]]]:
    """The groups without those whose passage says what one above it says, which then names them.

    A curated question is too short to tell: its article is compared by the best text found of it, or not at all.
    """
    texts = [_text_of((group.shown, *beside[group.shown]), evidence, stored) for group in here]
    likely = _likely(texts, view)
    kept: dict[int, list[str]] = {}
    for number, group in enumerate(here):
        same = next((n for n in likely[number] if n in kept and _say_the_same(texts[n], texts[number], view)), None)
        if same is None:
            kept[number] = []
        else:
            kept[same].append(evidence.documents[group.shown])
    return [(here[number], tuple(also)) for number, also in kept.items()]


_Placed = tuple[int, StoredPassage]


def _likely(texts: Sequence[_Placed | None], view: View) -> list[list[int]]:
    """For each text the numbers of those before it that use nearly the same words."""
    likely: list[list[int]] = [[] for _ in texts]
    numbers = [number for number, text in enumerate(texts) if text]
    for first, second in pairs_alike([view.forward.record(text[0]) for text in texts if text]):
        likely[numbers[second]].append(numbers[first])
    return likely


def _text_of(numbers: Sequence[int], evidence: Evidence, stored: Mapping[int, StoredPassage]) -> _Placed | None:
    """The first of some candidates that is a text: its position, and the passage."""
    for number in numbers:
        passage = stored.get(evidence.rows[number])
        if passage is not None and passage.role == "text":
            return evidence.places[number], passage
    return None


def _say_the_same(one: _Placed | None, other: _Placed | None, view: View) -> bool:
    """Whether two texts of nearly the same words are for the same people and name the same numbers."""
    if one is None or other is None:
        return False
    return view.catalogue.alike(one[0], other[0]) and same_numbers(one[1].embedded, other[1].embedded)


def hit(found: Found, rank: int, words: Sequence[str], rarity: Mapping[str, float], speaks: str) -> Hit:
    """What a searcher is shown: the best passage with a strong neighbour, then further sections."""
    best = found.passage
    others = _distinct(best, found.near)
    beside = next((p for p in others if _follows(best, p) or _follows(p, best)), None)
    text, spans = (best.text, best.sentences) if beside is None else _joined(*sorted((best, beside), key=_begins))
    standing = occurrences(text, words)
    return Hit(
        passage_id=best.name,
        document_id=best.document_id,
        kind=best.kind,
        revision=best.revision,
        title=best.heading[0],
        heading=best.heading[1:],
        url=document_url(best.document_id, best.kind),
        text=text,
        highlights=merged(standing),
        score=found.score,
        confidence=round(found.probability, 4),
        audience=best.audience,
        language=best.language,
        foreign=distance(best.language, speaks) == FOREIGN,
        answer_span=answering_sentence(spans, standing, rarity) if rank < SPANNED else None,
        sections=tuple(_section(p, words) for p in others if p is not beside)[:SECTIONS],
        also=found.also,
    )


def _begins(passage: StoredPassage) -> int:
    return passage.start


def _distinct(best: StoredPassage, others: Sequence[StoredPassage]) -> list[StoredPassage]:
    """One passage a span: a curated question carries the span of its article's first passage."""
    spans = {(p.start, p.end, p.internal): p for p in reversed([best, *others])}
    return [p for p in others if spans[p.start, p.end, p.internal] is p]


def _follows(first: StoredPassage, second: StoredPassage) -> bool:
    """Whether `second` is the next piece of the same section."""
    same = first.heading == second.heading and first.internal == second.internal
    return same and first.role == second.role == "text" and second.ordinal == first.ordinal + 1


def _joined(first: StoredPassage, second: StoredPassage) -> tuple[str, list[tuple[int, int]]]:
    """Both texts with what the splitter left out between them: nothing, a space, or an empty line; their sentences."""
    gap = second.start - first.end
    text = first.text + (" " if gap == 1 else "\n\n" if gap > 1 else "") + second.text[max(0, -gap) :]
    moved = len(text) - len(second.text)
    later = [(start + moved, end + moved) for start, end in second.sentences if start + moved >= len(first.text)]
    return text, [*first.sentences, *later]


def _section(passage: StoredPassage, words: Sequence[str]) -> Section:
    return Section(passage.name, passage.heading[1:], passage.text, highlights(passage.text, words))

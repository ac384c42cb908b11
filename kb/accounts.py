"""How an answer or a search came about: what is written down of it, so that it can be explained later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kb.answer.basis import Basis
from kb.hits import Found
from kb.questions import Question
from kb.results import Answer, SearchResult
from kb.search.features import NAMES

_CANDIDATES = 3
"""Of each lane that was looked at: enough to see what came close."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a question was put to: the state of the store and of the index, the model, and what judges.

    `model` is the embedding model's fingerprint; `tuning` names the weights and the confidence model; `threshold` is
    the probability at or above which it was answered.
    """

    speaks: str
    generation: int
    change: int
    model: str
    tuning: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that was considered: its signs, as in `features.NAMES`; of each lane's best also its judgement."""

    document_id: str
    lane: str
    signs: dict[str, float]
    passage_id: str | None = None
    score: float | None = None
    probability: float | None = None
    judged: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class AnswerAccount:
    """An answer, and how it came about; `basis` is what it was made of, null where it was refused.

    `refused_before` where the turn before is refused when it is asked again, because nobody kept a record of it.
    """

    answer: Answer
    circumstances: Circumstances
    candidates: tuple[Candidate, ...]
    basis: Basis | None
    ms: float
    refused_before: bool = False


@dataclass(frozen=True, slots=True)
class SearchAccount:
    """What a search showed, and what it was put to."""

    result: SearchResult
    circumstances: Circumstances


def circumstances(question: Question, tuning: str) -> Circumstances:
    """What a question was put to."""
    view = question.view
    return Circumstances(
        question.speaks, view.manifest.generation, view.change, question.models.fingerprint, tuning, question.threshold
    )


def candidates(best: Iterable[Found]) -> tuple[Candidate, ...]:
    """The first candidates of each lane, given what was found best in it."""
    return tuple(candidate for found in best for candidate in _of_lane(found))


def _of_lane(found: Found) -> Iterable[Candidate]:
    lane, evidence = found.passage.kind, found.evidence
    judged = {name: float(value) for name, value in found.signs.items()}
    yield Candidate(
        found.passage.document_id, lane, _signs(found, found.number), found.passage.name, found.score,
        round(found.probability, 4), judged,
    )  # fmt: skip
    own = evidence.numbers[found.number]
    others = [number for number in found.ordered[: 10 * _CANDIDATES] if evidence.numbers[number] != own]
    firsts = {evidence.numbers[number]: number for number in reversed(others)}
    for number in sorted(firsts.values(), key=others.index)[: _CANDIDATES - 1]:
        yield Candidate(evidence.documents[number], lane, _signs(found, number))


def _signs(found: Found, number: int) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(NAMES, found.evidence.signs[number], strict=True)}

"""How well a run over golden questions went, in figures that each have one definition."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from kb.evaluation.reliability import (
    Floats,
    Indices,
    auroc,
    calibrated_error,
    expected_calibration_error,
    refusal_recall_at_5,
)

DEPTH = 10
DIGITS = 4

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the system did with one golden question.

    `ranked` holds the distinct document ids of the lane of the expected documents, best first, before any refusal;
    `cited` the distinct document ids in order of citation; `confidence` is a probability, higher is better.
    `answers` are the golden texts of which a right answer contains one; `latency_ms` is NaN where it was not timed.
    Raises ValueError if these do not hold.
    """

    language: str
    answerable: bool
    ranked: tuple[str, ...]
    expected: frozenset[str]
    confidence: float
    answered: bool
    cited: tuple[str, ...]
    text: str
    answers: tuple[str, ...]
    latency_ms: float

    def __post_init__(self) -> None:
        if self.answerable != bool(self.expected):
            raise ValueError(f"answerable is {self.answerable}, but expected holds {len(self.expected)} documents")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence is {self.confidence}, not a probability")
        for name, ids in (("ranked", self.ranked), ("cited", self.cited)):
            if len(set(ids)) < len(ids):
                raise ValueError(f"{name} repeats a document: {ids}")


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one set of questions: shares in [0, 1] unless said; None where there is nothing to divide by.

    A question is answerable if documents are expected; what is not answered is refused.

    - `recall_at_k`: answerable questions with at least one expected document among the first k distinct documents,
      over all answerable.
    - `mrr_at_10`: mean over the answerable of 1 / rank of the first expected document, 0 beyond rank 10.
    - `ndcg_at_10`: mean over the answerable of DCG / ideal DCG at 10, gain 1 for each expected document,
      discount log2(rank + 1), the ideal over min(10, number expected). Järvelin and Kekäläinen, TOIS 2002.
    - `auroc`: the chance that an answerable question has more confidence than an unanswerable one, ties count half.
    - `coverage`: answered, over all.
    - `refusal_precision`: refused and unanswerable, over all refused.
    - `refusal_recall`: refused and unanswerable, over all unanswerable.
    - `false_refusals`: refused and answerable, over all answerable.
    - `refusal_recall_at_5`: the unanswerable with confidence below the highest threshold that refuses at most 5% of
      the answerable (refused means confidence < threshold), over all unanswerable.
    - `wrong`: answered, and nothing expected or the first cited document not expected or nothing cited, over answered.
    - `answer_contains`: answered questions with `answers` whose text contains one, over those with `answers`; compared
      after NFKC and case folding, without white space.
    - `citation_precision`: cited documents that are expected, over cited, of the answered answerable questions.
    - `ece`: expected calibration error of the confidence against "the top document is expected", over all questions;
      ten bins of equal mass, equal confidences always together. An unanswerable question has no expected document.
    - `ece_band`: the `ece` that a perfectly calibrated model of the same confidences stays within 95 times in 100;
      simulated. An `ece` above it is more than the chance of a small set.
    - `latency_p50`, `latency_p95`: percentiles over the questions that were timed, in milliseconds, linear between
      ranks.
    """

    questions: int
    recall_at_1: float | None
    recall_at_5: float | None
    recall_at_10: float | None
    mrr_at_10: float | None
    ndcg_at_10: float | None
    auroc: float | None
    coverage: float | None
    refusal_precision: float | None
    refusal_recall: float | None
    false_refusals: float | None
    refusal_recall_at_5: float | None
    wrong: float | None
    answer_contains: float | None
    citation_precision: float | None
    ece: float | None
    ece_band: float | None
    latency_p50: float | None
    latency_p95: float | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lower and upper ends of the 95% intervals of the figures; `questions` and `ece_band` have none."""

    low: Figures
    high: Figures


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of a whole run, and the same for each language, by its tag as the outcomes give it.

    `intervals` and `language_intervals` are there once `with_intervals` has added them.
    """

    overall: Figures
    languages: Mapping[str, Figures] = field(default_factory=dict)
    intervals: Bounds | None = None
    language_intervals: Mapping[str, Bounds] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document that `kb eval --json` prints: figures rounded to 4 digits, null where undefined."""
        languages = {
            tag: _measured_json(figures, self.language_intervals.get(tag)) for tag, figures in self.languages.items()
        }
        return {**_measured_json(self.overall, self.intervals), "languages": languages}


@dataclass(frozen=True, slots=True)
class Columns:
    """What the figures need of n questions, as arrays that can be resampled.

    `parts` and `wholes` (n, shares) are what each question adds to a share's numerator and denominator, in the order of
    `SHARES`; `found` says whether the top document is expected; `latency` is in milliseconds.
    """

    parts: Floats
    wholes: Floats
    confidence: Floats
    answerable: Bools
    found: Bools
    latency: Floats

    def take(self, at: Indices) -> Columns:
        """These questions, as often as they are named."""
        return Columns(*(getattr(self, column.name)[at] for column in fields(self)))


def measure(outcomes: Sequence[Outcome]) -> Metrics:
    """The figures of these outcomes, whatever their order; `Figures` defines each."""
    by_language = {tag: _with_band(columns) for tag, columns in columns_by_language(outcomes).items()}
    return Metrics(overall=_with_band(columns_of(outcomes)), languages=by_language)


def columns_by_language(outcomes: Sequence[Outcome]) -> dict[str, Columns]:
    """The columns of each language, by its tag in alphabetical order."""
    languages = sorted({outcome.language for outcome in outcomes})
    return {tag: columns_of([outcome for outcome in outcomes if outcome.language == tag]) for tag in languages}


def columns_of(outcomes: Sequence[Outcome]) -> Columns:
    """The outcomes as arrays, in their order."""
    shares = [list(_shares(outcome).values()) for outcome in outcomes]
    pairs = np.array(shares, dtype=np.float64).reshape(len(outcomes), len(SHARES), 2)
    return Columns(
        parts=pairs[:, :, 0],
        wholes=pairs[:, :, 1],
        confidence=np.array([outcome.confidence for outcome in outcomes], dtype=np.float64),
        answerable=np.array([outcome.answerable for outcome in outcomes], dtype=np.bool_),
        found=np.array([is_found(outcome) for outcome in outcomes], dtype=np.bool_),
        latency=np.array([outcome.latency_ms for outcome in outcomes], dtype=np.float64),
    )


def figures_of(columns: Columns) -> Figures:
    """The figures of these questions, all but `ece_band`, which a simulation gives."""
    parts, wholes = columns.parts.sum(axis=0).tolist(), columns.wholes.sum(axis=0).tolist()
    shares = {name: part / whole if whole else None for name, part, whole in zip(SHARES, parts, wholes, strict=True)}
    known, unknown = columns.confidence[columns.answerable], columns.confidence[~columns.answerable]
    measured = columns.latency[~np.isnan(columns.latency)]
    p50, p95 = np.percentile(measured, (50, 95)).tolist() if measured.size else (None, None)
    return Figures(
        questions=columns.confidence.size,
        **shares,
        auroc=auroc(known, unknown),
        refusal_recall_at_5=refusal_recall_at_5(known, unknown),
        ece=expected_calibration_error(columns.confidence, columns.found.astype(np.float64)),
        ece_band=None,
        latency_p50=p50,
        latency_p95=p95,
    )


def _with_band(columns: Columns) -> Figures:
    return replace(figures_of(columns), ece_band=calibrated_error(columns.confidence))


def _shares(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """What one question adds to each share: to what is counted, and to what it is divided by."""
    known, unknown = outcome.answerable, not outcome.answerable
    answered, refused = outcome.answered, not outcome.answered
    rank = _first_rank(outcome)
    told = answered and bool(outcome.answers)
    cited = outcome.cited if answered and known else ()
    return {
        "recall_at_1": (rank <= 1, known),
        "recall_at_5": (rank <= 5, known),
        "recall_at_10": (rank <= 10, known),
        "mrr_at_10": (1 / rank if rank <= DEPTH else 0, known),
        "ndcg_at_10": (_ndcg(outcome) if known else 0, known),
        "coverage": (answered, 1),
        "refusal_precision": (refused and unknown, refused),
        "refusal_recall": (refused and unknown, unknown),
        "false_refusals": (refused and known, known),
        "wrong": (answered and _is_wrong(outcome), answered),
        "answer_contains": (told and contains_one(outcome.text, outcome.answers), told),
        "citation_precision": (sum(document in outcome.expected for document in cited), len(cited)),
    }


SHARES = (
    "recall_at_1", "recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10", "coverage", "refusal_precision",
    "refusal_recall", "false_refusals", "wrong", "answer_contains", "citation_precision",
)  # fmt: skip


def _first_rank(outcome: Outcome) -> float:
    """The rank of the first expected document, from 1; infinity if there is none."""
    return next((rank for rank, document in enumerate(outcome.ranked, 1) if document in outcome.expected), float("inf"))


def _ndcg(outcome: Outcome) -> float:
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    gain = sum(discounts[at] for at, document in enumerate(outcome.ranked[:DEPTH]) if document in outcome.expected)
    return float(gain / discounts[: len(outcome.expected)].sum())


def _is_wrong(outcome: Outcome) -> bool:
    return not outcome.cited or outcome.cited[0] not in outcome.expected


def is_found(outcome: Outcome) -> bool:
    """Whether the top document is expected."""
    return bool(outcome.ranked) and outcome.ranked[0] in outcome.expected


def contains_one(text: str, answers: Iterable[str]) -> bool:
    """Whether a text contains one of the `answers`, as `answer_contains` compares them."""
    return any(_folded(answer) in _folded(text) for answer in answers)


def _folded(text: str) -> str:
    """The text as it is compared: full-width as half-width, no case, no white space."""
    return "".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def _measured_json(figures: Figures, intervals: Bounds | None) -> dict[str, Any]:
    document = _figures_json(figures)
    return {**document, "intervals": _bounds_json(intervals)} if intervals else document


def _bounds_json(bounds: Bounds) -> dict[str, Any]:
    """[low, high] under the name of each figure, null where undefined."""
    pairs = _paired(_figures_json(bounds.low), _figures_json(bounds.high))
    return {name: pair for name, pair in pairs.items() if name not in ("questions", "ece_band")}


def _paired(low: Any, high: Any) -> Any:
    if isinstance(low, dict):
        return {name: _paired(low[name], high[name]) for name in low}
    return None if low is None else [low, high]


def _figures_json(figures: Figures) -> dict[str, Any]:
    rounded = {part.name: _rounded(getattr(figures, part.name)) for part in fields(figures)}
    latency = {"p50": rounded.pop("latency_p50"), "p95": rounded.pop("latency_p95")}
    return {**{_JSON_NAMES.get(name, name): figure for name, figure in rounded.items()}, "latency_ms": latency}


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, DIGITS)


_JSON_NAMES = {
    "recall_at_1": "recall@1",
    "recall_at_5": "recall@5",
    "recall_at_10": "recall@10",
    "mrr_at_10": "mrr@10",
    "ndcg_at_10": "ndcg@10",
}

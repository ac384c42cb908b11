"""How well a run over golden questions went, in figures that each have one definition."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

DEPTH = 10
BINS = 10
DIGITS = 4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the system did with one golden question.

    `ranked` holds the distinct document ids of the lane of the expected documents, best first, before any refusal;
    `cited` the distinct document ids in order of citation; `confidence` is a probability, higher is better.
    `answers` are the golden texts of which a right answer contains one. Raises ValueError if these do not hold.
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
    - `latency_p50`, `latency_p95`: percentiles over all questions, in milliseconds, linear between ranks.
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
    latency_p50: float | None
    latency_p95: float | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of a whole run, and the same for each language, by its tag as the outcomes give it."""

    overall: Figures
    languages: Mapping[str, Figures] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document that `kb eval --json` prints: figures rounded to 4 digits, null where undefined."""
        languages = {language: _figures_json(figures) for language, figures in self.languages.items()}
        return {**_figures_json(self.overall), "languages": languages}


def measure(outcomes: Sequence[Outcome]) -> Metrics:
    """The figures of these outcomes, whatever their order; `Figures` defines each."""
    languages = sorted({outcome.language for outcome in outcomes})
    by_language = {tag: _figures([outcome for outcome in outcomes if outcome.language == tag]) for tag in languages}
    return Metrics(overall=_figures(outcomes), languages=by_language)


def _figures(outcomes: Sequence[Outcome]) -> Figures:
    answerable = [outcome for outcome in outcomes if outcome.answerable]
    unanswerable = [outcome for outcome in outcomes if not outcome.answerable]
    answered = [outcome for outcome in outcomes if outcome.answered]
    refused = [outcome for outcome in outcomes if not outcome.answered]
    known, unknown = _confidences(answerable), _confidences(unanswerable)
    ranks = [_first_rank(outcome) for outcome in answerable]
    latencies = [outcome.latency_ms for outcome in outcomes]
    return Figures(
        questions=len(outcomes),
        recall_at_1=_mean(rank <= 1 for rank in ranks),
        recall_at_5=_mean(rank <= 5 for rank in ranks),
        recall_at_10=_mean(rank <= 10 for rank in ranks),
        mrr_at_10=_mean(1 / rank if rank <= DEPTH else 0.0 for rank in ranks),
        ndcg_at_10=_mean(_ndcg(outcome) for outcome in answerable),
        auroc=auroc(known, unknown),
        coverage=_mean(outcome.answered for outcome in outcomes),
        refusal_precision=_mean(not outcome.answerable for outcome in refused),
        refusal_recall=_mean(not outcome.answered for outcome in unanswerable),
        false_refusals=_mean(not outcome.answered for outcome in answerable),
        refusal_recall_at_5=refusal_recall_at_5(known, unknown),
        wrong=_mean(_is_wrong(outcome) for outcome in answered),
        answer_contains=_mean(_contains_answer(outcome) for outcome in answered if outcome.answers),
        citation_precision=_mean(
            document in outcome.expected for outcome in answered if outcome.answerable for document in outcome.cited
        ),
        ece=expected_calibration_error(
            _confidences(outcomes), np.array([_top_is_expected(outcome) for outcome in outcomes], dtype=np.float64)
        ),
        latency_p50=_percentile(latencies, 50),
        latency_p95=_percentile(latencies, 95),
    )


def auroc(positives: Floats, negatives: Floats) -> float | None:
    """The chance that a positive outscores a negative, ties half (Mann and Whitney, 1947); None if either is empty."""
    if not positives.size or not negatives.size:
        return None
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    below_or_equal = np.searchsorted(ordered, positives, side="right")
    return float((below + below_or_equal).mean() / 2 / negatives.size)


def refusal_recall_at_5(answerable: Floats, unanswerable: Floats) -> float | None:
    """The share of `unanswerable` below the highest threshold with at most 5% of `answerable` below it."""
    if not answerable.size or not unanswerable.size:
        return None
    may_refuse = answerable.size // 20  # whole questions: 0.05 * n in floating point could round one away
    threshold = np.sort(answerable)[may_refuse]
    return float((unanswerable < threshold).mean())


def expected_calibration_error(confidences: Floats, correct: Floats) -> float | None:
    """The mean distance between confidence and share correct over bins of equal mass, weighted by their size."""
    total = confidences.size
    if not total:
        return None
    # The bin follows from how many are strictly less sure, so that equals stay together and order cannot matter.
    bins = np.searchsorted(np.sort(confidences), confidences, side="left") * BINS // total
    gaps = np.bincount(bins, weights=confidences - correct)
    return float(np.abs(gaps).sum() / total)


def _confidences(outcomes: Sequence[Outcome]) -> Floats:
    return np.array([outcome.confidence for outcome in outcomes], dtype=np.float64)


def _first_rank(outcome: Outcome) -> float:
    """The rank of the first expected document, from 1; infinity if there is none."""
    return next((rank for rank, document in enumerate(outcome.ranked, 1) if document in outcome.expected), float("inf"))


def _ndcg(outcome: Outcome) -> float:
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    gain = sum(discounts[at] for at, document in enumerate(outcome.ranked[:DEPTH]) if document in outcome.expected)
    return float(gain / discounts[: len(outcome.expected)].sum())


def _is_wrong(outcome: Outcome) -> bool:
    return not outcome.cited or outcome.cited[0] not in outcome.expected


def _top_is_expected(outcome: Outcome) -> bool:
    return bool(outcome.ranked) and outcome.ranked[0] in outcome.expected


def _contains_answer(outcome: Outcome) -> bool:
    text = _folded(outcome.text)
    return any(_folded(answer) in text for answer in outcome.answers)


def _folded(text: str) -> str:
    """The text as it is compared: full-width as half-width, no case, no white space."""
    return "".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None


def _figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "questions": figures.questions,
        "recall@1": _rounded(figures.recall_at_1),
        "recall@5": _rounded(figures.recall_at_5),
        "recall@10": _rounded(figures.recall_at_10),
        "mrr@10": _rounded(figures.mrr_at_10),
        "ndcg@10": _rounded(figures.ndcg_at_10),
        "auroc": _rounded(figures.auroc),
        "coverage": _rounded(figures.coverage),
        "refusal_precision": _rounded(figures.refusal_precision),
        "refusal_recall": _rounded(figures.refusal_recall),
        "false_refusals": _rounded(figures.false_refusals),
        "refusal_recall_at_5": _rounded(figures.refusal_recall_at_5),
        "wrong": _rounded(figures.wrong),
        "answer_contains": _rounded(figures.answer_contains),
        "citation_precision": _rounded(figures.citation_precision),
        "ece": _rounded(figures.ece),
        "latency_ms": {"p50": _rounded(figures.latency_p50), "p95": _rounded(figures.latency_p95)},
    }


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, DIGITS)

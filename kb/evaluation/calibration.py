"""Fitting the fusion weights and the confidence to labelled questions, and measuring both on questions held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from kb.evaluation.golden import GoldenQuestion
from kb.evaluation.metrics import DEPTH, Outcome
from kb.knowledge import KnowledgeBase
from kb.model import audiences_of
from kb.questions import KINDS
from kb.results import Ask
from kb.search import confidence, fusion
from kb.search.confidence import OTHER, Confidence, Logistic, Point
from kb.search.evidence import Evidence
from kb.search.features import NAMES
from kb.search.fusion import Fusion
from kb.search.grouping import groups

BY_SCORE = ("nearness", "keyword", "coverage", "foreign")
BY_RANK = ("vector_rank", "keyword_rank", "coverage", "foreign")
JUDGED = (
    "cosine", "cosine_gap", "cosine_lead", "cosine_above", "nearness", "keyword", "keyword_rank", "both", "coverage",
    "sentence", "heading", "heading_fit", "margin", "words", "unseen", "foreign", "same", "follow_up",
)  # fmt: skip
"""The signs that the confidence weighs; `confidence.Comparison` makes them."""
FEW = 200
"""Answerable questions below which a centre keeps the shipped fusion weights, and questions of a language below which
it gets no confidence of its own."""
_NEGATIVES = 6
_STRENGTH = 0.05  # inverse regularisation of the confidence
_POINTS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """A golden question with what was known of its candidates; `weight` is how much it counts in a fit."""

    golden: GoldenQuestion
    language: str
    evidence: Evidence | None
    weight: float = 1.0

    @property
    def expected(self) -> frozenset[str]:
        """The documents that must answer; empty where it must be refused."""
        return frozenset(self.golden.expected)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Both models, and what became of each question while it was held out."""

    fusion: Fusion
    confidence: Confidence
    outcomes: tuple[Outcome, ...]


def gather(
    kb: KnowledgeBase,
    questions: Sequence[GoldenQuestion],
    audience: str,
    progress: Callable[[int], None],
    *,
    language: str | None = None,
) -> Iterator[Case]:
    """Looks for every question, in the lane that holds an expected document; among one language's where named."""
    asks = [
        Ask(q.question, q.conversation, audiences_of(q.audience or (audience,)), q.language, language=language)
        for q in questions
    ]
    kb.embed_ahead(asks)
    for done, (golden, ask) in enumerate(zip(questions, asks, strict=True), 1):
        question = kb.question(ask)
        lanes = [evidence for kind in KINDS if (evidence := question.evidence(kind)) is not None]
        holding = [e for e in lanes if not frozenset(golden.expected).isdisjoint(e.documents)]
        yield Case(golden, golden.language or question.speaks, next(iter(holding or lanes), None))
        progress(done)


def calibrate(
    cases: Sequence[Case], shipped: Fusion, *, fingerprint: str, fitted_on: str, folds: int, max_wrong: float | None
) -> Fitted:
    """Fits both models to all cases; their curve and outcomes come from `folds` fits that each held a part out."""
    parts = np.random.default_rng(0).permutation(np.arange(len(cases)) % folds)
    held: list[tuple[Case, list[str], float]] = []
    for part in range(folds):
        seen = [case for case, number in zip(cases, parts, strict=True) if number != part]
        weights = _fusion(seen, shipped, fingerprint, fitted_on).weights(fingerprint)
        judge = _confidence(seen, weights, fingerprint, fitted_on)
        unseen = [case for case, number in zip(cases, parts, strict=True) if number == part]
        held += [(case, *_judged(case, weights, judge)) for case in unseen]
    ranker = _fusion(cases, shipped, fingerprint, fitted_on)
    judge = _with_curves(_confidence(cases, ranker.weights(fingerprint), fingerprint, fitted_on), held)
    return Fitted(ranker, judge, tuple(outcome(*one, judge, max_wrong) for one in held))


def split(folds: int) -> str:
    """How `calibrate` splits, for who reads its outcomes."""
    return (
        f"Held out: {folds}-fold cross-validation by question. Each question is ranked and judged by parameters fitted"
        f" on the other {folds - 1} parts; the threshold is read off all held-out questions together."
    )


def _fusion(cases: Sequence[Case], shipped: Fusion, fingerprint: str, fitted_on: str) -> Fusion:
    if sum(bool(case.expected) for case in cases) < FEW:
        return shipped
    return Fusion(fitted_on, fingerprint, _pairwise(cases, BY_SCORE), _pairwise(cases, BY_RANK))


def _pairwise(cases: Sequence[Case], names: Sequence[str]) -> dict[str, float]:
    """Weights under which the expected document's best passage outscores the hardest wrong ones."""
    columns = [NAMES.index(name) for name in names]
    better: list[NDArray[np.float64]] = []
    weights: list[float] = []
    for case in cases:
        evidence = case.evidence
        if evidence is None or not case.expected:
            continue
        right = np.array([document in case.expected for document in evidence.documents])
        if right.any() and not right.all():
            rough = evidence.signs @ _ROUGH
            wrong = np.flatnonzero(~right)[np.argsort(-rough[~right], kind="stable")[:_NEGATIVES]]
            best = np.flatnonzero(right)[np.argmax(rough[right])]
            better += list(evidence.signs[best, columns] - evidence.signs[wrong][:, columns])
            weights += [case.weight / len(wrong)] * len(wrong)
    both = np.concatenate([better, -np.array(better)])
    truth = np.repeat([1, 0], len(better))
    scale = np.array(weights * 2) * (len(weights) / sum(weights))
    fitted = LogisticRegression(fit_intercept=False, max_iter=5_000).fit(both, truth, scale)
    return {name: round(float(weight), 4) for name, weight in zip(names, fitted.coef_[0], strict=True)}


_ROUGH = np.array([{"nearness": 0.4, "keyword": 0.6, "foreign": -0.2}.get(name, 0.0) for name in NAMES])


def _confidence(cases: Sequence[Case], weights: dict[str, float], fingerprint: str, fitted_on: str) -> Confidence:
    every = [(case, *_first(case, weights)) for case in cases]
    known = [(case, signs, right) for case, _, signs, right in every if signs is not None]
    by_language: dict[str, list[tuple[Case, dict[str, float], bool]]] = {OTHER: known}
    for one in known:
        by_language.setdefault(one[0].language.split("-")[0], []).append(one)
    enough = {tag: found for tag, found in by_language.items() if tag == OTHER or len(found) >= FEW}
    return Confidence(fitted_on, fingerprint, {tag: _logistic(found) for tag, found in enough.items()})


def _logistic(found: Sequence[tuple[Case, dict[str, float], bool]]) -> Logistic:
    signs = np.array([[values[name] for name in JUDGED] for _, values, _ in found])
    right = np.array([is_right for _, _, is_right in found])
    weight = np.array([case.weight for case, _, _ in found])
    if right.all() or not right.any():
        return Logistic(4.0 if right.all() else -4.0, {})
    scaler = StandardScaler().fit(signs, sample_weight=weight)
    fitted = LogisticRegression(C=_STRENGTH, max_iter=5_000).fit(
        scaler.transform(signs), right, weight * len(weight) / weight.sum()
    )
    raw = fitted.coef_[0] / scaler.scale_
    intercept = float(fitted.intercept_[0] - raw @ scaler.mean_)
    return Logistic(
        round(intercept, 4), {name: round(float(value), 4) for name, value in zip(JUDGED, raw, strict=True)}
    )


def _first(case: Case, weights: dict[str, float]) -> tuple[list[str], dict[str, float] | None, bool]:
    """The documents as search shows them, the first one's signs, and whether it is expected."""
    evidence = case.evidence
    if evidence is None or not len(evidence):
        return [], None, False
    fused = fusion.scores(evidence.signs, weights)
    ordered = fusion.order(evidence, fused)
    shown = [group.shown for group in groups(evidence, ordered)]
    ranked = [evidence.documents[number] for number in shown]
    return ranked, confidence.Comparison(evidence, fused, ordered).signs(shown[0]), ranked[0] in case.expected


def _judged(case: Case, weights: dict[str, float], judge: Confidence) -> tuple[list[str], float]:
    ranked, signs, _ = _first(case, weights)
    return ranked, 0.0 if signs is None else judge.of(case.language).probability(signs)


def _with_curves(judge: Confidence, held: Sequence[tuple[Case, list[str], float]]) -> Confidence:
    """Each language's curve from the questions held out, weighed as they were in the fit."""
    languages = {}
    for tag, model in judge.languages.items():
        own = [one for one in held if tag in (OTHER, one[0].language.split("-")[0])]
        languages[tag] = Logistic(model.intercept, model.weights, _curve(own))
    return Confidence(judge.fitted_on, judge.fingerprint, languages)


def _curve(held: Sequence[tuple[Case, list[str], float]]) -> tuple[Point, ...]:
    likely = np.array([probability for _, _, probability in held])
    right = np.array([bool(ranked) and ranked[0] in case.expected for case, ranked, _ in held])
    answerable = np.array([bool(case.expected) for case, _, _ in held])
    weight = np.array([case.weight for case, _, _ in held])
    points = []
    for threshold in np.unique(np.quantile(likely, np.linspace(0, 0.98, _POINTS)).round(4)):
        answered = likely >= threshold
        points.append(
            Point(
                float(threshold),
                _share(answered, weight),
                _share(~right[answered], weight[answered]),
                _share(~answered[answerable], weight[answerable]),
            )
        )
    return tuple(points)


def _share(holds: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    return round(float(weight[holds].sum() / max(weight.sum(), 1e-9)), 4)


def outcome(case: Case, ranked: Sequence[str], likely: float, judge: Confidence, max_wrong: float | None) -> Outcome:
    """What became of a question whose documents are ranked so, at the threshold for `max_wrong`."""
    answered = bool(ranked) and likely >= judge.of(case.language).threshold(max_wrong)
    return Outcome(
        language=case.language,
        answerable=bool(case.expected),
        ranked=tuple(ranked[:DEPTH]),
        expected=case.expected,
        confidence=likely,
        answered=answered,
        cited=tuple(ranked[:1]) if answered else (),
        text="",
        answers=(),
        latency_ms=math.nan,
    )


def weighted(cases: Sequence[Case], total: float) -> list[Case]:
    """The same cases, together counting `total`."""
    return [replace(case, weight=total / len(cases)) for case in cases]

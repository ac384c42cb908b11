"""What every threshold would cost and save: the risk of a wrong answer against the share of questions answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kb.evaluation.metrics import DIGITS, Outcome, is_found
from kb.evaluation.reliability import Floats, Indices

MAX_WRONG = (0.01, 0.02, 0.03, 0.05, 0.10, 0.15, 0.20, 0.30)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The threshold with the most answers of which at most `max_wrong` are wrong, and its figures; None if none is."""

    max_wrong: float
    threshold: float | None
    coverage: float | None
    wrong: float | None
    false_refusals: float | None
    refusal_recall: float | None


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The figures at every threshold that changes them, (t,) float64 each, thresholds falling.

    At a threshold, the questions with at least that confidence are answered. What is answered would cite the top
    document, `ranked[0]`, first: that is judged, since a refused question cites nothing. So `wrong` is that of
    `Figures` as far as answers cite the top document first; `coverage`, `false_refusals` and `refusal_recall` are those
    of `Figures`, NaN where there is nothing to divide by. `area` is the mean of `wrong` over the coverages 1/n, 2/n, …
    1 (AURC, Geifman and El-Yaniv, NIPS 2017), equal confidences in random order; None without questions.
    """

    thresholds: Floats
    coverage: Floats
    wrong: Floats
    false_refusals: Floats
    refusal_recall: Floats
    area: float | None

    def threshold_for(self, max_wrong: float) -> float | None:
        """The threshold with the most answers of which at most `max_wrong` are wrong; None where there is none.

        Chosen and judged on the same questions, so that others fare a little worse: cross-validate before trusting it.
        """
        at = self._at(max_wrong)
        return None if at is None else float(self.thresholds[at])

    def point(self, max_wrong: float) -> OperatingPoint:
        """What `threshold_for` chooses, with its figures."""
        at = self._at(max_wrong)
        if at is None:
            return OperatingPoint(max_wrong, None, None, None, None, None)
        curves = (self.thresholds, self.coverage, self.wrong, self.false_refusals, self.refusal_recall)
        return OperatingPoint(max_wrong, *(None if np.isnan(curve[at]) else float(curve[at]) for curve in curves))

    def to_json(self) -> list[dict[str, Any]]:
        """The operating points; shares rounded to 4 digits, thresholds whole, since rounding could move a question."""
        return [
            {
                name: value if name == "threshold" or value is None else round(value, DIGITS)
                for name, value in row.items()
            }
            for row in map(asdict, operating_points(self))
        ]

    def _at(self, max_wrong: float) -> int | None:
        # Coverage grows with every step, so that the last allowed step covers most; two thresholds never tie.
        allowed = np.flatnonzero(self.wrong <= max_wrong)
        return int(allowed[-1]) if allowed.size else None


def operating_points(curve: RiskCoverage) -> list[OperatingPoint]:
    """One for each of `MAX_WRONG`."""
    return [curve.point(max_wrong) for max_wrong in MAX_WRONG]


def risk_coverage(outcomes: Sequence[Outcome]) -> RiskCoverage:
    """The curve of these outcomes, whatever their order."""
    ordered = sorted(outcomes, key=lambda outcome: -outcome.confidence)
    confidence = np.array([outcome.confidence for outcome in ordered], dtype=np.float64)
    last = np.flatnonzero(np.diff(confidence, append=-1.0))  # of equal confidences: they are answered together
    answered = last + 1
    errors = np.cumsum([not is_found(outcome) for outcome in ordered])[last]
    known = np.cumsum([outcome.answerable for outcome in ordered])[last]
    return RiskCoverage(
        thresholds=confidence[last],
        coverage=answered / max(len(ordered), 1),
        wrong=errors / answered,
        false_refusals=_share_above(known),
        refusal_recall=_share_above(answered - known),
        area=_area(answered, errors),
    )


def _share_above(counts: Indices) -> Floats:
    """The share of the last count that is not yet counted; NaN if it is 0."""
    total = counts[-1] if counts.size else 0
    return 1 - counts / total if total else np.full(counts.size, np.nan)


def _area(answered: Indices, errors: Indices) -> float | None:
    if not answered.size:
        return None
    positions = np.arange(1, answered[-1] + 1)
    expected = np.interp(positions, np.append(0, answered), np.append(0, errors))
    return float((expected / positions).mean())

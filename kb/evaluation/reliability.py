"""How well confidences tell right from wrong, over arrays alone: order, refusals, calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BINS = 10
SEED = 20261123
SIMULATIONS = 1000

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


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
    gaps = np.bincount(equal_mass_bins(confidences), weights=confidences - correct)
    return float(np.abs(gaps).sum() / total)


def equal_mass_bins(confidences: Floats) -> Indices:
    """The bin of each confidence, from 0, ten of equal mass; equal confidences share one, so some may be empty."""
    # The bin follows from how many are strictly less sure, so that equals stay together and order cannot matter.
    return np.searchsorted(np.sort(confidences), confidences, side="left") * BINS // max(confidences.size, 1)


def calibrated_error(confidences: Floats) -> float | None:
    """The 95th percentile of the calibration error if each outcome were right with just its confidence.

    1,000 seeded simulations. Bröcker and Smith, Weather and Forecasting 2007.
    """
    if not confidences.size:
        return None
    gaps = [np.abs(hits - bin_.sum()) for bin_, hits in simulated_bins(confidences)]
    return float(np.percentile(np.sum(gaps, axis=0) / confidences.size, 95))


def simulated_bins(confidences: Floats) -> list[tuple[Floats, Indices]]:
    """The confidences of each bin that is not empty, and how many would be right in each of 1,000 simulations."""
    chance = np.random.default_rng(SEED)
    ordered = np.sort(confidences)
    starts = np.flatnonzero(np.diff(equal_mass_bins(ordered))) + 1
    bins = np.split(ordered, starts) if ordered.size else []
    return [(bin_, (chance.random((SIMULATIONS, bin_.size)) < bin_).sum(axis=1)) for bin_ in bins]

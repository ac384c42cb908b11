"""How far the figures could be off because the questions are a sample: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

import numpy as np

from kb.evaluation.metrics import (
    Bounds,
    Columns,
    Figures,
    Metrics,
    Outcome,
    columns_by_language,
    columns_of,
    figures_of,
)
from kb.evaluation.reliability import Floats

RESAMPLES = 1000
SEED = 20261124
ENDS = (2.5, 97.5)

_NAMES = tuple(field.name for field in fields(Figures))
_values = attrgetter(*_NAMES)


def with_intervals(metrics: Metrics, outcomes: Sequence[Outcome]) -> Metrics:
    """The metrics that `measure` gave for these outcomes, with the 95% interval of each figure, by language too."""
    by_language = {tag: bounds_of(columns) for tag, columns in columns_by_language(outcomes).items()}
    return replace(metrics, intervals=bounds_of(columns_of(outcomes)), language_intervals=by_language)


def bounds_of(columns: Columns) -> Bounds:
    """Percentile-bootstrap 95% intervals over 1,000 seeded resamples of the questions; None where undefined.

    A resample that leaves a figure undefined does not count for it. A share of exactly 0 or 1 gets an interval without
    width, and that of `ece` lies high, since resampling adds noise to it. Efron and Tibshirani 1993, chapter 13.
    """
    chance = np.random.default_rng(SEED)
    count = columns.confidence.size
    drawn = [figures_of(columns.take(chance.integers(count, size=count))) for _ in range(RESAMPLES if count else 0)]
    values = np.array([_values(figures) for figures in drawn], dtype=np.float64).reshape(len(drawn), len(_NAMES))
    ends = [interval(column) or (None, None) for column in values.T]
    low, high = (dict[str, Any](zip(_NAMES, side, strict=True)) for side in zip(*ends, strict=True))
    return Bounds(low=Figures(**{**low, "questions": count}), high=Figures(**{**high, "questions": count}))


def interval(values: Floats) -> tuple[float, float] | None:
    """The 2.5th and 97.5th percentile of the values that are not NaN."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None
    low, high = np.percentile(defined, ENDS).tolist()
    return low, high

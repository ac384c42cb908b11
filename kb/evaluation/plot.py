"""A picture of a run: risk against coverage, and a reliability diagram; matplotlib is imported when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kb.errors import UsageError
from kb.evaluation.metrics import Figures, Outcome, is_found, measure
from kb.evaluation.reliability import Floats, equal_mass_bins, simulated_bins
from kb.evaluation.risk import risk_coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".svg", ".png")
BLUE, ORANGE, GREY = "#2563a8", "#d9670f", "#8a8f98"
DOTS_PER_INCH = 150


def check(path: Path) -> None:
    """Raises UsageError unless a picture can be drawn there: asked before the long work, not after it."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--plot {path}: found the suffix {path.suffix!r}; accepted: {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {path}: the directory {path.parent} does not exist; make it first")
    if find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib, which is not installed: pip install 'kb[plot]'")


def draw(outcomes: Sequence[Outcome], path: Path, name: str) -> None:
    """Write the picture of the set `name`, as SVG or PNG by the suffix; raises UsageError if that cannot be done."""
    check(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.size": 10, "svg.fonttype": "none", "svg.hashsalt": "kb"}):
        picture = Figure(figsize=(11, 5.8), layout="constrained")
        risk, reliability = picture.subplots(1, 2)
        figures = measure(outcomes).overall
        picture.suptitle(f"{name} · n = {len(outcomes):,}", fontweight="bold")
        _draw_risk(risk, outcomes, figures)
        _draw_reliability(reliability, outcomes, figures)
        try:
            picture.savefig(path, dpi=DOTS_PER_INCH)
        except OSError as error:
            raise UsageError(f"--plot {path}: cannot be written ({error.strerror}); name another file") from error


def _draw_risk(axes: Axes, outcomes: Sequence[Outcome], figures: Figures) -> None:
    curve = risk_coverage(outcomes)
    area = "" if curve.area is None else f" (AURC {curve.area:.1%})"
    axes.step(curve.coverage, curve.wrong, where="post", color=BLUE, label=f"by confidence{area}")
    found = np.sort([not is_found(outcome) for outcome in outcomes])
    answered = np.arange(1, len(outcomes) + 1)
    best = np.cumsum(found) / answered
    axes.plot(answered / max(len(outcomes), 1), best, color=GREY, linestyle="--", label="by a perfect order")
    if figures.wrong is not None and figures.coverage is not None:
        label = f"now: {figures.wrong:.1%} wrong of {figures.coverage:.1%} answered"
        axes.plot(figures.coverage, figures.wrong, "o", color=ORANGE, markersize=8, label=label)
    _frame(axes, "Risk against coverage", "Answered, of all questions (coverage)", "Wrong, of those answered (risk)")
    axes.set(xlim=(0, 1.01), ylim=(0, max(0.1, 1.05 * curve.wrong.max(initial=0))))


def _draw_reliability(axes: Axes, outcomes: Sequence[Outcome], figures: Figures) -> None:
    confidence = np.array([outcome.confidence for outcome in outcomes], dtype=np.float64)
    means, right = _bins(confidence, np.array([is_found(outcome) for outcome in outcomes], dtype=np.float64))
    bands = [np.percentile(hits / bin_.size, (2.5, 97.5)) for bin_, hits in simulated_bins(confidence)]
    low, high = np.array(bands).reshape(-1, 2).T
    axes.plot((0, 1), (0, 1), color=GREY, linestyle="--", label="calibrated")
    axes.vlines(means, low, high, color=GREY, alpha=0.35, linewidth=9, label="calibrated: 95% of simulations")
    label = "10 bins of equal mass"
    if figures.ece is not None and figures.ece_band is not None:
        label += f" (ECE {figures.ece:.1%}; calibrated ≤ {figures.ece_band:.1%})"
    axes.plot(means, right, "o-", color=BLUE, label=label)
    _frame(axes, "Reliability", "Confidence", "Top document expected")
    axes.set(xlim=(0, 1.01), ylim=(0, 1.01))


def _bins(confidence: Floats, right: Floats) -> tuple[Floats, Floats]:
    """The mean confidence and the share right of each bin that is not empty, least sure first."""
    bins = equal_mass_bins(confidence)
    sizes = np.bincount(bins)
    filled = sizes > 0
    sums = (np.bincount(bins, weights=values)[filled] for values in (confidence, right))
    means, shares = (total / sizes[filled] for total in sums)
    return means, shares


def _frame(axes: Axes, title: str, across: str, upwards: str) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set(title=title, xlabel=across, ylabel=upwards)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.grid(color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    # Below the axes, where no curve can run through it.
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.13), frameon=False)

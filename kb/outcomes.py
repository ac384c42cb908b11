"""What `kb eval` and `kb calibrate` print: figures with their intervals, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from kb.evaluation.intervals import with_intervals
from kb.evaluation.metrics import Outcome, measure
from kb.evaluation.plot import draw
from kb.evaluation.report import render, render_risk
from kb.evaluation.risk import risk_coverage
from kb.presentation import show_json


def show_outcomes(outcomes: Sequence[Outcome], name: str, plot: Path | None, as_json: bool, **said: str) -> None:
    """The figures of the set `name` with their intervals, and what other thresholds would give; drawn where asked.

    `said` stands before them. Raises UsageError where the picture cannot be written.
    """
    metrics, curve = with_intervals(measure(outcomes), outcomes), risk_coverage(outcomes)
    if plot:
        draw(outcomes, plot, name)
    if as_json:
        show_json({**said, **metrics.to_json(), "risk_coverage": curve.to_json()})
        return
    console = Console(highlight=False)
    for text in said.values():
        console.print(f"{text}\n")
    render(metrics, console)
    console.print()
    render_risk(curve, console)

"""The figures of a run as a table that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kb.evaluation.metrics import Figures, Metrics

ABSENT = "–"
NARROWEST = 8  # "99999 ms"
GAP = 3  # a blank on each side and the divider, which the box draws as a blank


def render(metrics: Metrics, console: Console) -> None:
    """Print one column for all questions and one for each language; more tables follow if the width asks for it."""
    columns = list(metrics.languages.items())
    fitting = _columns_that_fit(console.width, list(metrics.languages))
    for start in range(0, max(len(columns), 1), fitting):
        if start:
            console.print()
        console.print(_table([("all", metrics.overall), *columns[start : start + fitting]]))


def _columns_that_fit(width: int, languages: Sequence[str]) -> int:
    """How many languages fit beside the row names and the column for all: one at least."""
    names = max(len(name) for section in _SECTIONS for name, _, _ in section)
    column = max([NARROWEST, *map(len, languages)]) + GAP
    return max(1, (width + 1 - names - GAP - NARROWEST - GAP) // column)  # no divider after the last column


def _table(columns: Sequence[tuple[str, Figures]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    for heading, _ in columns:
        table.add_column(Text(heading), justify="right", no_wrap=True, min_width=NARROWEST)
    for section in _SECTIONS:
        for name, attribute, shown in section:
            figures = [attrgetter(attribute)(figures) for _, figures in columns]
            cells = [ABSENT if figure is None else shown(figure) for figure in figures]
            table.add_row(name, *cells, end_section=name == section[-1][0])
    return table


def _count(figure: float) -> str:
    return f"{figure:.0f}"


def _percent(figure: float) -> str:
    return f"{figure:.1%}"


def _milliseconds(figure: float) -> str:
    return f"{figure:.0f} ms" if figure >= 10 else f"{figure:.1f} ms"


Row = tuple[str, str, Callable[[float], str]]

_SECTIONS: tuple[tuple[Row, ...], ...] = (
    (("Questions", "questions", _count),),
    (
        ("Found first (recall@1)", "recall_at_1", _percent),
        ("Found in first 5 (recall@5)", "recall_at_5", _percent),
        ("Found in first 10 (recall@10)", "recall_at_10", _percent),
        ("How near the top (MRR@10)", "mrr_at_10", _percent),
        ("Order of the first 10 (nDCG@10)", "ndcg_at_10", _percent),
    ),
    (
        ("Answered", "coverage", _percent),
        ("Answers that are wrong", "wrong", _percent),
        ("Answers with an expected text", "answer_contains", _percent),
        ("Citations that are expected", "citation_precision", _percent),
    ),
    (
        ("Answerable, but refused", "false_refusals", _percent),
        ("Unanswerable, and refused", "refusal_recall", _percent),
        ("… if 5% answerable are refused", "refusal_recall_at_5", _percent),
        ("Refusals that are right", "refusal_precision", _percent),
    ),
    (
        ("Tells the two apart (AUROC)", "auroc", _percent),
        ("Confidence is off by (ECE)", "ece", _percent),
    ),
    (
        ("Time, half within (p50)", "latency_p50", _milliseconds),
        ("Time, 95% within (p95)", "latency_p95", _milliseconds),
    ),
)

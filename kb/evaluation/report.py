"""The figures of a run as a table that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kb.evaluation.metrics import Bounds, Figures, Metrics
from kb.evaluation.risk import RiskCoverage, operating_points

ABSENT = "–"
NARROWEST = 8  # "99999 ms"
GAP = 3  # a blank on each side and the divider, which the box draws as a blank


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table: a text for each row."""

    heading: str
    cells: tuple[str, ...]

    @property
    def width(self) -> int:
        """In characters, as wide as the widest text."""
        return max(NARROWEST, len(self.heading), *map(len, self.cells))


def render(metrics: Metrics, console: Console) -> None:
    """Print one column for all questions, its 95% interval and one for each language, in as many tables as fit."""
    columns = [_column(tag, figures) for tag, figures in metrics.languages.items()]
    if metrics.intervals:
        columns.insert(0, _interval_column(metrics.intervals))
    for number, fitting in enumerate(_tables(columns, console.width)):
        if number:
            console.print()
        console.print(_table([_column("all", metrics.overall), *fitting]))


def render_risk(curve: RiskCoverage, console: Console) -> None:
    """Print what each bound on wrong answers would cost, one row for each of `MAX_WRONG`."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for heading in ("Wrong\nat most", "Threshold", "Answered", "Wrong", "False\nrefusals", "Refused\nrightly"):
        table.add_column(heading, justify="right")
    for point in operating_points(curve):
        shares = (point.coverage, point.wrong, point.false_refusals, point.refusal_recall)
        threshold = ABSENT if point.threshold is None else f"{point.threshold:.3f}"
        table.add_row(f"{point.max_wrong:.0%}", threshold, *(_shown(share, _percent) for share in shares))
    console.print(table)
    area = _shown(curve.area, _percent)
    console.print(f"Area under the risk-coverage curve (AURC): {area}")


def _column(heading: str, figures: Figures) -> Column:
    return Column(heading, tuple(_shown(getattr(figures, attribute), shown) for _, attribute, shown in _ROWS))


def _interval_column(bounds: Bounds) -> Column:
    cells = (
        "" if name in _WITHOUT_INTERVAL else _between(getattr(bounds.low, name), getattr(bounds.high, name), shown)
        for _, name, shown in _ROWS
    )
    return Column("95% CI", tuple(cells))


def _between(low: float | None, high: float | None, shown: Callable[[float], str]) -> str:
    """Both ends without their unit, which stands beside them."""
    return ABSENT if low is None or high is None else "–".join(shown(end).rstrip("% ms") for end in (low, high))


def _shown(figure: float | None, shown: Callable[[float], str]) -> str:
    return ABSENT if figure is None else shown(figure)


def _tables(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """The columns of each table: as many as fit beside the row names and the column for all, one at least."""
    room = width + 1 - max(len(name) for name, _, _ in _ROWS) - GAP - NARROWEST - GAP  # no divider after the last
    tables: list[list[Column]] = [[]]
    for column in columns:
        if tables[-1] and sum(part.width + GAP for part in [*tables[-1], column]) > room:
            tables.append([])
        tables[-1].append(column)
    return tables


def _table(columns: Sequence[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(Text(column.heading), justify="right", no_wrap=True, min_width=NARROWEST)
    for at, row in enumerate(_ROWS):
        table.add_row(row[0], *(column.cells[at] for column in columns), end_section=row in _LAST)
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
        ("ECE if calibrated, at most", "ece_band", _percent),
    ),
    (
        ("Time, half within (p50)", "latency_p50", _milliseconds),
        ("Time, 95% within (p95)", "latency_p95", _milliseconds),
    ),
)

_ROWS = tuple(row for section in _SECTIONS for row in section)
_LAST = tuple(section[-1] for section in _SECTIONS)
_WITHOUT_INTERVAL = ("questions", "ece_band")

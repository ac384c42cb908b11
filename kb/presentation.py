"""What a person sees in a shell, and the one JSON document that a program reads instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from kb.diagnosis import Finding
from kb.evaluation.intervals import with_intervals
from kb.evaluation.metrics import Outcome, measure
from kb.evaluation.plot import draw
from kb.evaluation.report import render, render_risk
from kb.evaluation.risk import risk_coverage
from kb.progress import Progress
from kb.publishing import Summary
from kb.results import Answer, Hit, SearchResult

_LINES = 6


def _console(*, stderr: bool = False) -> Console:
    """Lines are left whole: the terminal wraps them, and a pipe gets what was written."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


@contextmanager
def bars() -> Iterator[Progress]:
    """One progress bar a stage, with its rate, on standard error; none where that is no terminal."""
    columns = (
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as shown:
        tasks: dict[str, Any] = {}

        def listen(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = shown.add_task(stage, total=total, rate="")
            shown.update(tasks[stage], completed=done, total=total, rate=_rate(shown, tasks[stage]))

        yield listen


def _rate(shown: Bars, task: Any) -> str:
    speed = shown.tasks[task].speed
    return f"{speed:,.0f}/s" if speed else ""


def show_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())  # noqa: T201 - standard output is the product


def show_summary(summary: Summary) -> None:
    """What a reindex or import did, and each problem with its way out."""
    console, errors = _console(), _console(stderr=True)
    names = ("added", "changed", "unchanged", "removed", "refused", "skipped")
    counts = ", ".join(f"{getattr(summary, name)} {name}" for name in names)
    rate = f" ({summary.embedded / summary.seconds:,.1f}/s)" if summary.embedded and summary.seconds else ""
    console.print(f"{counts} · {summary.embedded} passages embedded{rate} · {summary.seconds:.1f} s")
    if summary.redacted:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.redacted.items()))
        console.print(f"personal data removed: {found}")
    if not summary.searchable:
        console.print("Nothing is searchable yet: put Markdown files into articles/, or `kb import FILE`.")
    for problem in summary.problems:
        errors.print(Text(problem, style="red"))


def show_search(result: SearchResult) -> None:
    """The two lanes, best first."""
    console = _console()
    if not result.hits and not result.tickets:
        console.print("Nothing was found. Try other words.")
    for number, hit in enumerate(result.hits, 1):
        _show_hit(console, number, hit)
    if result.tickets:
        console.print("\n[bold]Resolved tickets (internal)[/bold]")
    for number, hit in enumerate(result.tickets, 1):
        _show_hit(console, number, hit)
    console.print(f"[dim]{result.took_ms:.0f} ms[/dim]")


def _show_hit(console: Console, number: int, hit: Hit) -> None:
    head = Text(f"\n{number}. ", style="bold")
    head.append(" > ".join((hit.title, *hit.heading)))
    head.append(f"  {hit.document_id} · {hit.confidence:.0%}", style="dim")
    if hit.foreign:
        head.append(f"  in {hit.language}", style="magenta")
    if "public" not in hit.audience:
        head.append("  INTERNAL", style="bold red")
    console.print(head)
    text = Text(hit.text)
    for start, end in hit.highlights:
        text.stylize("bold yellow", start, end)
    for line in text.split("\n")[:_LINES]:
        console.print(Text("   ") + line)


def show_answer(answer: Answer) -> None:
    """The text, then where each sentence comes from."""
    console = _console()
    console.print(Text(answer.text, style="bold" if answer.outcome == "answered" else "yellow"))
    for number, citation in enumerate(answer.citations, 1):
        place = " > ".join((citation.title, *citation.heading))
        console.print(Text(f"  [{number}] {place} ({citation.document_id}, revision {citation.revision})", style="dim"))
        console.print(Text(f"      “{citation.quote}”", style="dim"))
    for action in answer.actions:
        console.print(Text(f"  → {action.label}: {action.link}"))
    reason = f" · {answer.reason}" if answer.reason else ""
    if answer.foreign:
        console.print(Text(f"  in {answer.language}: there is no translation yet", style="magenta"))
    console.print(Text(f"  confidence {answer.confidence:.0%}{reason}", style="dim"))


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


def show_findings(findings: Sequence[Finding]) -> None:
    """One line a part."""
    table = Table(show_header=False, box=None)
    for finding in findings:
        table.add_row("ok" if finding.ok else "[red]WRONG[/red]", finding.part, Text(finding.detail))
    _console().print(table)

"""What a person sees of the journal in a shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kb.editing.gating import Case, Report, Told, Verdict
from kb.insight.gaps import Gaps
from kb.insight.impact import Impact
from kb.insight.usage import Usage
from kb.replaying import Replay

_ROWS = 20
_USES = ("shown", "cited", "opened", "copied", "helpful", "not_helpful", "solved", "not_solved")


def show_replay(found: Replay) -> None:
    """An answer of the past, how it came about, whether it comes out the same, and what changed since."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(_outcome(found.answer), "bold"))
    for line in (*_said(found.answer), *_compared(found)):
        console.print(Text(line))
    console.print(Text(_verdict(found), "bold green" if found.reproduced is not False else "bold red"))


def _outcome(kept: Mapping[str, Any]) -> str:
    when = datetime.fromtimestamp(kept["at"], UTC).isoformat(timespec="seconds")
    reason = f" ({kept['reason']})" if kept["reason"] else ""
    return f"{kept['outcome']}{reason} · {when}"


def _said(kept: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"before: {turn}" for turn in kept["conversation"])
    yield f"asked:  {kept['question']}"
    yield f"told:   {kept['told']['text']}"
    for cited in kept["told"]["citations"]:
        place = f"{cited['document_id']} revision {cited['revision']}, {cited['start']}:{cited['end']}"
        yield f"  from {place}: {cited['quote']}"


def _compared(found: Replay) -> Iterator[str]:
    kept, since = found.answer, found.since
    channel = f", in {kept['channel']}" if kept["channel"] else ""
    yield f"by {kept['caller'] or 'anybody'}, as {', '.join(kept['audiences'])}{channel} · {kept['ms']:g} ms"
    yield f"confidence {kept['confidence']:g}, threshold then {kept['threshold']:g}, now {since.threshold}"
    yield f"generation then {kept['generation']}, now {since.generation}; change {kept['change']}"
    yield f"model {_same(kept['model'], since.model)}; tuning {kept['tuning']}; kb {kept['version']}"
    if kept["prompt_version"]:
        yield f"written by {kept['basis']['author']} with {kept['prompt_version']}; its sentences are checked again"
    if kept["document_id"]:
        then = f"{kept['document_id']}: revision then {kept['revision']}"
        yield f"{then}, now {since.revision} ({since.status})"


def _same(then: str, now: str | None) -> str:
    return f"{then}, the same now" if then == now else f"then {then}, now {now}"


def _verdict(found: Replay) -> str:
    if found.reproduced is None:
        return "reproduced: nothing was quoted, so there is nothing to reproduce"
    return "reproduced: true" if found.reproduced else f"reproduced: false: {found.trouble}"


def show_insights(missed: Gaps, used: Usage) -> None:
    """The widest gaps, searches without a click, and the use of articles."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        Text(f"{missed.unanswered} of {missed.asked} questions went unanswered in {missed.days} days", "bold")
    )
    _show(console, ("times", "languages", "reasons", "in their words"), [
        (str(gap.count), ", ".join(gap.languages), ", ".join(gap.reasons), " · ".join(gap.examples))
        for gap in missed.groups[:_ROWS]
    ])  # fmt: skip
    told = f"{missed.searches_without_click} of {missed.searches} searches led to nothing being opened"
    console.print(Text(told, "bold"))
    _show(console, ("times", "likely enough", "searched for"), [
        (str(one.count), str(one.confident), one.question) for one in missed.unclicked[:_ROWS]
    ])  # fmt: skip
    console.print(Text(f"{used.used} of {used.articles} live articles were used ({used.share_used:.0%})", "bold"))
    _show(console, ("article", "shown", "cited", "opened", "copied", "helpful", "not", "solved", "unsolved"), [
        (use.document_id, *(str(getattr(use, name)) for name in _USES))
        for use in used.use[:_ROWS]
    ])  # fmt: skip
    if used.never_used:
        console.print(Text("never: " + ", ".join(use.document_id for use in used.never_used[:_ROWS])))


def _show(console: Console, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not rows:
        return
    table = Table(*heads, box=None)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


_COLOURS = {Verdict.BREAKS: "red", Verdict.CHANGES: "yellow", Verdict.IMPROVES: "green", Verdict.SAME: "default"}


def show_gate(report: Report) -> None:
    """What an edit would do: what breaks first, side by side."""
    console = Console(highlight=False, soft_wrap=True)
    counts = ", ".join(f"{sum(case.verdict is v for case in report.cases)} {v.value}" for v in Verdict)
    left = f", {report.left_out} farther ones were not asked" if report.left_out else ""
    console.print(Text(f"{report.replayed} questions in {report.took_ms / 1000:.1f} s{left}: {counts}", "bold"))
    for note in report.notes:
        console.print(Text(note, "yellow"))
    for case in report.cases:
        if case.verdict is not Verdict.SAME:
            for line in _side_by_side(case):
                console.print(Text(line, _COLOURS[case.verdict]))


def _side_by_side(case: Case) -> Iterator[str]:
    yield f"{case.verdict.value} ({case.origin.value}): {case.question}"
    yield f"  before: {_told(case.before)}"
    yield f"  after:  {_told(case.after)}"


def _told(told: Told) -> str:
    return f"{told.outcome} [{', '.join(told.documents)}] {' '.join(told.text.split())}"


def show_impact(found: Impact) -> None:
    """Who was told an article as it was."""
    console = Console(highlight=False, soft_wrap=True)
    which = f"revision {found.first}" if found.first == found.last else f"revisions {found.first} to {found.last}"
    head = f"{found.document_id}, now revision {found.revision} ({found.status}): {found.told} answers told {which}"
    console.print(Text(head, "bold"))
    for answer in found.answers:
        when = datetime.fromtimestamp(answer.at, UTC).isoformat(timespec="seconds")
        console.print(Text(f"  {when} {answer.answer_id} revision {answer.revision}: {answer.question}"))
    console.print(Text(f"{len(found.conversations)} conversations with one of them are open", "bold"))
    for one in found.conversations:
        console.print(Text(f"  {one.conversation[:12]}: {', '.join(one.answer_ids)}"))
    console.print(Text(f"{len(found.mentions)} places in other articles", "bold"))
    for mention in found.mentions:
        console.print(Text(f"  {mention.document_id} {mention.how}: {' '.join(mention.what.split())}"))
    for kind, count in found.signals.items():
        console.print(Text(f"{kind}: {count}"))

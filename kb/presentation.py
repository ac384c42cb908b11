"""What a person sees in a shell, and the one JSON document that a program reads instead."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from kb.progress import Progress
from kb.rehearsal import Rehearsal, Trial
from kb.results import Answer, Explanation, Hit, HitExplained, SearchResult

if TYPE_CHECKING:  # what makes these imports the index and the model: a question that the server answers needs neither
    from kb.backup.erasing import Erased
    from kb.backup.restoring import Restored
    from kb.backup.taking import Saved
    from kb.diagnosis import Finding
    from kb.publishing import Summary

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


def show_summary(summary: Summary, named: str) -> None:
    """What a reindex or import did, and each problem with its way out; `named` is the model of the home's settings."""
    console, errors = _console(), _console(stderr=True)
    names = ("added", "changed", "unchanged", "removed", "refused", "skipped")
    counts = ", ".join(f"{getattr(summary, name)} {name}" for name in names)
    rate = f" ({summary.embedded / summary.seconds:,.1f}/s)" if summary.embedded and summary.seconds else ""
    console.print(f"{counts} · {summary.embedded} passages embedded{rate} · {summary.seconds:.1f} s")
    if summary.redacted:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(summary.redacted.items()))
        console.print(f"personal data removed: {found}")
    if summary.held:
        console.print(f"{summary.held} changed files wait for review: `kb article list --state in_review`")
    if not summary.searchable:
        console.print("Nothing is searchable yet: put Markdown files into articles/, or `kb import FILE`.")
    for problem in summary.problems:
        errors.print(Text(problem, style="red"))
    if summary.rehearsal:
        _show_rehearsal(console, summary.rehearsal)
    if summary.model != named:
        told = f"the index is now of model {summary.model!r}: set `model = {json.dumps(summary.model)}` in kb.toml"
        errors.print(Text(told, style="yellow"))


def _show_rehearsal(console: Console, rehearsal: Rehearsal) -> None:
    """What the live generation and the new one answered to the same questions, side by side."""
    console.print(f"generation {rehearsal.new} took the place of {rehearsal.live}; `kb reindex --rollback` goes back")
    if rehearsal.trials:
        console.print(_trials(rehearsal.trials))
    if rehearsal.exact_recall_at_10 is not None:
        console.print(f"vector list against exact search, recall@10: {rehearsal.exact_recall_at_10:.3f}")
    for note in (*rehearsal.notes, *rehearsal.objections):
        console.print(Text(note, style="yellow"))


def _trials(trials: Sequence[Trial]) -> Table:
    table = Table("", *(f"{trial.questions} {trial.name} questions" for trial in trials), box=None)
    pairs = {"recall@1": "recall_at_1", "recall@5": "recall_at_5", "p50 ms": "latency_p50", "p95 ms": "latency_p95"}
    for shown, name in pairs.items():
        table.add_row(shown, *(f"{_figure(getattr(t.live, name))} → {_figure(getattr(t.new, name))}" for t in trials))
    table.add_row("overlap@10", *(_figure(trial.overlap_at_10) for trial in trials))
    for shown, name in {"other answers": "changed", "newly refused": "refused", "newly answered": "answered"}.items():
        table.add_row(shown, *(str(getattr(trial, name)) for trial in trials))
    return table


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if value <= 1 else f"{value:.1f}"


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
    if result.explain:
        show_explanation(result.explain)


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
    if hit.answer_span:
        text.stylize("underline", *hit.answer_span)
    for line in text.split("\n")[:_LINES]:
        console.print(Text("   ") + line)
    for section in hit.sections:
        console.print(Text(f"   also in it: {' > '.join(section.heading) or hit.title}", style="dim"))
    if hit.also:
        console.print(Text(f"   says the same: {', '.join(hit.also)}", style="dim"))


def show_answer(answer: Answer) -> None:
    """The text, then where each sentence comes from."""
    console = _console()
    console.print(Text(answer.text, style="bold" if answer.outcome == "answered" else "yellow"))
    for number, citation in enumerate(answer.citations, 1):
        place = " > ".join((citation.title, *citation.heading))
        console.print(Text(f"  [{number}] {place} ({citation.document_id}, revision {citation.revision})", style="dim"))
        console.print(Text(f"      “{citation.quote}”", style="dim"))
    for option in answer.options:
        console.print(Text(f"  ? {option.product}: {option.label} ({option.document_id})"))
    for action in answer.actions:
        console.print(Text(f"  → {action.label}: {action.link}"))
    reason = f" · {answer.reason}" if answer.reason else ""
    if answer.foreign:
        console.print(Text(f"  in {answer.language}: there is no translation yet", style="magenta"))
    console.print(Text(f"  confidence {answer.confidence:.0%}{reason}", style="dim"))
    if answer.explain:
        show_explanation(answer.explain)


def show_explanation(why: Explanation) -> None:
    """How the question was read and filtered, then each hit's signs: value × weight = contribution."""
    console = _console()
    console.print(Text(f"\nread as: {why.meant} ({why.speaks})", style="bold"))
    for written, meant in why.slips:
        console.print(Text(f"  slip mended: {written} → {meant}"))
    for term, others in why.alternatives.items():
        console.print(Text(f"  also looked for: {term} → {', '.join(others)}"))
    chosen = {"product": why.product, "language": why.language, "tag": why.tag}
    filters = [f"audience {', '.join(why.audiences)}", *(f"{name} {value}" for name, value in chosen.items() if value)]
    console.print(Text(f"  within: {'; '.join(filters)}; valid now"))
    console.print(Text(f"  best {why.best:.1%}, threshold {why.threshold:.1%}: {why.outcome}"))
    for hit in (*why.hits, *why.tickets):
        console.print(_explained(hit))


def _explained(hit: HitExplained) -> Table:
    ranks = f"vectors {hit.vector_rank or '–'}, keywords {hit.keyword_rank or '–'}"
    title = f"{hit.passage_id} · {hit.rule} · {ranks} · score {hit.score:.2f} · {hit.probability:.1%}"
    table = Table("sign", "value", "weight", "contribution", title=Text(title), title_justify="left", box=None)
    for part, start, signs in (("ranking", 0.0, hit.ranking), ("confidence", hit.intercept, hit.judging)):
        table.add_row(Text(part, style="bold"), "", "intercept", f"{start:+.3f}")
        for sign in signs:
            table.add_row(sign.name, f"{sign.value:.3f}", f"{sign.weight:.3f}", f"{sign.contribution:+.3f}")
    return table


def show_findings(findings: Sequence[Finding]) -> None:
    """One line a part."""
    table = Table(show_header=False, box=None)
    for finding in findings:
        table.add_row("ok" if finding.ok else "[red]WRONG[/red]", finding.part, Text(finding.detail))
    _console().print(table)


def show_saved(saved: Saved) -> None:
    """What a backup holds, and where it is."""
    rows = _counted(saved.rows)
    _console().print(Text(f"{saved.file}: {saved.bytes:,} bytes, {saved.articles} files of articles, {rows}"))
    _console().print(f"{saved.seconds:.1f} s; every byte is under a checksum: `kb restore` compares all of it first")


def show_restored(done: Restored) -> None:
    """What a restore put back, and what to do next."""
    console = _console()
    console.print(Text(f"restored {done.file} of {done.made_at}: {done.files} files, {_counted(done.rows)}"))
    console.print(f"erased again: {done.erased_again} customers")
    if done.aside:
        console.print(Text(f"what was here is in {done.aside}; to go back, put its parts in place of the new ones"))
    console.print("Now run `kb reindex` (or `kb serve`, which does): it builds the index and embeds nothing again.")
    console.print("Keys that were revoked after this backup hold again: look at them, and revoke them again.")


def show_held(counts: Mapping[str, int]) -> None:
    """What an erasure would erase."""
    _console().print(f"would be erased: {_counted(counts) or 'nothing'}")


def show_erased(erased: Erased) -> None:
    """What was erased, and which backups could not be told."""
    console, errors = _console(), _console(stderr=True)
    customers = f"{erased.references} customer{'s' * (erased.references != 1)}"
    console.print(f"erased of {customers}: {_counted(erased.rows) or 'nothing was there'}")
    for file in erased.told:
        console.print(Text(f"noted beside {file}: a restore of it erases them again"))
    for file in erased.out_of_reach:
        told = f"{file} is not there (any more): whoever restores it must give `--erasures` this home's erasures.jsonl"
        errors.print(Text(told, style="yellow"))


def _counted(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in sorted(rows.items()) if count)

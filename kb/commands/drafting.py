"""`kb import` of documents and FAQ tables: a preview, or drafts, and what is told of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kb.commands.home import Home
from kb.commands.writing import SOME_REFUSED
from kb.errors import UsageError

if TYPE_CHECKING:
    from kb.importers.bringing import Options
    from kb.importers.report import Columns, Report

_LISTED = 20


def documents_among(files: Sequence[Path], known: Sequence[str], *, faq: bool) -> list[Path]:
    """Those that drafts are made of: folders, pages, Word, Markdown, and tables that are no source's of `known`."""
    from kb.ingest.exports import TABLES

    found = []
    for file in files:
        ending = file.suffix.lower()
        if ending in TABLES and not faq and (file.stem in known or not _is_faq(file)):
            continue
        if ending not in (".jsonl", ".json") or faq or file.is_dir():
            found.append(file)
    return found


def _is_faq(file: Path) -> bool:
    from kb.importers.columns import is_faq
    from kb.ingest.rows import rows

    first = next(rows(file, lenient=True), None)
    return first is not None and is_faq(list(first.cells))


def refuse_mixed(files: Sequence[Path], documents: Sequence[Path]) -> None:
    """Records and documents are two imports: the one is live at once, the other makes drafts. Raises UsageError."""
    if documents and len(documents) < len(files):
        records = next(file for file in files if file not in documents)
        told = "of the one drafts are made, the other is live at once: import them in two calls"
        raise UsageError(f"{documents[0]} and {records} are a document and records; {told}")


def make_drafts(home: Home, files: Sequence[Path], options: Options, *, preview: bool, as_json: bool) -> None:
    """Imports, tells, and exits with 3 where something was refused."""
    from kb import presentation
    from kb.config import zone
    from kb.drafting import proposals
    from kb.editing.desk import Actor
    from kb.importers.bringing import bring
    from kb.importers.limits import limits_of
    from kb.store.audit import SHELL

    settings = home.settings
    with presentation.bars() as progress:
        drafts = None if preview else proposals(home.paths, settings, Actor(SHELL, "admin"))
        report = bring(files, drafts, options, limits_of(settings), zone(settings), progress)
    presentation.show_json(report) if as_json else _show(report)
    if report.refused and not preview:
        sys.exit(SOME_REFUSED)


def _show(report: Report) -> None:
    for columns in report.columns:
        _show_columns(columns)
    for draft in report.drafts:
        if draft.text is not None:
            click.secho(f"\n{_place(draft.file, draft.row)} → {draft.id}", bold=True)
            click.echo(draft.text, nl=False)
    if not report.preview:
        for draft in report.drafts[:_LISTED]:
            pictures = f", {draft.images} pictures" if draft.images else ""
            click.echo(f"{_place(draft.file, draft.row)} → {draft.id}: {draft.title} ({draft.language}{pictures})")
        if len(report.drafts) > _LISTED:
            click.echo(f"… and {len(report.drafts) - _LISTED} more")
    for note in report.notes:
        click.secho(f"{note.place}: {note.message}", fg="yellow", err=True)
    for refusal in report.refusals:
        click.secho(str(refusal), fg="red", err=True)
    end = "would be made; nothing written" if report.preview else "made, which wait for an editor"
    click.echo(
        f"{report.made} drafts of {report.files} files {end}; {report.refused} refused, {len(report.notes)} notes"
    )


def _show_columns(columns: Columns) -> None:
    click.secho(f"{columns.file}: {columns.rows} rows", bold=True)
    for field, names in columns.fields.items():
        click.echo(f"  {field:<9} ← {', '.join(names)}")
    if columns.unread:
        click.echo(f"  not read    {', '.join(columns.unread)}  (say --column FIELD=COLUMN)")


def _place(file: str, row: int | None) -> str:
    return file if row is None else f"{file}: row {row}"

"""`kb import`: records, of which knowledge is made at once, or documents and FAQ tables, of which drafts are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from kb.commands.drafting import documents_among, make_drafts, refuse_mixed
from kb.commands.home import Home, as_json
from kb.commands.writing import write
from kb.config import Settings
from kb.errors import UsageError

SHOWN = 5
"""What a preview shows where nobody says how many."""


@click.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--source", help="Whose records these are.  [default: each file's name without its ending]")
@click.option("--prune", is_flag=True, help="Remove this source's records that the files no longer hold.")
@click.option(
    "--map", "pairs", metavar="FIELD=COLUMN,…",
    help="Which columns of CSV or XLSX hold what; FIELD=:TEXT is a constant.  [default: [sources.NAME] of kb.toml]",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["zendesk"]), help="The files are a Zendesk export.")
@click.option("--encoding", help="Of text files, such as gb18030.  [default: found out]")
@click.option(
    "--preview",
    is_flag=False,
    flag_value=SHOWN,
    type=click.IntRange(1, 1_000),
    metavar="[N]",
    help=f"Show the first N records or drafts; write nothing.  [N: {SHOWN}]",
)
@click.option("--faq", is_flag=True, help="The files are FAQ tables, whatever their columns are called.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Which column of a FAQ table holds the question, similar, answer, category …; may be repeated.",
)
@click.option(
    "--under", default="", metavar="ID", help="Put the ids of drafts below this one, such as manuals/washers."
)
@as_json
@click.pass_obj
def import_(
    home: Home,
    files: tuple[Path, ...],
    source: str | None,
    prune: bool,
    pairs: str | None,
    form: str | None,
    encoding: str | None,
    preview: int | None,
    faq: bool,
    columns: tuple[str, ...],
    under: str,
    as_json: bool,
) -> None:
    """Take records, documents or FAQ tables from FILES. A bad one is reported and refused; the good ones go in.

    Records: JSON Lines ({"kind": "article" | "ticket", …}), mapped CSV or XLSX, a Zendesk export. They are live at
    once; personal data in tickets is removed before anything is stored.

    Documents: HTML, DOCX, Markdown, folders of them, and FAQ tables (columns 标准问, 相似问, 答案, 分类, or in
    English). Each becomes a draft, which waits for an editor.
    """
    if not (pairs or form or source or prune):
        documents = documents_among(files, list(home.settings.sources), faq=faq or bool(columns))
        refuse_mixed(files, documents)
        if documents:
            from kb.importers.bringing import Options
            from kb.importers.columns import read_choices

            options = Options(faq or bool(columns), read_choices(columns), encoding, under.strip("/"), preview or 0)
            make_drafts(home, documents, options, preview=preview is not None, as_json=as_json)
            return
    layout = {"format": form, "mapping": _mapping(home.settings, pairs, source, files), "encoding": encoding}
    if preview:
        _preview(home, files, layout, preview, as_json)
        return
    names = [str(file.resolve()) for file in files]
    write(home, "import", {"files": names, "source": source, "prune": prune, "layout": layout}, as_json)


def _mapping(
    settings: Settings, pairs: str | None, source: str | None, files: tuple[Path, ...]
) -> dict[str, Any] | None:
    """What `--map` says, or the section of the source; None where there is neither."""
    if pairs is None:
        return settings.sources.get(source or files[0].stem)
    found: dict[str, Any] = {}
    for pair in filter(None, pairs.split(",")):
        field, equals, column = pair.partition("=")
        if not equals or not column:
            raise UsageError(f"--map {pair!r}: accepted is FIELD=COLUMN, such as id=工单号, or FIELD=:TEXT")
        found[field.strip()] = column.strip()
    return found


def _preview(home: Home, files: tuple[Path, ...], layout: dict[str, Any], most: int, as_json: bool) -> None:
    from kb import presentation
    from kb.previewing import preview

    shown = preview(files, msgspec.convert(layout, _layout()), home.settings, most)
    if as_json:
        presentation.show_json(shown)
        return
    for one in shown.records:
        click.echo(f"{one.place}: " + msgspec.json.encode(one.document).decode())
    for told in shown.problems:
        click.secho(told, fg="red", err=True)
    click.echo(f"{len(shown.records)} shown as they would be stored, {len(shown.problems)} problems; nothing written")


def _layout() -> Any:
    from kb.ingest.exports import Layout

    return Layout

"""`kb import`: records of kb's own format, of a help desk's export, or of a table whose columns are mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from kb.commands.home import Home, as_json
from kb.commands.writing import write
from kb.config import Settings
from kb.errors import UsageError


@click.command(name="import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--source", help="Whose records these are.  [default: each file's name without its ending]")
@click.option("--prune", is_flag=True, help="Remove this source's records that the files no longer hold.")
@click.option(
    "--map", "pairs", metavar="FIELD=COLUMN,…",
    help="Which columns of CSV or XLSX hold what; FIELD=:TEXT is a constant.  [default: [sources.NAME] of kb.toml]",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["zendesk"]), help="The files are a Zendesk export.")
@click.option("--encoding", help="Of CSV files, such as gb18030.  [default: found out]")
@click.option("--preview", type=click.IntRange(1, 1_000), metavar="N", help="Show the first N records; write nothing.")
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
    as_json: bool,
) -> None:
    """Take articles and resolved tickets from FILES: JSON Lines, mapped CSV or XLSX, or a Zendesk export.

    In JSON Lines one record a line: {"kind": "article" | "ticket", …}. A bad record is reported with its line and
    refused; the good ones go in. Personal data in tickets is removed before anything is stored.
    """
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

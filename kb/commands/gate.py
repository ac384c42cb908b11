"""`kb gate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kb.commands.home import Home, as_json

BREAKS = 3


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE..."
)
@as_json
@click.pass_obj
def gate(home: Home, files: tuple[Path, ...], as_json: bool) -> None:
    """Tell what publishing these article FILES would do to golden questions, and to those really asked of late.

    A FILE below articles/ is the article of that name; elsewhere its front matter says `id`, or its name does. Nothing
    is published. Exit code 3 where a golden question breaks.
    """
    from kb import presentation
    from kb.gate.files import changes_of
    from kb.showing import show_gate

    report = home.gate().report(changes_of(home.paths, home.settings, files))
    presentation.show_json(report) if as_json else show_gate(report)
    if report.broken:
        sys.exit(BREAKS)

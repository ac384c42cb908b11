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
    from kb.gate.opening import open_gate
    from kb.knowledge import KnowledgeBase
    from kb.search.embedding import Embedder, describe
    from kb.showing import show_gate

    settings = home.settings
    changes = changes_of(home.paths, settings, files)
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    embedder = Embedder(spec, runtime=settings.runtime)
    kb = KnowledgeBase(home.paths, settings, embedder=embedder)
    report = open_gate(home.paths, settings, lambda: kb, lambda: embedder).report(changes)
    presentation.show_json(report) if as_json else show_gate(report)
    if report.broken:
        sys.exit(BREAKS)

"""`kb diff`."""

from __future__ import annotations

import click

from kb.commands.home import Home, as_json

_STYLES = {"-": "red", "+": "green", "@": "cyan"}


@click.command()
@click.argument("article_id")
@click.option("--from", "old", type=click.IntRange(0), help="A revision; the one before --to; 0 is nothing.")
@click.option("--to", "new", type=click.IntRange(1), help="A revision; the newest.")
@as_json
@click.pass_obj
def diff(home: Home, article_id: str, old: int | None, new: int | None, as_json: bool) -> None:
    """Show what differs between two revisions of ARTICLE_ID."""
    from rich.console import Console
    from rich.text import Text

    from kb.editing.revisions import compared
    from kb.presentation import show_json

    found = compared(home.paths, article_id, old, new)
    if as_json:
        show_json(found)
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in found.difference.unified.split("\n"):
        console.print(Text(line, _STYLES.get(line[:1], "")))

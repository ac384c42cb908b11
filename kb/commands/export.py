"""`kb export`."""

from __future__ import annotations

from pathlib import Path

import click

from kb.commands.home import Home


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def export(home: Home, folder: Path) -> None:
    """Write every article into FOLDER as a Markdown file named by its id."""
    from kb.exporting import export_articles

    written = export_articles(home.paths, folder)
    click.echo(f"{written} articles written to {folder}")

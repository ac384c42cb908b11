"""`kb impact`."""

from __future__ import annotations

import click

from kb.commands.home import Home, as_json


@click.command()
@click.argument("article")
@click.option("--revision", type=click.IntRange(1), help="Of this revision alone; default: of all but the newest.")
@as_json
@click.pass_obj
def impact(home: Home, article: str, revision: int | None, as_json: bool) -> None:
    """List what told ARTICLE as it was before: answers, open conversations, articles that quote or link it."""
    from kb import presentation
    from kb.insight.impact import impact as find
    from kb.showing import show_impact

    found = find(home.paths, article, revision, most=100_000)
    presentation.show_json(found) if as_json else show_impact(found)

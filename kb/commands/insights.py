"""`kb insights`."""

from __future__ import annotations

import click

from kb.commands.home import Home, as_json


@click.command()
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3650), help="How far to look back.")
@as_json
@click.pass_obj
def insights(home: Home, days: int, as_json: bool) -> None:
    """List what was asked and not answered, grouped by meaning, and which articles are used."""
    from kb import presentation
    from kb.insight.gaps import gaps
    from kb.insight.usage import usage
    from kb.showing import show_insights

    missed, used = gaps(home.paths, days, lambda questions: home.knowledge().embed(questions)), usage(home.paths, days)
    presentation.show_json({"gaps": missed, "usage": used}) if as_json else show_insights(missed, used)

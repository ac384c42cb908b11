"""`kb diff` and `kb replace`."""

from __future__ import annotations

import click

from kb.commands.home import Home, as_json


@click.command()
@click.argument("article_id")
@click.option("--from", "old", type=click.IntRange(0), help="A revision; the one before --to; 0 is nothing.")
@click.option("--to", "new", type=click.IntRange(1), help="A revision; the newest.")
@as_json
@click.pass_obj
def diff(home: Home, article_id: str, old: int | None, new: int | None, as_json: bool) -> None:
    """Show what differs between two revisions of ARTICLE_ID."""
    from kb.differing import show_difference
    from kb.editing.revisions import compared
    from kb.presentation import show_json

    found = compared(home.paths, article_id, old, new)
    show_json(found) if as_json else show_difference(found)


@click.command()
@click.argument("find")
@click.argument("replace")
@click.option("--regex", is_flag=True, help="FIND is a regular expression; REPLACE may name its groups: \\1.")
@click.option("--ignore-case", is_flag=True, help="Take capital and small letters for the same.")
@as_json
@click.pass_obj
def replace(home: Home, find: str, replace: str, regex: bool, ignore_case: bool, as_json: bool) -> None:
    """Show what putting REPLACE for FIND would change in every article that is not retired."""
    from kb.config import zone
    from kb.differing import show_replacement
    from kb.editing.replacing import Wanted, plan
    from kb.presentation import show_json

    found = plan(home.paths, zone(home.settings), Wanted(find, replace, regex, not ignore_case)).preview
    show_json(found) if as_json else show_replacement(found)

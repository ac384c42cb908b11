"""`kb diff` and `kb replace`."""

from __future__ import annotations

import click

from kb.commands.home import Home, as_json


@click.command()
@click.argument("article_id")
@click.option("--from", "old", type=click.IntRange(0), help="A revision; what was stored before --to; 0 is nothing.")
@click.option("--to", "new", type=click.IntRange(1), help="A revision; the newest.")
@as_json
@click.pass_obj
def diff(home: Home, article_id: str, old: int | None, new: int | None, as_json: bool) -> None:
    """Show what differs between two revisions of ARTICLE_ID."""
    from kb.config import zone
    from kb.differing import show_difference
    from kb.editing.revisions import compared
    from kb.presentation import show_json

    found = compared(home.paths, zone(home.settings), article_id, old, new)
    show_json(found) if as_json else show_difference(found)


@click.command()
@click.argument("find")
@click.argument("replace")
@click.option("--regex", is_flag=True, help="FIND is a regular expression; REPLACE may name its groups: \\1.")
@click.option("--ignore-case", is_flag=True, help="Take capital and small letters for the same.")
@click.option("--yes", is_flag=True, help="Do it: one edit for each article, none of it live.")
@as_json
@click.pass_obj
def replace(home: Home, find: str, replace: str, regex: bool, ignore_case: bool, yes: bool, as_json: bool) -> None:
    """Show what putting REPLACE for FIND would change in every article that is not retired; with --yes, do it."""
    from kb.config import zone
    from kb.differing import show_done, show_replacement
    from kb.editing.desk import Actor, Desk
    from kb.editing.replacing import AtDesk, Wanted, carry_out, plan
    from kb.presentation import show_json
    from kb.store.audit import SHELL

    found = plan(home.paths, zone(home.settings), Wanted(find, replace, regex, not ignore_case))
    if not yes:
        show_json(found.preview) if as_json else show_replacement(found.preview)
        return
    done = carry_out(found, found.preview.token, AtDesk(Desk(home.paths, home.settings), Actor(SHELL, "admin")))
    show_json(done) if as_json else show_done(done)

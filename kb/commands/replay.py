"""`kb replay`."""

from __future__ import annotations

import sys

import click

from kb.commands.home import Home, as_json


@click.command()
@click.argument("answer_id")
@as_json
@click.pass_obj
def replay(home: Home, answer_id: str, as_json: bool) -> None:
    """Show what ANSWER_ID told and why, and make it again from the revision that it was made of.

    Exit code 1 where it does not come out as it was told.
    """
    from kb import presentation
    from kb.replaying import replay_answer
    from kb.showing import show_replay

    found = replay_answer(home.paths, home.settings, answer_id)
    presentation.show_json(found) if as_json else show_replay(found)
    if found.reproduced is False:
        sys.exit(1)

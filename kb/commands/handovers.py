"""`kb handovers`: what was handed over to people, and what could not be delivered."""

from __future__ import annotations

import click

from kb.commands.home import Home, as_json


@click.command()
@click.option("--dead", is_flag=True, help="Only those that were given up.")
@click.option("--retry", metavar="ID", help="Try one that was given up again.")
@as_json
@click.pass_obj
def handovers(home: Home, dead: bool, retry: str | None, as_json: bool) -> None:
    """List hand-overs to people: why, when, and what became of them at the centre's webhook."""
    from kb.handover.handing import read_all, try_again
    from kb.presentation import show_json

    if retry is not None:
        try_again(home.paths, home.settings, retry)
        click.echo(f"{retry} waits again: a running server delivers it")
        return
    found = read_all(home.paths, dead=dead)
    if as_json:
        show_json({"handovers": found})
        return
    if not found:
        click.echo("nothing was given up" if dead else "nothing was handed over")
    for one in found:
        trouble = f"  {one['trouble']}" if one["trouble"] else ""
        click.echo(f"{one['at']}  {one['id']}  {one['kind']}  {one['reason']}  {one['state']}  {one['tries']}{trouble}")

"""`kb audit`: who did what to keys, people and content."""

from __future__ import annotations

import json

import click

from kb.commands.home import Home, as_json


@click.command()
@click.option(
    "--since", type=click.DateTime(), metavar="DATE", help="Only what happened from then on (home's time zone)."
)
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(1), help="The newest so many.")
@as_json
@click.pass_obj
def audit(home: Home, since: object, limit: int, as_json: bool) -> None:
    """Show the audit log, which only ever grows: sign-ins, keys, people, publications, exports, erasures."""
    from contextlib import closing
    from dataclasses import asdict
    from datetime import datetime

    from kb.access.keys import as_text
    from kb.config import zone
    from kb.presentation import show_json
    from kb.store import audit as log
    from kb.store import database

    begin = since.replace(tzinfo=zone(home.settings)).timestamp() if isinstance(since, datetime) else 0.0
    with closing(database.open_for_reading(home.paths.database)) as db:
        events = [asdict(e) | {"at": as_text(e.at)} for e in log.read(db, since=begin, limit=limit)]
    if as_json:
        show_json({"events": events})
        return
    for e in events:
        detail = json.dumps(e["detail"], ensure_ascii=False)
        click.echo(f"{e['at']}  {e['actor'] or 'anybody'}  {e['action']}  {e['subject']}  {detail}")

"""`kb article`: what editors do, from a shell, also beside a running server."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from kb.commands.home import Home, as_json

if TYPE_CHECKING:
    from kb.editing.desk import Actor, Desk
    from kb.editing.listing import Shown

_REVISION = click.option("--revision", type=int, metavar="N", help="Only if N is still its newest number.")
_REASON = click.option("--reason", help="Why golden questions may break.")
_NOTE = click.option("--note", help="What there is to say.")


@click.group()
def article() -> None:
    """Articles from draft to live: begun, saved, reviewed, published, retired (see docs/lifecycle.md)."""


@article.command(name="list")
@click.option("--state", help="draft, in_review, approved, scheduled, published or retired.")
@click.option("--owner", help="Only this owner's.")
@click.option("--language", help="Only in this language.")
@click.option("--text", "q", help="Only with this in id or title.")
@as_json
@click.pass_obj
def list_(home: Home, state: str | None, owner: str | None, language: str | None, q: str | None, as_json: bool) -> None:
    """Show articles and where they stand."""
    from contextlib import closing
    from dataclasses import asdict

    from kb.editing.listing import Filters, listed
    from kb.editing.states import State
    from kb.errors import UsageError
    from kb.presentation import show_json
    from kb.store import database

    if state is not None and state not in set(State):
        raise UsageError(f"--state {state!r}: accepted are {', '.join(list(State)[1:])}")
    filters = Filters(State(state) if state else None, language, None, owner, None, q)
    with closing(database.open_for_reading(home.paths.database)) as db:
        found = listed(db, filters, limit=1_000_000)
    if as_json:
        show_json({"articles": [asdict(line) for line in found]})
        return
    for line in found:
        live = "" if line.live is None else f"  live {line.live}"
        due = f"  due {line.due}" if line.due else ""
        click.echo(f"{line.state:9}  {line.id}  {line.revision}{live}{due}  {line.title}")


@article.command()
@click.argument("id")
@as_json
@click.pass_obj
def show(home: Home, id: str, as_json: bool) -> None:
    """Show the article ID: its edit's text, else what is live."""
    from dataclasses import asdict

    from kb.presentation import show_json

    found = _shown(home, id)
    if as_json:
        show_json(asdict(found))
        return
    click.secho(_line(found), err=True)
    click.echo(found.text, nl=False)


@article.command()
@click.argument("id")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.pass_obj
def new(home: Home, id: str, file: Any) -> None:
    """Begin the article ID with the text of FILE (- reads standard input)."""
    _desk(home).create(_shell(), id, file.read())
    _report(home, id)


@article.command()
@click.argument("id")
@click.argument("file", type=click.File(encoding="utf-8"))
@_REVISION
@click.pass_obj
def save(home: Home, id: str, file: Any, revision: int | None) -> None:
    """Save the text of FILE (- reads standard input) as an edit of the article ID."""
    _desk(home).save(_shell(), id, _number(home, id, revision), file.read())
    _report(home, id)


@article.command()
@click.argument("id")
@click.argument("number", type=click.IntRange(1))
@_REVISION
@click.pass_obj
def restore(home: Home, id: str, number: int, revision: int | None) -> None:
    """Save the text that ID had as NUMBER as an edit of it."""
    from kb.editing import revisions

    text = revisions.revision(home.paths, id, number).text
    _desk(home).save(_shell(), id, _number(home, id, revision), text)
    _report(home, id)


@article.command()
@click.argument("id")
@_REVISION
@_NOTE
@click.pass_obj
def submit(home: Home, id: str, revision: int | None, note: str | None) -> None:
    """Ask for a review of the edit of ID."""
    _desk(home).submit(_shell(), id, _number(home, id, revision), note)
    _report(home, id)


@article.command()
@click.argument("id")
@_REVISION
@_NOTE
@click.pass_obj
def approve(home: Home, id: str, revision: int | None, note: str | None) -> None:
    """Approve the edit of ID; not where the shell wrote a part of it."""
    _desk(home).approve(_shell(), id, _number(home, id, revision), note)
    _report(home, id)


@article.command(name="send-back")
@click.argument("id")
@_REVISION
@_NOTE
@click.pass_obj
def send_back(home: Home, id: str, revision: int | None, note: str | None) -> None:
    """Give the edit of ID back to its author."""
    _desk(home).send_back(_shell(), id, _number(home, id, revision), note)
    _report(home, id)


@article.command()
@click.argument("id")
@_REVISION
@_REASON
@click.pass_obj
def publish(home: Home, id: str, revision: int | None, reason: str | None) -> None:
    """Make the edit of ID live."""
    _order(home, id, "publish", revision, reason)


@article.command()
@click.argument("id")
@click.argument("at", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]))
@_REVISION
@_REASON
@click.pass_obj
def schedule(home: Home, id: str, at: datetime, revision: int | None, reason: str | None) -> None:
    """Have a server make the edit of ID live AT a time (home's time zone, unless it has one)."""
    from kb.config import zone

    when = at if at.tzinfo else at.replace(tzinfo=zone(home.settings))
    _desk_with_gate(home).schedule(_shell(), id, _number(home, id, revision), when, reason)
    _report(home, id)


@article.command()
@click.argument("id")
@_REVISION
@click.pass_obj
def unschedule(home: Home, id: str, revision: int | None) -> None:
    """Take that time back."""
    _desk(home).unschedule(_shell(), id, _number(home, id, revision))
    _report(home, id)


@article.command()
@click.argument("id")
@_REVISION
@click.option("--together", is_flag=True, help="With the articles of the same in other languages.")
@click.pass_obj
def retire(home: Home, id: str, revision: int | None, together: bool) -> None:
    """Take the article ID down."""
    from kb.editing.translations import beside

    for other in beside(home.paths, id) if together else ():
        _order(home, other, "retire", None)
    _order(home, id, "retire", revision)


@article.command()
@click.argument("id")
@_REVISION
@click.pass_obj
def discard(home: Home, id: str, revision: int | None) -> None:
    """End the edit of ID; a file changed by hand gets the live text back."""
    _order(home, id, "discard", revision)


@article.command()
@click.argument("id")
@_REVISION
@click.pass_obj
def delete(home: Home, id: str, revision: int | None) -> None:
    """Remove the file of ID, and any edit."""
    _order(home, id, "delete", revision)


def _desk(home: Home) -> Desk:
    from kb.editing.desk import Desk

    return Desk(home.paths, home.settings)


def _desk_with_gate(home: Home) -> Desk:
    """Where nothing is indexed yet, there are no answers that an edit could change, and no gate."""
    from kb.editing.desk import Desk
    from kb.errors import IndexMissing

    try:
        return Desk(home.paths, home.settings, home.gate())
    except IndexMissing:
        return Desk(home.paths, home.settings)


def _shell() -> Actor:
    """Whoever may run a command may write the database itself."""
    from kb.editing.desk import Actor
    from kb.store.audit import SHELL

    return Actor(SHELL, "admin")


def _number(home: Home, id_: str, revision: int | None) -> int:
    """The number that is meant; what the shell sees now, where none is."""
    return _shown(home, id_).revision if revision is None else revision


def _shown(home: Home, id_: str) -> Shown:
    from contextlib import closing

    from kb.editing.listing import shown
    from kb.store import database

    with closing(database.open_for_reading(home.paths.database)) as db:
        return shown(db, home.paths, home.settings, id_)


def _order(home: Home, id_: str, move: str, revision: int | None, reason: str | None = None) -> None:
    from kb.editing.publication import Order
    from kb.editing.states import Move
    from kb.handing import run_order

    actor, number = _shell(), _number(home, id_, revision)
    order = Order(Move(move), id_, number, actor.id, actor.role, reason)
    run_order(home.paths, home.settings, order, lambda: _desk_with_gate(home))
    _report(home, id_)


def _report(home: Home, id_: str) -> None:
    from kb.errors import NotShown

    try:
        click.echo(_line(_shown(home, id_)))
    except NotShown:
        click.echo(f"{id_} is gone")


def _line(found: Shown) -> str:
    live = "nothing is live" if found.live is None else f"live is {found.live}"
    return f"{found.id} is {found.state} at {found.revision}; {live}"

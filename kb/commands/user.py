"""`kb user`: people who sign in with a browser."""

from __future__ import annotations

import sys
from typing import Any

import click

from kb.commands.home import ROLES, Home, as_caller, as_json
from kb.errors import UsageError

_password = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; else it is asked for."
)


@click.group()
def user() -> None:
    """People who sign in with a browser: made known, listed, changed, disabled."""


@user.command()
@click.argument("name")
@as_caller
@_password
@click.pass_obj
def create(home: Home, name: str, role: str, groups: tuple[str, ...], password_stdin: bool) -> None:
    """Make NAME known, who then signs in with a password."""
    from kb.access.callers import role_of
    from kb.access.people import create_person

    person = create_person(home.paths, name, _asked(password_stdin), role_of(role), groups)
    click.echo(f"{person.name} may sign in as {'+'.join((person.role, *person.groups))} ({person.id})")


@user.command(name="list")
@as_json
@click.pass_obj
def list_(home: Home, as_json: bool) -> None:
    """Show everybody, also who came through OpenID Connect."""
    from kb.access.keys import as_text
    from kb.access.people import list_people
    from kb.presentation import show_json

    people: list[dict[str, Any]] = [
        {
            "id": p.id, "name": p.name, "role": p.role, "groups": p.groups, "identity": p.identity,
            "created_at": as_text(p.created_at), "disabled_at": as_text(p.disabled_at),
        }
        for p in list_people(home.paths)
    ]  # fmt: skip
    if as_json:
        show_json({"people": people})
        return
    for one in people:
        how = f"by {one['identity']}" if one["identity"] else "by password"
        state = f"  disabled {one['disabled_at']}" if one["disabled_at"] else ""
        click.echo(f"{one['id']}  {one['name']}  {'+'.join((one['role'], *one['groups']))}  {how}{state}")


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="What they may do and see.  [default: as it is]")
@click.option("--group", "groups", multiple=True, metavar="G", help="The groups from now on; may be repeated.")
@click.option("--no-groups", is_flag=True, help="No group from now on.")
@click.pass_obj
def change(home: Home, name: str, role: str | None, groups: tuple[str, ...], no_groups: bool) -> None:
    """Change what NAME (or an id) may do and see, from their next call on."""
    from kb.access.callers import role_of
    from kb.access.people import change_person

    if groups and no_groups:
        raise UsageError("--group and --no-groups contradict each other: give one of them")
    asked = groups if groups or no_groups else None
    person = change_person(home.paths, name, role=role_of(role) if role else None, groups=asked)
    click.echo(f"{person.name} may sign in as {'+'.join((person.role, *person.groups))} ({person.id})")


@user.command()
@click.argument("name")
@_password
@click.pass_obj
def password(home: Home, name: str, password_stdin: bool) -> None:
    """Give NAME another password; their sessions end at once."""
    from kb.access.people import set_password

    set_password(home.paths, name, _asked(password_stdin))
    click.echo(f"{name} has another password")


@user.command()
@click.argument("name")
@click.pass_obj
def disable(home: Home, name: str) -> None:
    """Refuse NAME (or an id) from now on; their sessions end at once."""
    from kb.access import people

    people.disable(home.paths, name)
    click.echo(f"{name} is disabled")


@user.command()
@click.argument("name")
@click.pass_obj
def enable(home: Home, name: str) -> None:
    """Let NAME (or an id), who was disabled, sign in again."""
    from kb.access import people

    people.enable(home.paths, name)
    click.echo(f"{name} may sign in again")


def _asked(password_stdin: bool) -> str:
    if password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))

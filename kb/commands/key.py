"""`kb key`: API keys, made, listed and revoked, also beside a running server."""

from __future__ import annotations

from dataclasses import asdict

import click

from kb.commands.home import Home, as_caller, as_json


@click.group()
def key() -> None:
    """API keys for programs: made, listed, revoked."""


@key.command()
@as_caller
@click.option("--name", default="", help="What it is for, shown by `kb key list`.")
@click.option("--expires", metavar="WHEN", help="90d, 12h, 2w, or a date, to its end.  [default: never]")
@as_json
@click.pass_obj
def create(home: Home, role: str, groups: tuple[str, ...], name: str, expires: str | None, as_json: bool) -> None:
    """Make a key and show it, once: only a hash of it is kept."""
    from kb.access.callers import role_of
    from kb.access.keys import create_key, expiry
    from kb.config import zone

    until = expiry(expires, zone(home.settings)) if expires else None
    made = create_key(home.paths, role_of(role), groups, name=name, expires_at=until)
    if as_json:
        _show(asdict(made))
        return
    click.echo(made.key)
    click.secho(f"{made.id}: keep the key now, it is shown only once; it {_until(made.expires_at)}", err=True)


@key.command(name="list")
@as_json
@click.pass_obj
def list_(home: Home, as_json: bool) -> None:
    """Show all keys, without their secrets."""
    from kb.access.keys import as_text, list_keys

    found = list_keys(home.paths)
    if as_json:
        times = ("created_at", "expires_at", "revoked_at")
        _show({"keys": [asdict(k) | {name: as_text(getattr(k, name)) for name in times} for k in found]})
        return
    for k in found:
        state = f"revoked {as_text(k.revoked_at)}" if k.revoked_at else _until(as_text(k.expires_at))
        click.echo(f"{k.id}  {'+'.join((k.role, *k.groups))}  {k.name!r}  made {as_text(k.created_at)}  {state}")


@key.command()
@click.argument("id")
@click.pass_obj
def revoke(home: Home, id: str) -> None:
    """End the key ID for good; a running server refuses it at once."""
    from kb.access.keys import revoke_key

    revoke_key(home.paths, id)
    click.echo(f"{id} is revoked")


def _until(expires_at: str | None) -> str:
    return f"holds until {expires_at}" if expires_at else "holds until it is revoked"


def _show(value: object) -> None:
    from kb.presentation import show_json

    show_json(value)

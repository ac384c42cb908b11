"""People who may sign in: by a password, of which a hash is kept, or by the word of an OpenID Connect issuer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

_COLUMNS = "id, name, role, groups, created_at, password, identity, disabled_at"


@dataclass(frozen=True, slots=True)
class Person:
    """One who may sign in; times are seconds since 1970.

    `password` is an Argon2 hash, `identity` issuer and subject; each person has one of the two.
    """

    id: str
    name: str
    role: str
    groups: tuple[str, ...]
    created_at: float
    password: str | None = None
    identity: str | None = None
    disabled_at: float | None = None


def put(db: Database, person: Person) -> None:
    """Stores a person as they are now."""
    names = _COLUMNS.split(", ")[1:]
    db.execute(
        f"INSERT INTO people ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own columns
        f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}",
        (
            person.id, person.name, person.role, json.dumps(person.groups), person.created_at, person.password,
            person.identity, person.disabled_at,
        ),
    )  # fmt: skip


def by_id(db: Database, id_: str) -> Person | None:
    """The person of an id."""
    return _one(db, "id = ?", id_)


def by_name(db: Database, name: str) -> Person | None:
    """The person who signs in with a password by this name."""
    return _one(db, "name = ? AND password IS NOT NULL", name)


def by_identity(db: Database, identity: str) -> Person | None:
    """The person whom an issuer knows as this subject."""
    return _one(db, "identity = ?", identity)


def every(db: Database) -> list[Person]:
    """All people by name."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM people ORDER BY name, id").fetchall()  # noqa: S608 - our own columns
    return [_person(row) for row in rows]


def _one(db: Database, where: str, value: str) -> Person | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM people WHERE {where}", (value,)).fetchone()  # noqa: S608 - our own columns
    return None if row is None else _person(row)


def _person(row: Sequence[object]) -> Person:
    id_, name, role, groups, *others = row
    return Person(id_, name, role, tuple(json.loads(groups)), *others)  # type: ignore[arg-type]

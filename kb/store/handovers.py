"""Hand-overs and call-back requests that wait for the centre's webhook, or were taken or given up there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from sqlite_utils import Database

from kb.store import database

WAITING, SENT, DEAD, UNSENT = "waiting", "sent", "dead", "unsent"
"""`dead` was given up; `unsent` was never to be sent: the centre has named no webhook."""


@dataclass(frozen=True, slots=True)
class KeptHandOver:
    """One of them; times are seconds since 1970. `document` is JSON without personal data.

    `kind` is `handover`, or `callback` `about` one. `reply` is JSON, `trouble` why the last try failed.
    """

    id: str
    conversation: str
    at: float
    kind: str
    about: str | None
    caller: str
    channel: str | None
    customer: str | None
    reason: str
    document: str
    envelope: bytes | None
    envelope_until: float
    state: str
    tries: int
    due: float
    leased_until: float
    give_up: float
    reply: str | None = None
    trouble: str | None = None


_NAMES = [field.name for field in fields(KeptHandOver)]
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO handovers ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names


def add(db: Database, row: KeptHandOver) -> None:
    """Keeps one."""
    db.execute(_INSERT, astuple(row))


def read(db: Database, id_: str) -> KeptHandOver | None:
    """One of them; None where there is none of this id."""
    row = db.execute(f"SELECT {_COLUMNS} FROM handovers WHERE id = ?", [id_]).fetchone()  # noqa: S608 - our own names
    return None if row is None else KeptHandOver(*row)


def every(db: Database, *, state: str | None = None, limit: int = 1_000) -> list[KeptHandOver]:
    """The newest, oldest first; of one state where that is named."""
    where, values = ("WHERE state = ?", [state]) if state else ("", [])
    query = f"SELECT {_COLUMNS} FROM handovers {where} ORDER BY n DESC LIMIT ?"  # noqa: S608 - our own names
    return [KeptHandOver(*row) for row in db.execute(query, [*values, limit])][::-1]


def callbacks(db: Database, id_: str) -> int:
    """How many call-back requests there are about a hand-over."""
    return int(db.execute("SELECT count(*) FROM handovers WHERE about = ?", [id_]).fetchone()[0])


def lease(db: Database, now: float, seconds: float) -> KeptHandOver | None:
    """Takes one that is due for so long: of a conversation always the first that waits, so that order is kept."""
    query = (
        f"UPDATE handovers SET leased_until = ?, tries = tries + 1 WHERE n = (SELECT n FROM handovers h"  # noqa: S608
        " WHERE state = 'waiting' AND due <= ? AND leased_until <= ? AND NOT EXISTS (SELECT 1 FROM handovers b"
        " WHERE b.conversation = h.conversation AND b.state = 'waiting' AND b.n < h.n) ORDER BY due LIMIT 1)"
        f" RETURNING {_COLUMNS}"
    )
    row = db.execute(query, [now + seconds, now, now]).fetchone()
    return None if row is None else KeptHandOver(*row)


def taken(db: Database, id_: str, reply: str) -> None:
    """The webhook has it: its envelope goes."""
    db.execute(
        "UPDATE handovers SET state = 'sent', reply = ?, envelope = NULL, trouble = NULL, leased_until = 0"
        " WHERE id = ?",
        [reply, id_],
    )


def put_off(db: Database, id_: str, due: float, trouble: str) -> None:
    """It is tried again from `due` on."""
    db.execute(
        "UPDATE handovers SET due = ?, trouble = ?, leased_until = 0 WHERE id = ? AND state = 'waiting'",
        [due, trouble, id_],
    )


def give_up(db: Database, id_: str, trouble: str) -> None:
    """It is tried no more, unless somebody says so; its envelope stays until it expires."""
    db.execute("UPDATE handovers SET state = 'dead', trouble = ?, leased_until = 0 WHERE id = ?", [trouble, id_])


def retry(db: Database, id_: str, now: float, give_up_at: float) -> bool:
    """Whether there was such a dead letter, which is now tried again."""
    done = db.execute(
        "UPDATE handovers SET state = 'waiting', due = ?, give_up = ?, leased_until = 0"
        " WHERE id = ? AND state = 'dead'",
        [now, give_up_at, id_],
    )
    return bool(done.rowcount)


def expire_envelopes(db: Database, now: float) -> int:
    """Deletes every envelope whose time is over; how many those were."""
    query = "UPDATE handovers SET envelope = NULL WHERE envelope IS NOT NULL AND envelope_until <= ?"
    return int(db.execute(query, [now]).rowcount)


def counts(db: Database) -> dict[str, int]:
    """How many there are of each state."""
    return dict(db.execute("SELECT state, count(*) FROM handovers GROUP BY state").fetchall())


def without_envelopes(file: Path) -> None:
    """Takes all that is encrypted out of a copy of the journal, to the last byte. Raises StoreError."""
    with database.explained(file), closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = ON")
        if sum(_emptied(db, table, column) for table, column in (("handovers", "envelope"), ("turns", "closed"))):
            db.execute("VACUUM")


def _emptied(db: sqlite3.Connection, table: str, column: str) -> int:
    known = db.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", [table, column]).fetchone()
    where = f"SET {column} = NULL WHERE {column} IS NOT NULL"
    return db.execute(f"UPDATE {table} {where}").rowcount if known else 0

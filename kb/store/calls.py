"""What is said on calls, as it is kept for a while: one row an utterance, by call and sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class KeptUtterance:
    """An utterance, redacted; `number` is 0 until it is kept. Seconds: `received_at` since 1970, `at` the sender's."""

    call: str
    sequence: int
    received_at: float
    at: float
    speaker: str
    text: str
    final: bool
    caller: str
    customer: str | None = None
    number: int = 0


_NAMES = [field.name for field in fields(KeptUtterance)]
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO utterances ({', '.join(_NAMES[:-1])}) VALUES ({', '.join('?' * (len(_NAMES) - 1))})"  # noqa: S608


def add(db: Database, said: KeptUtterance) -> tuple[KeptUtterance, bool]:
    """What is kept under its sequence, and whether it is this one: a final one stays, an older partial is late."""
    old = _read(db, "call = ? AND sequence = ?", said.call, said.sequence)
    if old and (old[0].final or _same(old[0], said) or (not said.final and said.at < old[0].at)):
        return old[0], False
    db.execute("DELETE FROM utterances WHERE call = ? AND sequence = ?", [said.call, said.sequence])
    said = replace(said, customer=said.customer or _customer(db, said.call))
    values = [getattr(said, name) for name in _NAMES[:-1]]
    number = int(db.execute(_INSERT, values).lastrowid or 0)
    if said.customer:
        db.execute("UPDATE utterances SET customer = ? WHERE call = ? AND customer IS NULL", [said.customer, said.call])
    return replace(said, number=number), True


def after(db: Database, call: str, number: int, since: float) -> list[KeptUtterance]:
    """A call's utterances that arrived after one, and not before a time, in order of arrival."""
    return _read(db, "call = ? AND number > ? AND received_at >= ? ORDER BY number", call, number, since)


def before(db: Database, call: str, sequence: int, count: int, speaker: str | None = None) -> list[KeptUtterance]:
    """The utterances of a call (by a speaker) that go before one, the nearest first."""
    where = "call = ? AND sequence < ? AND (? IS NULL OR speaker = ?) ORDER BY sequence DESC LIMIT ?"
    return _read(db, where, call, sequence, speaker, speaker, count)


def blank(db: Database, kept: Sequence[KeptUtterance], text: str) -> None:
    """Puts another text in the place of theirs."""
    db.conn.executemany("UPDATE utterances SET text = ? WHERE number = ?", [(text, one.number) for one in kept])


def count(db: Database, call: str) -> int:
    """How many utterances of a call are kept."""
    return int(db.execute("SELECT count(*) FROM utterances WHERE call = ?", [call]).fetchone()[0])


def newest(db: Database) -> int:
    """The number of the last arrival that is kept."""
    return int(db.execute("SELECT coalesce(max(number), 0) FROM utterances").fetchone()[0])


def forget(db: Database, before_: float) -> int:
    """Deletes what arrived before a time, in the transaction at hand."""
    return int(db.execute("DELETE FROM utterances WHERE received_at < ?", [before_]).rowcount)


def _customer(db: Database, call: str) -> str | None:
    """Whose call it is, where an earlier utterance said so."""
    row = db.execute(
        "SELECT customer FROM utterances WHERE call = ? AND customer IS NOT NULL LIMIT 1", [call]
    ).fetchone()
    return row[0] if row else None


def _same(old: KeptUtterance, new: KeptUtterance) -> bool:
    return (old.text, old.final, old.speaker) == (new.text, new.final, new.speaker)


def _read(db: Database, where: str, *values: object) -> list[KeptUtterance]:
    rows = db.execute(f"SELECT {_COLUMNS} FROM utterances WHERE {where}", values)  # noqa: S608 - our own text
    return [replace(found, final=bool(found.final)) for found in (KeptUtterance(*row) for row in rows)]

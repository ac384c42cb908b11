"""Answers that wait to be fetched as events: by the hash of a token, then by that of what their events carry."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class KeptStream:
    """An answer (its id; empty until it is made) with what its record leaves out; `form` and `problem` are JSON."""

    answer_id: str
    form: str | None
    conversation_id: str | None
    problem: str | None = None


_COLUMNS = "answer_id, form, conversation_id, problem"


def add(db: Database, token: str, customer: str | None, expires_at: float) -> None:
    """Stores that the answer which is being made may be fetched by who has the token of this hash."""
    db.execute(
        "INSERT INTO streams (hash, answer_id, customer, expires_at) VALUES (?, '', ?, ?)",
        [token, customer, expires_at],
    )


def fill(db: Database, token: str, stream: KeptStream, expires_at: float) -> None:
    """It is made, or there is none; nothing where it was erased meanwhile."""
    row = [stream.answer_id, stream.form, stream.conversation_id, stream.problem, expires_at, token]
    db.execute(
        "UPDATE streams SET answer_id = ?, form = ?, conversation_id = ?, problem = ?, expires_at = ? WHERE hash = ?",
        row,
    )


def take(db: Database, token: str, secret: str, now: float) -> KeptStream | None:
    """What may be fetched by a token, once; from now on it is gone on with by the secret of this hash."""
    query = "UPDATE streams SET secret = ? WHERE hash = ? AND secret IS NULL AND expires_at > ?"
    row = db.execute(f"{query} RETURNING {_COLUMNS}", [secret, token, now]).fetchone()
    return None if row is None else KeptStream(*row)


def again(db: Database, token: str, secret: str, now: float) -> KeptStream | None:
    """The same once more, for who has both; None where there is nothing (any more)."""
    query = f"SELECT {_COLUMNS} FROM streams WHERE hash = ? AND secret = ? AND expires_at > ?"  # noqa: S608
    row = db.execute(query, [token, secret, now]).fetchone()
    return None if row is None else KeptStream(*row)

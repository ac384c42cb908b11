"""Conversations as the journal holds them: whose they are, and what was said, redacted, until they expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database

Writes = Callable[[Database], None]
TABLES = ("turns", "streams", "conversations")
"""Each has `expires_at`."""
_EXPIRED_TOGETHER = 500
_TURN = "question, meant, answer_id, outcome, reason, offered, at, closed"


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """One turn: what the customer said (redacted), what that asks, and what came of it; `offered` is JSON or null.

    `closed` is what they said, word for word and encrypted, until it is handed over or expires.
    """

    question: str
    meant: str
    answer_id: str
    outcome: str
    reason: str | None
    offered: str | None
    at: float = 0.0
    closed: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeptConversation:
    """A conversation by the hash of its id, with its last turns, oldest first.

    `since` counts the turns after the last one that was handed over, `since_at` is when the first of those was.
    """

    hash: str
    turns: tuple[KeptTurn, ...] = ()
    since: int = 0
    since_at: float | None = None


def begin(db: Database, conversation: str, caller: str, customer: str | None, now: float, expires_at: float) -> None:
    """Stores a new conversation by the hash of its id, and removes some that are over."""
    expire(db, now)
    db.execute("INSERT INTO conversations VALUES (?, ?, ?, ?, ?)", [conversation, caller, customer, now, expires_at])


def gone_on(
    db: Database, conversation: str, caller: str, customer: str | None, now: float, most: int
) -> KeptConversation | None:
    """A conversation with its last turns; None where this caller and customer have none such any more."""
    mine = "SELECT 1 FROM conversations WHERE hash = ? AND caller = ? AND customer IS ? AND expires_at > ?"
    if db.execute(mine, [conversation, caller, customer, now]).fetchone() is None:
        return None
    handed = "SELECT max(number) FROM turns WHERE conversation = ?1 AND outcome = 'handover'"
    since = f"SELECT count(*), min(at) FROM turns WHERE conversation = ?1 AND number > coalesce(({handed}), 0)"  # noqa: S608
    count, at = db.execute(since, [conversation]).fetchone()
    return KeptConversation(conversation, tuple(last_turns(db, conversation, most)), count, at)


def last_turns(db: Database, conversation: str, most: int) -> list[KeptTurn]:
    """The last turns, oldest first."""
    rows = db.execute(
        f"SELECT {_TURN} FROM turns WHERE conversation = ? ORDER BY number DESC LIMIT ?",  # noqa: S608 - our own names
        [conversation, most],
    ).fetchall()
    return [KeptTurn(*row) for row in reversed(rows)]


def forget_words(db: Database, conversation: str) -> None:
    """Deletes what was said word for word: whoever takes over has it in an envelope now."""
    db.execute("UPDATE turns SET closed = NULL WHERE conversation = ? AND closed IS NOT NULL", [conversation])


def expire_words(db: Database, before: float) -> int:
    """Deletes what was said word for word before a time; of how many turns that was."""
    return int(db.execute("UPDATE turns SET closed = NULL WHERE closed IS NOT NULL AND at <= ?", [before]).rowcount)


def add_turn(
    db: Database, conversation: str, turn: KeptTurn, customer: str | None, now: float, expires_at: float
) -> None:
    """Adds a turn, and lets the whole conversation live until `expires_at`; nothing where it was erased meanwhile."""
    alive = "UPDATE conversations SET expires_at = ? WHERE hash = ?"
    if not db.execute(alive, [expires_at, conversation]).rowcount:
        return
    db.execute("UPDATE turns SET expires_at = ? WHERE conversation = ?", [expires_at, conversation])
    db.execute(
        "INSERT INTO turns SELECT ?, 1 + coalesce(max(number), 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
        " FROM turns WHERE conversation = ?",
        [
            conversation, now, customer, turn.question, turn.meant, turn.answer_id, turn.outcome, turn.reason,
            turn.offered, expires_at, turn.closed, conversation,
        ],
    )  # fmt: skip


def expire(db: Database, now: float) -> int:
    """Removes some of what is over, and returns how many rows; in the transaction at hand."""
    keys = {"turns": "conversation, number", "streams": "hash", "conversations": "hash"}
    return sum(
        db.execute(
            f"DELETE FROM {table} WHERE ({keys[table]}) IN"  # noqa: S608 - our own names
            f" (SELECT {keys[table]} FROM {table} WHERE expires_at <= ? LIMIT ?)",
            [now, _EXPIRED_TOGETHER],
        ).rowcount
        for table in TABLES
    )

"""Tickets on their way into the knowledge: written when a help desk sends them, deleted once they are published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket of a source as JSON; `document` is None where it is no knowledge any more."""

    source: str
    document_id: str
    seq: int
    at: float
    document: str | None
    customer: str | None


def add(db: Database, sent: Sequence[Waiting]) -> None:
    """Adds tickets in the transaction at hand; the newest delivery of one takes the place of those that still wait."""
    for one in sent:
        db.execute(
            "INSERT OR REPLACE INTO inbox (source, document_id, seq, at, document, customer)"
            " SELECT ?, ?, coalesce(max(seq), 0) + 1, ?, ?, ? FROM inbox",
            [one.source, one.document_id, one.at, one.document, one.customer],
        )


def is_repeated(db: Database, signature: str, now: float, until: float) -> bool:
    """Whether a signed delivery was taken before; notes it until a time, in the transaction at hand."""
    db.execute("DELETE FROM deliveries WHERE until < ?", [now])
    added = db.execute("INSERT OR IGNORE INTO deliveries VALUES (?, ?)", [signature, until])
    return not added.rowcount


def waiting(db: Database, most: int) -> list[Waiting]:
    """The oldest that wait."""
    query = "SELECT source, document_id, seq, at, document, customer FROM inbox ORDER BY seq LIMIT ?"
    return [Waiting(*row) for row in db.execute(query, [most])]


def remove(db: Database, done: Sequence[Waiting]) -> None:
    """Deletes these, in the transaction at hand; a delivery that came since stays."""
    for one in done:
        source, id_, seq, *_ = astuple(one)
        db.execute("DELETE FROM inbox WHERE source = ? AND document_id = ? AND seq = ?", [source, id_, seq])


def expire(db: Database, before: float, now: float) -> tuple[int, int]:
    """Deletes tickets that came before a time and signatures whose time is over, in the transaction at hand.

    How many of each.
    """
    lost = db.execute("DELETE FROM inbox WHERE at < ?", [before]).rowcount
    return int(lost), int(db.execute("DELETE FROM deliveries WHERE until < ?", [now]).rowcount)

"""Which tickets an article was already proposed of, so that nobody proposes it twice."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Proposed:
    """A draft, and the tickets that it was made of."""

    draft: str
    tickets: frozenset[str]


def note(db: Database, draft: str, tickets: Collection[str]) -> None:
    """Keeps that `draft` was made of these tickets, in the transaction at hand; each is of its newest draft alone."""
    rows = [(id_, draft, time.time()) for id_ in tickets]
    db.conn.executemany("INSERT OR REPLACE INTO proposed (ticket_id, draft, at) VALUES (?, ?, ?)", rows)


def every(db: Database) -> list[Proposed]:
    """All drafts that were made of tickets."""
    held: dict[str, set[str]] = {}
    for draft, id_ in db.execute("SELECT draft, ticket_id FROM proposed ORDER BY draft"):
        held.setdefault(draft, set()).add(id_)
    return [Proposed(draft, frozenset(tickets)) for draft, tickets in held.items()]

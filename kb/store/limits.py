"""How much each caller did in a window of time, counted in the journal for all workers together."""

from __future__ import annotations

from sqlite_utils import Database

from kb.store import database


def take(db: Database, who: str, wanted: int, limit: int, *, now: float, until: float) -> tuple[int, float]:
    """How many of `wanted` more a caller may do before the window's end, and that end, in seconds since 1970."""
    with database.transaction(db):
        row = db.execute("SELECT until, used FROM limits WHERE who = ?", (who,)).fetchone()
        if row is None or row[0] <= now:
            db.execute("DELETE FROM limits WHERE until <= ?", (now,))
            row = (until, 0)
        granted = max(0, min(wanted, limit - row[1]))
        db.execute(
            "INSERT INTO limits (who, until, used) VALUES (?, ?, ?)"
            " ON CONFLICT (who) DO UPDATE SET until = excluded.until, used = excluded.used",
            (who, row[0], row[1] + granted),
        )
    return granted, float(row[0])

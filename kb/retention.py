"""Forgetting in time: what the journal holds longer than it may is deleted, and its bytes are overwritten."""

from __future__ import annotations

import time
from contextlib import closing

from sqlite_utils import Database

from kb.config import Paths
from kb.store import database
from kb.store.journal import open_journal

_KEYS = {"answers": "answer_id", "searches": "query_id", "signals": "about, id", "handovers": "id"}
_TOGETHER = 500
"""Rows of one transaction: whoever records an answer meanwhile waits for no more."""
_DAY = 86_400


def forget(paths: Paths, days: int, *, now: float | None = None) -> int:
    """Deletes what is older than `days`, and returns how many rows; nothing where there is no journal.

    Deleted bytes are overwritten with zeros, in the write-ahead log too unless somebody is just reading it: then the
    next call does that. Raises StoreError, StoreBusy.
    """
    if not paths.journal.exists():
        return 0
    before = (time.time() if now is None else now) - days * _DAY
    with closing(open_journal(paths.journal)) as db, database.explained(paths.journal):
        count = sum(_delete_older(db, table, before) for table in _KEYS)
        with database.transaction(db):
            db.execute("DELETE FROM layouts WHERE NOT EXISTS (SELECT 1 FROM answers WHERE answers.layout = layouts.id)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def _delete_older(db: Database, table: str, before: float) -> int:
    keys = _KEYS[table]
    query = f"DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} FROM {table} WHERE at < ? LIMIT ?)"  # noqa: S608 - our own names
    count = 0
    while True:
        with database.transaction(db):
            deleted = db.execute(query, [before, _TOGETHER]).rowcount
        count += deleted
        if deleted < _TOGETHER:
            return count

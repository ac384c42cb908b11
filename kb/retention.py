"""Forgetting in time: what the journal holds longer than it may is deleted, and its bytes are overwritten."""

from __future__ import annotations

import logging
import time
from contextlib import closing

from sqlite_utils import Database

from kb.config import Paths, Settings
from kb.store import calls, conversations, database, inbox
from kb.store.journal import open_journal

_TABLES = {
    "answers": "answer_id",
    "searches": "query_id",
    "signals": "about, id",
    "generated": "key",
    "handovers": "id",
}
_TOGETHER = 500
"""Rows of one transaction: whoever records an answer meanwhile waits for no more."""
_DAY, _HOUR = 86_400, 3_600
log = logging.getLogger("kb.retention")


def forget(paths: Paths, settings: Settings, *, now: float | None = None) -> int:
    """Deletes what is older than `journal_days` or has expired, and what was said on calls `call_hours` ago or more.

    Tickets that nobody published in `inbox_days` go too, which is logged: they are lost.

    Returns how many rows; nothing is done where there is no journal.

    Deleted bytes are overwritten with zeros, in the write-ahead log too unless somebody is just reading it: then the
    next call does that. Raises StoreError, StoreBusy.
    """
    if not paths.journal.exists():
        return 0
    now = time.time() if now is None else now
    before = now - settings.journal_days * _DAY
    with closing(open_journal(paths.journal)) as db, database.explained(paths.journal):
        count = sum(_delete_older(db, table, before) for table in _TABLES) + _delete_expired(db, now)
        with database.transaction(db):
            count += calls.forget(db, now - settings.call_hours * _HOUR)
        count += _delete_unpublished(db, now, settings.inbox_days)
        with database.transaction(db):
            db.execute("DELETE FROM layouts WHERE NOT EXISTS (SELECT 1 FROM answers WHERE answers.layout = layouts.id)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def _delete_unpublished(db: Database, now: float, days: int) -> int:
    with database.transaction(db):
        lost, noted = inbox.expire(db, now - days * _DAY, now)
    if lost:
        log.warning("%d tickets of help desks were deleted that nobody had published in %d days", lost, days)
    return lost + noted


def _delete_expired(db: Database, now: float) -> int:
    """Conversations and their like end at times of their own."""
    count = 0
    while True:
        with database.transaction(db):
            deleted = conversations.expire(db, now)
        count += deleted
        if not deleted:
            return count


def _delete_older(db: Database, table: str, before: float) -> int:
    keys = _TABLES[table]
    query = f"DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} FROM {table} WHERE at < ? LIMIT ?)"  # noqa: S608 - our own names
    count = 0
    while True:
        with database.transaction(db):
            deleted = db.execute(query, [before, _TOGETHER]).rowcount
        count += deleted
        if deleted < _TOGETHER:
            return count

"""Opening the database, one transaction at a time, and what its failures mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlite_utils import Database, Migrations

from kb.errors import IndexMissing, StoreBusy, StoreError
from kb.store.migrations import migrations

BUSY_SECONDS = 10.0


def open_for_writing(file: Path, *, busy_seconds: float = BUSY_SECONDS, shape: Migrations = migrations) -> Database:
    """The database, made and migrated to the newest shape where needed. Raises StoreError, StoreBusy."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{file.parent}: {error}: check that it is a folder that you may write to") from error
    with explained(file):
        db = _connect(file, busy_seconds)
        if not _in_shape(db, shape):
            _bring_into_shape(db, file, shape, busy_seconds)
        db.execute("PRAGMA synchronous = FULL")  # a revision that was reported must survive a power cut
        return db


def open_for_reading(file: Path, *, busy_seconds: float = BUSY_SECONDS, shape: Migrations = migrations) -> Database:
    """The database as it is; a connection may be used by one thread at a time.

    Raises IndexMissing where nothing was ever stored, StoreError where its shape is older than this program.
    """
    if not file.exists():
        raise IndexMissing(f"{file} does not exist yet: run `kb reindex` (or `kb import FILE`) first")
    with explained(file):
        db = _connect(file, busy_seconds)
        db.execute("PRAGMA query_only = ON")
        if pending := [migration.name for migration in shape.pending(db)]:
            raise IndexMissing(f"{file} lacks {', '.join(pending)}: run `kb reindex` to bring it up to date")
        return db


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """All or nothing: takes the write lock at once, commits at the end, rolls back on any error."""
    file = Path(db.execute("PRAGMA database_list").fetchone()[2])
    with explained(file):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            db.rollback()
            raise


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """What is read until the end is of one moment, whatever others commit meanwhile; nothing is written."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.rollback()


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turns SQLite's errors into kb's, with the file and the way out."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _explain(file, error) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{file}: {error}: the database is damaged; restore data/ from a backup") from error


def _explain(file: Path, error: sqlite3.OperationalError) -> StoreError:
    message = str(error)
    if "locked" in message or "busy" in message:
        return StoreBusy(f"{file}: another program holds the database: close it (or wait) and try again")
    if "full" in message or "disk I/O" in message:
        return StoreError(f"{file}: {message}: free some space on the disk and run the command again; nothing was lost")
    if "unable to open" in message or "readonly" in message:
        return StoreError(f"{file}: {message}: check that the folder exists and that you may write to it")
    return StoreError(f"{file}: {message}")


def _in_shape(db: Database, shape: Migrations) -> bool:
    return bool(db.execute("PRAGMA journal_mode").fetchone()[0] == "wal") and not shape.pending(db)


def _bring_into_shape(db: Database, file: Path, shape: Migrations, busy_seconds: float) -> None:
    """One process at a time: SQLite does not wait for another that changes the journal's mode or has made a table."""
    try:
        with FileLock(file.parent / ".shape.lock", timeout=busy_seconds):
            db.enable_wal()
            shape.apply(db)
    except Timeout as error:
        raise StoreBusy(f"{file}: another program is changing its shape: wait and try again") from error


def _connect(file: Path, busy_seconds: float) -> Database:
    connection = sqlite3.connect(file, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    db = Database(connection)
    db.execute("PRAGMA foreign_keys = ON")
    return db

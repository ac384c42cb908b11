"""Opening the journal, which every process of a home writes."""

from __future__ import annotations

import os
from pathlib import Path

import filelock
from sqlite_utils import Database

from kb.errors import StoreBusy, StoreError
from kb.store import database
from kb.store.journal_migrations import migrations

BUSY_SECONDS = 5.0


def open_journal(file: Path) -> Database:
    """The journal, for writing; made where it is not there yet, by one process at a time. Raises StoreError, StoreBusy.

    What is deleted from it is overwritten. `synchronous` is NORMAL: a commit is in the operating system's hands, and
    outlives this process however it ends; what must outlive a power cut is settled by who writes it.
    """
    with database.explained(file):
        db = _opened(file)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = ON")
        return db


def read_journal(file: Path) -> Database:
    """The journal as it is, for reading. Raises IndexMissing where nothing was ever asked, StoreError."""
    return database.open_for_reading(file, busy_seconds=BUSY_SECONDS, shape=migrations)


def _opened(file: Path) -> Database:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(file.with_suffix(".lock"), timeout=BUSY_SECONDS):
            db = database.open_for_writing(file, busy_seconds=BUSY_SECONDS, shape=migrations)
            _settle_folder(file.parent)
            return db
    except filelock.Timeout as error:
        raise StoreBusy(f"{file}: another process has been opening it for {BUSY_SECONDS:g} s: try again") from error
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}: check that you may write there") from error


def _settle_folder(folder: Path) -> None:
    """The names of the files outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Opening the journal, which every process of a home writes."""

from __future__ import annotations

import os
from pathlib import Path

from sqlite_utils import Database

from kb.store import database
from kb.store.journal_migrations import migrations

BUSY_SECONDS = 5.0


def open_journal(file: Path) -> Database:
    """The journal, for writing; made where it is not there yet. Raises StoreError, StoreBusy.

    What is deleted from it is overwritten. `synchronous` is NORMAL: a commit is in the operating system's hands, and
    outlives this process however it ends; what must outlive a power cut is settled by who writes it.
    """
    with database.explained(file):
        db = database.open_for_writing(file, busy_seconds=BUSY_SECONDS, shape=migrations)
        _settle_folder(file.parent)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = ON")
        return db


def read_journal(file: Path) -> Database:
    """The journal as it is, for reading. Raises IndexMissing where nothing was ever asked, StoreError."""
    return database.open_for_reading(file, busy_seconds=BUSY_SECONDS, shape=migrations)


def _settle_folder(folder: Path) -> None:
    """The names of the files outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

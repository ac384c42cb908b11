"""A database copied while others write it: one moment of it, in a file that needs nothing beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kb.errors import StoreError
from kb.store import database

_PAGES = 4_096
_BUSY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds: the migrations it went through, and how many rows each table has."""

    migrations: list[str]
    counts: dict[str, int]


def copy(file: Path, target: Path, told: Callable[[int, int], None]) -> Copied:
    """Copies the newest committed state; `told` how many pages are done, of how many.

    Raises StoreError where the database is damaged, StoreBusy.
    """
    with database.explained(file):
        source = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS)
        with closing(source), closing(sqlite3.connect(target)) as made:
            source.isolation_level = None
            made.execute("PRAGMA synchronous = OFF")  # what becomes of it is settled by who asked for it
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # from here on, one moment
            source.backup(made, pages=_PAGES, progress=lambda _, left, total: told(total - left, total))
            source.execute("COMMIT")
            made.execute("PRAGMA journal_mode = DELETE")
            if (found := made.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise StoreError(f"{file} is damaged ({found}): nothing was written; restore an earlier backup")
            return _described(made)


def _described(db: sqlite3.Connection) -> Copied:
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    counts = {
        name: int(db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - a name from the schema
        for name in names
        if not name.startswith(("sqlite_", "_sqlite"))
    }
    ran = "SELECT name FROM _sqlite_migrations ORDER BY id" if "_sqlite_migrations" in names else "SELECT 1 WHERE 0"
    return Copied([row[0] for row in db.execute(ran)], counts)

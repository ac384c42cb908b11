"""Who has said of which revision of an article that they read it, and since when each reader is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That a reader (a person or a key) knows a revision, or with `gone` that the article is there no more.

    `at` is in seconds since 1970; `name` is the reader's at that time.
    """

    caller: str
    name: str
    document_id: str
    revision: int
    gone: bool
    at: float


def begin(db: Database, caller: str, name: str, since: float) -> None:
    """Asks a reader for what changed from `since` on, unless they are asked already."""
    db.execute("INSERT OR IGNORE INTO readers (caller, name, since) VALUES (?, ?, ?)", [caller, name, since])


def since(db: Database, caller: str) -> float | None:
    """From when on a reader is asked for what changed; None for one who never looked."""
    row = db.execute("SELECT since FROM readers WHERE caller = ?", [caller]).fetchone()
    return None if row is None else float(row[0])


def readers(db: Database) -> set[str]:
    """The ids of all who ever looked at what changed."""
    return {row[0] for row in db.execute("SELECT caller FROM readers")}


def add(db: Database, told: Sequence[Acknowledgement]) -> None:
    """Keeps what was said; the first time counts."""
    rows = [(one.caller, one.document_id, one.revision, int(one.gone), one.at, one.name) for one in told]
    db.conn.executemany(
        "INSERT OR IGNORE INTO acknowledgements (caller, document_id, revision, gone, at, name)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )


def newest_of(db: Database, caller: str) -> dict[str, tuple[int, bool]]:
    """What a reader last said of each article: the revision, and whether it was that it is gone."""
    rows = db.execute(
        "SELECT document_id, revision, gone FROM acknowledgements WHERE caller = ?"
        " ORDER BY document_id, revision, gone",
        [caller],
    )
    return {id_: (revision, bool(gone)) for id_, revision, gone in rows}


def of_document(db: Database, document_id: str, first: int) -> list[Acknowledgement]:
    """Who has said that they read a revision from `first` on, in order of time; each reader's first word alone."""
    rows = db.execute(
        "SELECT caller, name, document_id, revision, gone, min(at) FROM acknowledgements"
        " WHERE document_id = ? AND revision >= ? AND NOT gone GROUP BY caller ORDER BY 6, 1",
        [document_id, first],
    )
    return [Acknowledgement(caller, name, id_, n, bool(gone), at) for caller, name, id_, n, gone, at in rows]

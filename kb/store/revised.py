"""Articles by time: which have become another since, what each was then, and what it is."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from kb.model import Article

_COLUMNS = "r.revision, r.content, c.at FROM revisions r JOIN changes c ON c.seq = r.change"


@dataclass(frozen=True, slots=True)
class Stored:
    """One revision of an article; `at` is when it was stored, in ISO 8601."""

    revision: int
    article: Article
    at: str


def first_change(db: Database) -> str | None:
    """When anything was stored for the first time, in ISO 8601; None where nothing ever was."""
    row = db.execute("SELECT at FROM changes ORDER BY seq LIMIT 1").fetchone()
    return None if row is None else str(row[0])


def change_at(db: Database, at: str) -> int:
    """The number of the last change until a time, in ISO 8601; 0 where there was none."""
    row = db.execute("SELECT seq FROM changes WHERE at <= ? ORDER BY at DESC, seq DESC LIMIT 1", [at]).fetchone()
    return 0 if row is None else int(row[0])


def articles_since(db: Database, change: int) -> dict[str, int]:
    """The articles that have a revision of after a change, with the newest."""
    query = (
        "SELECT document_id, max(revision) FROM revisions WHERE kind = 'article' AND change > ? GROUP BY document_id"
    )
    return dict(db.execute(query, [change]))


def newest(db: Database, document_id: str) -> Stored | None:
    """An article as it is stored now; None where there is none."""
    return _one(db, "r.document_id = ? AND r.kind = 'article'", [document_id])


def as_of(db: Database, document_id: str, change: int) -> Stored | None:
    """An article as it was stored at a change; None where there was none."""
    return _one(db, "r.document_id = ? AND r.kind = 'article' AND r.change <= ?", [document_id, change])


def numbered(db: Database, document_id: str, revision: int) -> Stored | None:
    """One revision of an article; None where there is none."""
    return _one(db, "r.document_id = ? AND r.kind = 'article' AND r.revision = ?", [document_id, revision])


def before(db: Database, document_id: str, revision: int) -> Stored | None:
    """The revision before one; None for the first."""
    return _one(db, "r.document_id = ? AND r.kind = 'article' AND r.revision < ?", [document_id, revision])


def _one(db: Database, where: str, values: list[str | int]) -> Stored | None:
    query = f"SELECT {_COLUMNS} WHERE {where} ORDER BY r.revision DESC LIMIT 1"
    row = db.execute(query, values).fetchone()
    return None if row is None else Stored(int(row[0]), msgspec.json.decode(row[1], type=Article), str(row[2]))

"""The revisions of an article: every text that it ever had, since when, and which is the newest."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from kb.model import Article


@dataclass(frozen=True, slots=True)
class Revision:
    """An article as it was; `at` is when it was stored, in ISO 8601, `change` the number of that change."""

    number: int
    at: str
    change: int
    article: Article


@dataclass(frozen=True, slots=True)
class History:
    """An article's newest revision, its source and status now, and all its revisions, the newest first.

    The status is the document's: an article whose file was deleted is retired, though its last text was published.
    """

    newest: int
    source: str
    status: str
    revisions: tuple[Revision, ...]


def history(db: Database, document_id: str) -> History:
    """Every revision of an article. Raises KeyError where there is no article of that id."""
    rows = db.execute(
        "SELECT d.revision, d.source, d.status, r.revision, c.at, r.change, r.content FROM documents d"
        " JOIN revisions r ON r.document_id = d.id JOIN changes c ON c.seq = r.change"
        " WHERE d.id = ? AND d.kind = 'article' ORDER BY r.revision DESC",
        [document_id],
    ).fetchall()
    if not rows:
        raise KeyError(document_id)
    newest, source, status = rows[0][:3]
    return History(newest, source, status, tuple(_revision(*row[3:]) for row in rows))


def one(db: Database, document_id: str, number: int) -> Revision:
    """One revision of an article. Raises KeyError where there is none."""
    row = db.execute(
        "SELECT r.revision, c.at, r.change, r.content FROM revisions r JOIN changes c ON c.seq = r.change"
        " WHERE r.document_id = ? AND r.revision = ? AND r.kind = 'article'",
        [document_id, number],
    ).fetchone()
    if row is None:
        raise KeyError(f"{document_id} revision {number}")
    return _revision(*row)


def _revision(number: int, at: str, change: int, content: str) -> Revision:
    return Revision(number, at, change, msgspec.json.decode(content, type=Article))

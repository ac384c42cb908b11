"""What articles say of one another and of time: translations, dates to come, and since when their text is as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database

_TOLD = ("title", "body", "answer", "questions", "actions", "applies_to", "urgent")
"""Of an article, what readers are told: what a translation has to follow."""


@dataclass(frozen=True, slots=True)
class Relative:
    """An article that translates another one, or is translated, as it is now; `change` is its newest revision's."""

    id: str
    title: str
    language: str
    status: str
    revision: int
    change: int
    at: str
    translation_of: str | None


@dataclass(frozen=True, slots=True)
class Dated:
    """A published article with a date; all of them ISO 8601 in UTC."""

    id: str
    title: str
    language: str
    owner: str | None
    revision: int
    review_by: str | None
    valid_from: str | None
    valid_to: str | None


def relatives(db: Database) -> list[Relative]:
    """Every article that translates another, and every article that is translated; in order of id."""
    rows = db.execute(
        "WITH a AS (SELECT d.id, d.status, d.revision, r.change, c.at, r.content,"
        " json_extract(r.content, '$.translation_of') AS original FROM documents d JOIN revisions r"
        " ON r.document_id = d.id AND r.revision = d.revision JOIN changes c ON c.seq = r.change"
        " WHERE d.kind = 'article')"
        " SELECT id, json_extract(content, '$.title'), json_extract(content, '$.language'), status, revision, change,"
        " at, original FROM a WHERE original IS NOT NULL OR id IN (SELECT original FROM a) ORDER BY id"
    )
    return [Relative(*row) for row in rows]


def told_since(db: Database, document_id: str, revision: int) -> tuple[int, str] | None:
    """The change, and its time, with which an article came to tell what it tells at a revision.

    None where it never told anything else.
    """
    columns = ", ".join(f"json_extract(r.content, '$.{name}')" for name in _TOLD)
    rows = db.execute(
        f"SELECT r.change, c.at, {columns} FROM revisions r JOIN changes c ON c.seq = r.change"  # noqa: S608 - literals
        " WHERE r.document_id = ? AND r.revision <= ? ORDER BY r.revision DESC",
        [document_id, revision],
    )
    since, told = None, None
    for change, at, *says in rows:
        if told is not None and says != told:
            return since
        since, told = (int(change), str(at)), says
    return None


def dated(db: Database) -> Iterator[Dated]:
    """Every published article that has a date, in order of id."""
    fields = ("title", "language", "owner")
    dates = ("review_by", "valid_from", "valid_to")
    held = [f"json_extract(r.content, '$.{name}')" for name in (*fields, *dates)]
    rows = db.execute(
        f"SELECT d.id, {', '.join(held[:3])}, d.revision, {', '.join(held[3:])} FROM documents d JOIN revisions r"  # noqa: S608 - literals
        " ON r.document_id = d.id AND r.revision = d.revision WHERE d.kind = 'article' AND d.status = 'published'"
        f" AND coalesce({', '.join(held[3:])}) IS NOT NULL ORDER BY d.id"
    )
    return (Dated(*row) for row in rows)

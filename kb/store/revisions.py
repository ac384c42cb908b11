"""Every text that an article ever had: what was live of it, and what was saved on the way there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlite_utils import Database

from kb.model import Article
from kb.store.documents import FILES


@dataclass(frozen=True, slots=True)
class Revision:
    """An article under one of its numbers; `at` is when that came to be, in ISO 8601.

    `article` is what was stored, None where it was saved and never live; `text` is the whole file as it was saved, by
    `author`, both None where it came by a file or an import.
    """

    number: int
    at: str
    article: Article | None
    text: str | None
    author: str | None


@dataclass(frozen=True, slots=True)
class History:
    """An article's source and status now, its live revision, and everything that it was, the newest first.

    The status is that of what is stored, `draft` where nothing is yet; an article whose file was deleted is retired,
    though its last text was published.
    """

    source: str
    status: str
    live: int | None
    revisions: tuple[Revision, ...]


def history(db: Database, document_id: str) -> History:
    """Everything that an article was. Raises KeyError where there is no article of that id."""
    kind = "SELECT kind, source, status, revision FROM documents WHERE id = ?"
    row = db.execute(kind, [document_id]).fetchone()
    found = {} if row and row[0] != "article" else _all(db, document_id, None)
    if not found:
        raise KeyError(document_id)
    _, source, status, newest = row or ("article", FILES, "draft", None)
    every = tuple(found[number] for number in sorted(found, reverse=True))
    return History(source, status, newest if status == "published" else None, every)


def one(db: Database, document_id: str, number: int) -> Revision:
    """An article under one number. Raises KeyError where there is none."""
    return _all(db, document_id, number)[number]


def _all(db: Database, document_id: str, number: int | None) -> dict[int, Revision]:
    """By number; only the one, where it is given."""
    values = {"id": document_id, "number": number}
    saved = db.execute(
        "SELECT revision, at, text, author FROM versions"
        " WHERE document_id = :id AND revision = ifnull(:number, revision)",
        values,
    )
    found = {n: Revision(n, _iso(at), None, text, author) for n, at, text, author in saved}
    stored = db.execute(
        "SELECT r.revision, c.at, r.content FROM revisions r JOIN changes c ON c.seq = r.change"
        " WHERE r.document_id = :id AND r.kind = 'article' AND r.revision = ifnull(:number, r.revision)",
        values,
    )
    for n, at, content in stored:
        text, author = (found[n].text, found[n].author) if n in found else (None, None)
        found[n] = Revision(n, at, msgspec.json.decode(content, type=Article), text, author)
    return found


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def changed_at(db: Database, document_id: str, revision: int) -> str:
    """When a revision of a document was stored (ISO 8601). Raises KeyError where there is none."""
    row = db.execute(
        "SELECT c.at FROM revisions r JOIN changes c ON c.seq = r.change WHERE r.document_id = ? AND r.revision = ?",
        [document_id, revision],
    ).fetchone()
    if row is None:
        raise KeyError(f"{document_id} revision {revision}")
    return str(row[0])

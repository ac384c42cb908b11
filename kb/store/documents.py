"""Documents and their revisions: what was known, from where, and how it came to be."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlite_utils import Database

from kb.model import Article, Document, Ticket, utc_now

_PAGE = 500
FILES = "articles/"
"""The source of documents that are files in `articles/`; an import's source never holds a slash."""


@dataclass(frozen=True, slots=True)
class DocumentState:
    """What the store holds of a document now; `split_key` names how its passages were made.

    `customer` is the keyed hash of the reference to whose case it was.
    """

    id: str
    kind: str
    source: str
    revision: int
    status: str
    content_hash: str
    split_key: str
    customer: str | None = None


_STATE = tuple(name for name in DocumentState.__slots__ if name != "customer")


@dataclass(frozen=True, slots=True)
class FileState:
    """The last good reading of a file: `digest` covers its bytes and whatever else decides how they are read."""

    path: str
    digest: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Titled:
    """What a list shows of an article; `changed` is when its text last did (ISO 8601)."""

    id: str
    title: str
    language: str
    category: str | None
    translation_of: str | None
    changed: str


def kind_of(document: Document) -> str:
    """`article` or `ticket`."""
    return "article" if isinstance(document, Article) else "ticket"


def content_of(document: Document) -> str:
    """A document as JSON, the same for equal documents, whose customer is kept beside."""
    if isinstance(document, Ticket):
        kept = {name: getattr(document, name) for name in Ticket.__slots__ if name != "customer"}
        if not document.advice:
            del kept["advice"]
        return msgspec.json.encode(kept).decode()  # in this order: as it was before tickets had customers and advice
    return msgspec.json.encode(document, order="deterministic").decode()


def content_hash(document: Document) -> str:
    """SHA-256 of a document's JSON, in hexadecimal."""
    return hashlib.sha256(content_of(document).encode()).hexdigest()


def next_change(db: Database) -> int:
    """A new change number, for the transaction at hand."""
    return int(db.execute("INSERT INTO changes (at) VALUES (?)", [utc_now().isoformat()]).lastrowid or 0)


def newest_change(db: Database) -> int:
    """The number of the last committed change; 0 where there is none."""
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()[0])


def changed_at(db: Database) -> str | None:
    """When the last change was committed, in ISO 8601."""
    row = db.execute("SELECT at FROM changes ORDER BY seq DESC LIMIT 1").fetchone()
    return str(row[0]) if row else None


def published_counts(db: Database) -> dict[str, int]:
    """How many documents are published, by kind."""
    found = db.execute("SELECT kind, count(*) FROM documents WHERE status = 'published' GROUP BY kind")
    return dict(found.fetchall())


def waited_seconds(db: Database, change: int) -> float:
    """How long ago the first change after this one was committed; 0 where there is none."""
    row = db.execute("SELECT at FROM changes WHERE seq > ? ORDER BY seq LIMIT 1", [change]).fetchone()
    return max(0.0, (utc_now() - datetime.fromisoformat(row[0])).total_seconds()) if row else 0.0


def store_id(db: Database) -> str:
    """A name for this very database, so that an index made from another one is noticed."""
    return str(db.execute("SELECT id FROM store").fetchone()[0])


class States(Mapping[str, DocumentState]):
    """Every document's state by id, each read when it is asked for: a million of them are never in memory at once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def __getitem__(self, id_: str) -> DocumentState:
        found = next(self._where("id = ?", [id_]), None)
        if found is None:
            raise KeyError(id_)
        return found

    def __iter__(self) -> Iterator[str]:
        return (row[0] for row in self._db.execute("SELECT id FROM documents"))

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM documents").fetchone()[0])

    def of(self, source: str) -> Iterator[DocumentState]:
        """Those that belong to a source."""
        return self._where("source = ?", [source])

    def split_otherwise(self, keys: Collection[str]) -> Iterator[DocumentState]:
        """Those whose `split_key` is none of two."""
        low, high = min(keys), max(keys)
        where = "split_key < ? OR (split_key > ? AND split_key < ?) OR split_key > ?"  # three ranges of its index
        return self._where(where, [low, low, high, high])

    def _where(self, condition: str, values: Sequence[str]) -> Iterator[DocumentState]:
        query = f"SELECT {', '.join(DocumentState.__slots__)} FROM documents WHERE {condition}"  # noqa: S608 - literals
        return (DocumentState(*row) for row in self._db.execute(query, values))


def states(db: Database) -> States:
    """Every document's state by id."""
    return States(db)


def record(db: Database, document: Document, state: DocumentState, change: int) -> None:
    """Makes `state` the document's, and keeps its content where that revision is new."""
    customer = {"customer": state.customer} if state.customer else {}
    db.table("documents").upsert({name: getattr(state, name) for name in _STATE} | customer, pk="id")
    held = db.execute("SELECT max(revision) FROM revisions WHERE document_id = ?", [document.id]).fetchone()[0]
    if held != state.revision:
        db.table("revisions").insert(
            {
                "document_id": document.id,
                "revision": state.revision,
                "kind": state.kind,
                "content": content_of(document),
                "change": change,
            }
            | customer
        )


def read(db: Database, document_id: str, revision: int) -> Document:
    """One revision of a document. Raises KeyError where there is none."""
    row = db.execute(
        "SELECT kind, content FROM revisions WHERE document_id = ? AND revision = ?",
        [document_id, revision],
    ).fetchone()
    if row is None:
        raise KeyError(f"{document_id} revision {revision}")
    return _decode(*row)


def current(db: Database) -> Iterator[tuple[DocumentState, Document]]:
    """Every document with its state and current revision, in order of id.

    Read page by page: a query left open would keep this connection from writing once another one has written.
    """
    query = (
        "SELECT d.id, d.kind, d.source, d.revision, d.status, d.content_hash, d.split_key, d.customer, r.content"
        " FROM documents d"
        " JOIN revisions r ON r.document_id = d.id AND r.revision = d.revision WHERE d.id > ? ORDER BY d.id LIMIT ?"
    )
    last = ""
    while rows := db.execute(query, [last, _PAGE]).fetchall():
        for *state, content in rows:
            yield DocumentState(*state), _decode(state[1], content)
        last = rows[-1][0]


def published_articles(db: Database) -> list[tuple[str, int]]:
    """Id and revision of every published article, in order of id."""
    query = "SELECT id, revision FROM documents WHERE kind = 'article' AND status = 'published' ORDER BY id"
    return list(db.execute(query))


def published_titles(db: Database) -> Iterator[tuple[str, str]]:
    """Id and title of every published article, in order of id."""
    query = (
        "SELECT d.id, json_extract(r.content, '$.title') FROM documents d JOIN revisions r ON r.document_id = d.id"
        " AND r.revision = d.revision WHERE d.kind = 'article' AND d.status = 'published' ORDER BY d.id"
    )
    return iter(db.execute(query))


def titled(db: Database) -> Iterator[Titled]:
    """Every published article's current revision, in order of id."""
    query = (
        "SELECT d.id, json_extract(r.content, '$.title'), json_extract(r.content, '$.language'),"
        " json_extract(r.content, '$.category'), json_extract(r.content, '$.translation_of'), c.at"
        " FROM documents d JOIN revisions r ON r.document_id = d.id AND r.revision = d.revision"
        " JOIN changes c ON c.seq = r.change WHERE d.kind = 'article' AND d.status = 'published' ORDER BY d.id"
    )
    return (Titled(*row) for row in db.execute(query))


def published(db: Database) -> Iterator[Article]:
    """Every published article."""
    query = (
        "SELECT r.content FROM documents d JOIN revisions r ON r.document_id = d.id AND r.revision = d.revision"
        " WHERE d.kind = 'article' AND d.status = 'published' ORDER BY d.id"
    )
    return (msgspec.json.decode(content, type=Article) for (content,) in db.execute(query))


def latest(db: Database, document_id: str) -> tuple[int, str] | None:
    """The number of a document's current revision, and its status; None where there is no such document."""
    row = db.execute("SELECT revision, status FROM documents WHERE id = ?", [document_id]).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def declaring(db: Database, after: int, until: int) -> list[Article]:
    """The articles that say when they answer (`not_questions`, `applies_to`, `urgent`).

    Among those visible at `until` that changed after `after`.
    """
    rows = db.execute(
        "SELECT r.content FROM revisions r JOIN (SELECT DISTINCT document_id, revision FROM passages WHERE added > ?"
        " AND added <= ? AND (removed IS NULL OR removed > ?)) p USING (document_id, revision)"
        " WHERE r.kind = 'article' AND (instr(r.content, '\"not_questions\":[\"') > 0"
        " OR instr(r.content, '\"applies_to\":[[') > 0 OR instr(r.content, '\"urgent\":true') > 0)",
        [after, until, until],
    )
    return [msgspec.json.decode(content, type=Article) for (content,) in rows]


def _decode(kind: str, content: str) -> Document:
    if kind == "article":
        return msgspec.json.decode(content, type=Article)
    return msgspec.json.decode(content, type=Ticket)


def files(db: Database) -> dict[str, FileState]:
    """The last good reading of every file, by path."""
    return {row[0]: FileState(*row) for row in db.execute("SELECT path, digest, document_id FROM files")}


def path_of(db: Database, document_id: str) -> str | None:
    """The file that a document was read from; None where it is of no file."""
    row = db.execute("SELECT path FROM files WHERE document_id = ?", [document_id]).fetchone()
    return None if row is None else str(row[0])


def replace_files(db: Database, readings: dict[str, FileState]) -> None:
    """Remembers exactly these readings."""
    db.execute("DELETE FROM files")
    rows = [{"path": f.path, "digest": f.digest, "document_id": f.document_id} for f in readings.values()]
    db.table("files").insert_all(rows)


def file_of(db: Database, document_id: str) -> FileState | None:
    """The last good reading of the file that an article is in."""
    row = db.execute("SELECT path, digest, document_id FROM files WHERE document_id = ?", [document_id]).fetchone()
    return None if row is None else FileState(*row)


def file_at(db: Database, path: str) -> FileState | None:
    """The last good reading of the file at a path."""
    row = db.execute("SELECT path, digest, document_id FROM files WHERE path = ?", [path]).fetchone()
    return None if row is None else FileState(*row)


def keep_file(db: Database, reading: FileState) -> None:
    """Remembers a reading in place of the one before."""
    db.execute(
        "INSERT OR REPLACE INTO files (path, digest, document_id) VALUES (?, ?, ?)",
        [reading.path, reading.digest, reading.document_id],
    )


def forget_file(db: Database, path: str) -> None:
    """A file is gone."""
    db.execute("DELETE FROM files WHERE path = ?", [path])

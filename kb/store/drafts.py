"""Edits of articles that are not live, every text of them that was saved, and what reviewers said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlite_utils import Database

from kb.model import Article


@dataclass(frozen=True, slots=True)
class Draft:
    """An article's one open edit; `revision` is the number of its newest text, `first` that of its first.

    `base` is the live revision that its author had before them, None where there was none. `due` is when it is to be
    published, in seconds since 1970; `trouble` why that did not happen. `reason` was given when the time was named,
    for breaking golden questions; `gate` is what the gate said then, as JSON.
    """

    document_id: str
    revision: int
    first: int
    base: int | None
    state: str
    article: Article
    author: str
    at: float
    origin: str
    tickets: tuple[str, ...] = ()
    due: float | None = None
    scheduled_by: str | None = None
    reason: str | None = None
    gate: str | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A text as it was saved: a whole file, by whom and when (seconds since 1970)."""

    revision: int
    text: str
    author: str
    at: float


@dataclass(frozen=True, slots=True)
class Review:
    """What was said of one text: `move` is submit, approve or send_back."""

    revision: int
    move: str
    actor: str
    at: float
    note: str | None


def number(db: Database, document_id: str) -> int:
    """The newest number of an article: of a text, of a live revision, or of one that is being made; 0 at first."""
    return int(
        db.execute(
            "SELECT max(coalesce((SELECT max(revision) FROM revisions WHERE document_id = :id), 0),"
            " coalesce((SELECT max(revision) FROM versions WHERE document_id = :id), 0),"
            " coalesce((SELECT json_extract(intent, '$.revision') FROM intents"
            " WHERE json_extract(intent, '$.document_id') = :id), 0))",
            {"id": document_id},
        ).fetchone()[0]
    )


def read(db: Database, document_id: str) -> Draft | None:
    """An article's open edit."""
    return next(_where(db, "document_id = ?", [document_id]), None)


def every(db: Database) -> list[Draft]:
    """Every open edit, in order of id."""
    return list(_where(db, "1 ORDER BY document_id", []))


def waiting(db: Database) -> list[Draft]:
    """Open edits that somebody is to do something about: all but those that are only being written, oldest first."""
    said = "SELECT 1 FROM reviews r WHERE r.document_id = drafts.document_id AND r.revision >= drafts.first"
    return list(_where(db, f"state <> 'draft' OR trouble IS NOT NULL OR EXISTS ({said}) ORDER BY at", []))


def of_origin(db: Database, origin: str) -> list[str]:
    """The ids of the articles whose edit has an origin."""
    return [row[0] for row in db.execute("SELECT document_id FROM drafts WHERE origin = ?", [origin])]


def due(db: Database, now: float) -> list[Draft]:
    """What should be live by now, the longest waiting first."""
    return list(_where(db, "due <= ? ORDER BY due", [now]))


def is_due(db: Database, now: float) -> bool:
    """Whether anything should be live by now; cheap enough to be asked all the time."""
    return db.execute("SELECT 1 FROM drafts WHERE due <= ? LIMIT 1", [now]).fetchone() is not None


def save(db: Database, draft: Draft, text: str) -> None:
    """Makes `draft` the article's open edit, and keeps its text under its number."""
    keep_version(db, draft.document_id, Version(draft.revision, text, draft.author, draft.at))
    put(db, draft)


def put(db: Database, draft: Draft) -> None:
    """Makes `draft` the article's open edit; its text is kept already."""
    row = {name: getattr(draft, name) for name in Draft.__slots__}
    row |= {"article": msgspec.json.encode(draft.article).decode(), "tickets": json.dumps(draft.tickets)}
    db.table("drafts").upsert(row, pk="document_id")


def drop(db: Database, document_id: str) -> None:
    """Ends an article's edit; its texts stay."""
    db.execute("DELETE FROM drafts WHERE document_id = ?", [document_id])
    db.execute("DELETE FROM images WHERE document_id = ?", [document_id])


def end(db: Database, document_id: str, revision: int, base: int | None) -> None:
    """Ends an edit whose newest text is `revision`; one that was saved meanwhile goes on from the live `base`."""
    draft = read(db, document_id)
    if draft is None or draft.revision <= revision:
        drop(db, document_id)
    else:
        put(db, replace(draft, base=base, first=revision + 1))


def keep_version(db: Database, document_id: str, version: Version) -> None:
    """Keeps a text for good."""
    db.table("versions").insert({"document_id": document_id} | {n: getattr(version, n) for n in Version.__slots__})


def version(db: Database, document_id: str, revision: int) -> Version | None:
    """A text as it was saved under its number."""
    query = "SELECT revision, text, author, at FROM versions WHERE document_id = ? AND revision = ?"
    row = db.execute(query, [document_id, revision]).fetchone()
    return None if row is None else Version(*row)


def authors(db: Database, draft: Draft) -> tuple[str, ...]:
    """Everybody who wrote a part of an edit."""
    query = "SELECT DISTINCT author FROM versions WHERE document_id = ? AND revision BETWEEN ? AND ? ORDER BY author"
    return tuple(row[0] for row in db.execute(query, [draft.document_id, draft.first, draft.revision]))


def review(db: Database, document_id: str, revision: int, move: str, actor: str, note: str | None = None) -> None:
    """Notes what somebody said of a text."""
    row = {"document_id": document_id, "revision": revision, "move": move, "actor": actor, "at": time.time()}
    db.table("reviews").insert(row | {"note": note})


def reviews(db: Database, draft: Draft) -> list[Review]:
    """What was said of an edit, oldest first."""
    query = (
        "SELECT revision, move, actor, at, note FROM reviews WHERE document_id = ? AND revision BETWEEN ? AND ?"
        " ORDER BY id"
    )
    return [Review(*row) for row in db.execute(query, [draft.document_id, draft.first, draft.revision])]


def approvals(db: Database, draft: Draft) -> tuple[str, ...]:
    """Who approved the newest text of an edit, since it was last sent back."""
    said = [one for one in reviews(db, draft) if one.revision == draft.revision]
    last = max((place for place, one in enumerate(said) if one.move == "send_back"), default=-1)
    return tuple(dict.fromkeys(one.actor for one in said[last + 1 :] if one.move == "approve"))


def keep_images(db: Database, document_id: str, images: Iterable[tuple[str, bytes]]) -> None:
    """Keeps pictures beside an edit, by name."""
    rows = [{"document_id": document_id, "name": name, "content": content} for name, content in images]
    db.table("images").upsert_all(rows, pk=("document_id", "name"))


def images(db: Database, document_id: str) -> dict[str, bytes]:
    """The pictures beside an edit, by name."""
    return dict(db.execute("SELECT name, content FROM images WHERE document_id = ? ORDER BY name", [document_id]))


def image_names(db: Database, document_id: str) -> tuple[str, ...]:
    """The names of the pictures beside an edit."""
    query = "SELECT name FROM images WHERE document_id = ? ORDER BY name"
    return tuple(row[0] for row in db.execute(query, [document_id]))


def image(db: Database, document_id: str, name: str) -> bytes | None:
    """One picture beside an edit."""
    query = "SELECT content FROM images WHERE document_id = ? AND name = ?"
    found = db.execute(query, [document_id, name]).fetchone()
    return found[0] if found else None


def _where(db: Database, condition: str, values: Sequence[object]) -> Iterator[Draft]:
    query = f"SELECT {', '.join(Draft.__slots__)} FROM drafts WHERE {condition}"  # noqa: S608 - our own names
    for row in db.execute(query, values).fetchall():
        named = dict(zip(Draft.__slots__, row, strict=True))
        article = msgspec.json.decode(named["article"], type=Article)
        yield Draft(**named | {"article": article, "tickets": tuple(json.loads(named["tickets"]))})

"""The one publication that was begun and not ended, and how each live revision came to be."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from kb.model import Article


@dataclass(frozen=True, slots=True)
class Intent:
    """What a publication does to one article, whole: enough to do it again.

    `text` is what its file is to hold, None where the file is to go; `before` is the SHA-256 of the file's bytes as
    they were, None where there was none. `article` is what the store is to hold, None where that stays as it is.
    `revision` is the number that the article gets; edits up to it end.
    """

    document_id: str
    move: str
    path: str
    text: str | None
    before: str | None
    article: Article | None
    revision: int
    ends_edit: bool
    actor: str
    authors: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    reason: str | None = None
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """How a live revision came to be: who wrote it, approved it, made it live, why, and what the gate said (JSON)."""

    revision: int
    at: float
    move: str
    actor: str
    authors: tuple[str, ...]
    approved_by: tuple[str, ...]
    tickets: tuple[str, ...]
    reason: str | None
    gate: str | None


def begin(db: Database, intent: Intent) -> None:
    """Notes what is about to be done. Only the holder of the writer's lock may."""
    db.table("intents").insert({"id": 1, "intent": msgspec.json.encode(intent).decode()})


def pending(db: Database) -> Intent | None:
    """What was begun and not ended."""
    row = db.execute("SELECT intent FROM intents").fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Intent)


def end(db: Database) -> None:
    """It is done, or will not be."""
    db.execute("DELETE FROM intents")


def note_publication(db: Database, document_id: str, revision: int, intent: Intent) -> None:
    """Keeps how a revision came to be."""
    row = {"document_id": document_id, "revision": revision, "at": time.time()}
    row |= {name: getattr(intent, name) for name in ("move", "actor", "reason", "gate")}
    row |= {name: json.dumps(getattr(intent, name)) for name in ("authors", "approved_by", "tickets")}
    db.table("publications").upsert(row, pk=("document_id", "revision"))


def publications(db: Database, document_id: str) -> list[Publication]:
    """How an article's live revisions came to be, oldest first."""
    query = f"SELECT {', '.join(Publication.__slots__)} FROM publications WHERE document_id = ? ORDER BY revision"  # noqa: S608 - our own names
    found = []
    for row in db.execute(query, [document_id]):
        named = dict(zip(Publication.__slots__, row, strict=True))
        lists = {name: tuple(json.loads(named[name])) for name in ("authors", "approved_by", "tickets")}
        found.append(Publication(**named | lists))
    return found

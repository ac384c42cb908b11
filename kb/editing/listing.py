"""Articles as editors see them: where each stands, in lists and one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.editing.standing import existing, held_text, newest_text
from kb.editing.states import State
from kb.model import Article
from kb.store import database, drafts, intents
from kb.store.documents import FILES

_QUERY = """
    SELECT i.id, d.revision, d.status, d.source, coalesce(e.article, r.content),
        e.revision, e.state, e.author, e.at, e.origin, e.tickets, e.due, e.trouble, c.at
    FROM (SELECT value AS id FROM json_each(:ids)) i
    LEFT JOIN documents d ON d.id = i.id
    LEFT JOIN revisions r ON r.document_id = d.id AND r.revision = d.revision
    LEFT JOIN changes c ON c.seq = r.change
    LEFT JOIN drafts e ON e.document_id = i.id
    WHERE (:state IS NULL OR coalesce(e.state, d.status) = :state)
        AND (:language IS NULL OR json_extract(coalesce(e.article, r.content), '$.language') = :language)
        AND (:owner IS NULL OR json_extract(coalesce(e.article, r.content), '$.owner') = :owner)
        AND (:product IS NULL OR json_extract(coalesce(e.article, r.content), '$.product') = :product)
        AND (:audience IS NULL OR EXISTS (
            SELECT 1 FROM json_each(coalesce(e.article, r.content), '$.audience') WHERE value = :audience))
        AND (:q IS NULL OR instr(lower(i.id), lower(:q)) OR instr(
            lower(json_extract(coalesce(e.article, r.content), '$.title')), lower(:q)))
    ORDER BY i.id
"""


_IDS = """
    SELECT id FROM documents WHERE kind = 'article' AND id > :after
    UNION SELECT document_id FROM drafts WHERE document_id > :after ORDER BY 1 LIMIT :limit
"""
_CHOICES = """
    SELECT DISTINCT json_extract(r.content, '$.language'), json_extract(r.content, '$.owner')
    FROM documents d JOIN revisions r ON r.document_id = d.id AND r.revision = d.revision WHERE d.kind = 'article'
    UNION SELECT json_extract(article, '$.language'), json_extract(article, '$.owner') FROM drafts
"""
_TOGETHER = 500
"""Articles that are looked at by one query: a filter may leave out most of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where an article stands; what it says of itself is its edit's, where there is one.

    `revision` is its newest number (its ETag), `live` that of its live revision, `edit` that of its edit's text. Times
    are ISO 8601 in UTC; `changed` is when its edit was saved, else when what is stored was. `source` is `articles/`, or
    the import that it belongs to.
    """

    id: str
    state: State
    revision: int
    live: int | None
    edit: int | None
    title: str
    language: str
    audience: tuple[str, ...]
    owner: str | None
    product: str | None
    tags: tuple[str, ...]
    translation_of: str | None
    review_by: str | None
    valid_from: str | None
    valid_to: str | None
    source: str
    author: str | None
    at: str | None
    origin: str | None
    tickets: tuple[str, ...]
    due: str | None
    trouble: str | None
    changed: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a reviewer said of the text of a number."""

    revision: int
    move: str
    actor: str
    at: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Shown(Line):
    """An article with its whole file: `text` is the edit's, where there is one; `live_text` what its file says then.

    `base` is the live revision that the edit was made from. `authors` wrote a part of it, `approved_by` approved this
    very text. `gate` is what the gate said when it got its time, or when the live revision was published.
    """

    text: str
    live_text: str | None
    base: int | None
    authors: tuple[str, ...]
    approved_by: tuple[str, ...]
    reviews: tuple[Said, ...]
    images: tuple[str, ...]
    gate: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; `q` is looked for in ids and titles."""

    state: State | None = None
    language: str | None = None
    audience: str | None = None
    owner: str | None = None
    product: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is among all articles."""

    languages: tuple[str, ...]
    owners: tuple[str, ...]


def listed(db: Database, filters: Filters, *, after: str = "", limit: int = 50) -> list[Line]:
    """Articles in order of id, from the one after `after` on."""
    found: list[Line] = []
    together = limit if filters == Filters() else _TOGETHER
    while len(found) < limit:
        ids = [row[0] for row in db.execute(_IDS, {"after": after, "limit": together})]
        if not ids:
            break
        found += _lines(db, ids, filters)
        after = ids[-1]
    return found[:limit]


def choices(db: Database) -> Choices:
    """By what a list of all articles can be narrowed."""
    rows = db.execute(_CHOICES).fetchall()
    languages, owners = ({row[place] for row in rows if row[place]} for place in (0, 1))
    return Choices(tuple(sorted(languages)), tuple(sorted(owners)))


def shown(db: Database, paths: Paths, settings: Settings, id_: str) -> Shown:
    """One article; its text and its number are of one moment, or a save that matches it could undo another's.

    Raises NotShown.
    """
    with database.snapshot(db):
        return _shown(db, paths, settings, id_)


def _shown(db: Database, paths: Paths, settings: Settings, id_: str) -> Shown:
    found = existing(db, id_)
    (line,) = _lines(db, [id_], Filters())
    draft, dates = found.draft, zone(settings)
    gate = draft.gate if draft else _published_gate(db, line)
    said = drafts.reviews(db, draft) if draft else []
    return Shown(
        **{name: getattr(line, name) for name in Line.__slots__},
        text=newest_text(db, paths, found, dates),
        live_text=held_text(db, paths, found, dates) if draft else None,
        base=draft.base if draft else found.base,
        authors=drafts.authors(db, draft) if draft else (),
        approved_by=drafts.approvals(db, draft) if draft else (),
        reviews=tuple(Said(r.revision, r.move, r.actor, _text(r.at) or "", r.note) for r in said),
        images=drafts.image_names(db, id_) if draft else (),
        gate=json.loads(gate) if gate else None,
    )


def _published_gate(db: Database, line: Line) -> str | None:
    made = intents.publications(db, line.id)
    return made[-1].gate if made and made[-1].revision == line.live else None


def _lines(db: Database, ids: Sequence[str], filters: Filters) -> Iterator[Line]:
    values = {name: getattr(filters, name) for name in Filters.__slots__}
    rows = db.execute(_QUERY, values | {"ids": json.dumps(ids)}).fetchall()
    for name, held, status, source, content, edit, state, author, at, origin, tickets, due, trouble, stored in rows:
        article = msgspec.json.decode(content, type=Article)
        yield Line(
            id=name,
            state=State(state or status),
            revision=drafts.number(db, name),
            live=held if status == State.PUBLISHED else None,
            edit=edit,
            title=article.title,
            language=article.language,
            audience=article.audience,
            owner=article.owner,
            product=article.product,
            tags=article.tags,
            translation_of=article.translation_of,
            review_by=_iso(article.review_by),
            valid_from=_iso(article.valid_from),
            valid_to=_iso(article.valid_to),
            source=source or FILES,
            author=author,
            at=_text(at),
            origin=origin,
            tickets=tuple(json.loads(tickets or "[]")),
            due=_text(due),
            trouble=trouble,
            changed=_text(at) or stored,
        )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _text(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")

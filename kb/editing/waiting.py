"""The edits that wait for somebody: to be reviewed, mended, published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database

from kb.editing.states import Move, State
from kb.store import drafts
from kb.store.drafts import Draft, Review


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edit, and what was said of it last; `number` is its article's newest (the ETag), times are ISO 8601."""

    id: str
    title: str
    language: str
    number: int
    author: str
    at: str
    origin: str
    tickets: int
    live: bool
    said: str | None
    note: str | None
    due: str | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """Edits by what they wait for, as one editor sees them, the longest waiting first.

    `review` are those that others wrote, `written` one's own that others are to review, `approved` wait to be
    published, `returned` are one's own that were sent back, `stuck` were not published when it was time.
    """

    review: tuple[Waiting, ...]
    written: tuple[Waiting, ...]
    approved: tuple[Waiting, ...]
    returned: tuple[Waiting, ...]
    stuck: tuple[Waiting, ...]
    scheduled: tuple[Waiting, ...]


def queue(db: Database, actor: str) -> Queue:
    """What waits, for one editor."""
    found: dict[str, list[Waiting]] = {name: [] for name in Queue.__slots__}
    for draft in drafts.waiting(db):
        said = drafts.reviews(db, draft)
        if place := _place(draft, said[-1] if said else None, drafts.authors(db, draft), actor):
            found[place].append(_waiting(db, draft, said[-1] if said else None))
    return Queue(**{name: tuple(held) for name, held in found.items()})


def _place(draft: Draft, said: Review | None, authors: tuple[str, ...], actor: str) -> str | None:
    if draft.trouble:
        return "stuck"
    if draft.state == State.IN_REVIEW:
        return "written" if actor in authors else "review"
    if draft.state in (State.APPROVED, State.SCHEDULED):
        return str(draft.state)
    sent_back = said is not None and said.move == Move.SEND_BACK
    return "returned" if sent_back and actor in authors else None


def _waiting(db: Database, draft: Draft, said: Review | None) -> Waiting:
    return Waiting(
        id=draft.document_id,
        title=draft.article.title,
        language=draft.article.language,
        number=drafts.number(db, draft.document_id),
        author=draft.author,
        at=_iso(draft.at),
        origin=draft.origin,
        tickets=len(draft.tickets),
        live=draft.base is not None,
        said=said.actor if said else None,
        note=said.note if said else None,
        due=None if draft.due is None else _iso(draft.due),
        trouble=draft.trouble,
    )


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")

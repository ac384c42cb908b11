"""What wants an editor: articles to be read again, and those that come or go by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kb.config import Paths
from kb.model import utc_now
from kb.store import database, relations
from kb.store.relations import Dated


@dataclass(frozen=True, slots=True)
class Due:
    """A published article that is to be read again (`review`), that ends being valid, or begins; `at` is ISO 8601.

    `past` where that time has come: it should have been read, or is shown to nobody any more.
    """

    document_id: str
    title: str
    language: str
    owner: str | None
    revision: int
    kind: Literal["review", "ends", "begins"]
    at: str
    past: bool


@dataclass(frozen=True, slots=True)
class Agenda:
    """All that is due, the earliest first; one article may be there more than once."""

    due: tuple[Due, ...]


def agenda(paths: Paths, days: float, owner: str | None = None, *, now: datetime | None = None) -> Agenda:
    """What is due now or within so many days; of one owner, where one is named. Raises StoreError, IndexMissing."""
    moment = now or utc_now()
    db = database.open_for_reading(paths.database)
    with closing(db), database.explained(paths.database):
        held = [one for one in relations.dated(db) if owner is None or one.owner == owner]
    until = moment + timedelta(days=days)
    found = [due for one in held for due in _of(one, moment) if datetime.fromisoformat(due.at) <= until]
    return Agenda(tuple(sorted(found, key=lambda due: (datetime.fromisoformat(due.at), due.document_id))))


def _of(one: Dated, now: datetime) -> Iterator[Due]:
    dates: tuple[tuple[Literal["review", "ends", "begins"], str | None], ...] = (
        ("review", one.review_by),
        ("ends", one.valid_to),
        ("begins", one.valid_from),
    )
    for kind, at in dates:
        past = at is not None and datetime.fromisoformat(at) <= now
        if at is not None and not (kind == "begins" and past):  # it has begun: nothing is to be done
            yield Due(one.id, one.title, one.language, one.owner, one.revision, kind, at, past)

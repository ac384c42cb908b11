"""Which staff have said that they read what is live of an article, and which agents have not; for editors."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlite_utils import Database

from kb.access.callers import Caller, role_of
from kb.access.people import caller_of
from kb.config import Paths
from kb.errors import NotShown
from kb.store import acknowledgements, database, keys, people, revised
from kb.store.acknowledgements import Acknowledgement
from kb.store.journal import read_journal
from kb.store.revised import Stored
from kb.updates.listing import Reader
from kb.updates.sentences import told

Kind = Literal["person", "key"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One who has read it, at a time in ISO 8601; `active` tells whether they still may sign in, or the key holds."""

    id: str
    name: str
    kind: Kind
    active: bool
    at: str


@dataclass(frozen=True, slots=True)
class Waited:
    """An active agent who has not: a person, or a key with which somebody looks at what changed."""

    id: str
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """Of an article's live `revision`: who has read what it tells since `told_since` (ISO 8601), and who has not.

    A revision that tells the same as the one before asks nobody to read it again.
    """

    document_id: str
    revision: int
    told_since: str
    acknowledged: tuple[Acknowledged, ...]
    missing: tuple[Waited, ...]


def acknowledgement_of(paths: Paths, document_id: str) -> Acknowledgements:
    """Who knows what is live of an article. Raises NotShown where nothing of it is, StoreError."""
    with closing(database.open_for_reading(paths.database)) as db, database.explained(paths.database):
        live = revised.newest(db, document_id)
        if live is None or live.article.status != "published":
            raise NotShown(f"nothing of an article {document_id!r} is live: check its id, or publish it first")
        since, everybody = _telling_since(db, document_id, live), _everybody(db)
    read, looked = list[Acknowledgement](), set[str]()
    if paths.journal.exists():
        with closing(read_journal(paths.journal)) as journal, database.explained(paths.journal):
            read = acknowledgements.of_document(journal, document_id, since.revision)
            looked = acknowledgements.readers(journal)
    known = {one.caller for one in read}
    missing = [
        Waited(one.caller.id, one.caller.name, one.kind)
        for one in everybody.values()
        if one.is_asked(live, looked) and one.caller.id not in known
    ]
    acknowledged = tuple(_acknowledged(one, everybody) for one in read)
    return Acknowledgements(document_id, live.revision, since.at, acknowledged, tuple(missing))


@dataclass(frozen=True, slots=True)
class _Staff:
    caller: Caller
    kind: Kind
    active: bool

    def is_asked(self, live: Stored, looked: Collection[str]) -> bool:
        """Whether they should read it: an agent, or an agent's key by which somebody has looked at what changed."""
        reader = Reader(self.caller.id, self.caller.name, self.caller.audiences)
        asked = self.kind == "person" or self.caller.id in looked
        return self.active and asked and self.caller.role == "agent" and reader.may_read(live.article)


def _everybody(db: Database) -> dict[str, _Staff]:
    """Every person and every key there ever was, by id, in order of name."""
    now = time.time()
    found = [_Staff(caller_of(one), "person", one.disabled_at is None) for one in people.every(db)]
    for one in keys.every(db):
        caller = Caller(one.id, one.name, role_of(one.role), frozenset(one.groups))
        found.append(_Staff(caller, "key", one.holds_at(now)))
    return {one.caller.id: one for one in sorted(found, key=lambda one: (one.caller.name, one.caller.id))}


def _telling_since(db: Database, document_id: str, live: Stored) -> Stored:
    """The first revision since which all that were published told what the live one tells."""
    first, earlier = live, revised.before(db, document_id, live.revision)
    while earlier is not None:
        if earlier.article.status == "published":
            if told(earlier.article) != told(live.article):
                break
            first = earlier
        earlier = revised.before(db, document_id, earlier.revision)
    return first


def _acknowledged(one: Acknowledgement, everybody: dict[str, _Staff]) -> Acknowledged:
    """By the name that they have now; by the one they had, where a restore has brought a time before them."""
    at = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="seconds")
    staff = everybody.get(one.caller)
    if staff is None:
        return Acknowledged(one.caller, one.name, "person", False, at)
    return Acknowledged(one.caller, staff.caller.name, staff.kind, staff.active, at)

"""What help desks send: read and redacted at once, kept until the home's writer has published it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.customers import Customers
from kb.errors import IndexMissing, KbError, UsageError
from kb.ingest.mapping import PRESETS, read_mapping
from kb.ingest.records import MalformedRecord, Skipped, record_from
from kb.ingest.redaction import Redactor
from kb.ingest.zendesk import is_zendesk, tickets_of
from kb.journal import Journal
from kb.model import Article, Problem, Ticket
from kb.preparation import PUBLISHED
from kb.publishing import Incoming, Plan, belongs_to, is_taken
from kb.store import database, documents, inbox
from kb.store.inbox import Waiting
from kb.store.journal import open_journal

MOST = 1_000
"""Tickets of one delivery."""
TOGETHER = 500
"""Tickets that are published together."""


@dataclass(frozen=True, slots=True)
class SentProblem:
    """A ticket that was refused: which one of the delivery (from 1), which field, and why."""

    number: int
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Unused:
    """A sound ticket that is no knowledge, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery; what is `taken` is on the disk, and searchable in seconds."""

    taken: tuple[str, ...]
    skipped: tuple[Unused, ...]
    refused: tuple[SentProblem, ...]
    repeated: bool = False
    """Whether this very delivery, by its signature, was taken before: then nothing was done."""


class Deliveries:
    """Takes what is sent; one for each process, safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings, journal: Journal) -> None:
        self._paths, self._settings, self._journal = paths, settings, journal
        self._redactor, self._hashed = Redactor(keep=settings.keep), Customers(paths.customer_key).hash

    def take(self, body: bytes, source: str, *, signature: str | None = None, until: float = 0.0) -> Taken:
        """Returns once all good tickets are on the disk.

        Raises UsageError where the body cannot be read, and StoreError where nothing is kept.
        """
        sent: list[Waiting] = []
        skipped, refused = [], []
        for number, record in enumerate(self._records(body, source), 1):
            try:
                made = self._ticket(record)
                self._refuse_taken(made.id, source)
            except MalformedRecord as error:
                refused += [SentProblem(number, problem.field, problem.message) for problem in error.problems]
                continue
            if isinstance(made, Skipped):
                skipped.append(Unused(made.id, made.reason))
            sent.append(_waiting(made, source))

        def write(db: Database) -> bool:
            if signature is not None and inbox.is_repeated(db, signature, time.time(), until):
                return True
            inbox.add(db, sent)
            return False

        repeated = self._journal.keep(write) if sent else False
        taken = () if repeated else tuple(one.document_id for one in sent if one.document)
        return Taken(taken, () if repeated else tuple(skipped), tuple(refused), repeated)

    def _records(self, body: bytes, source: str) -> list[dict[str, Any]]:
        """The records of a body: ours, or by the mapping that is declared for the source. Raises UsageError."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"the body is not JSON: {error}") from error
        declared = self._settings.sources.get(source) or PRESETS.get(source)
        if declared is None and is_zendesk(found):
            return _few(list(tickets_of(found)))
        items = found.get("tickets", found) if isinstance(found, dict) else found
        rows = items if isinstance(items, list) else [items]
        if not all(isinstance(row, dict) for row in rows) or not rows:
            raise UsageError('accepted are a ticket, a list of tickets, or {"tickets": [ … ]}')
        mapping = read_mapping(declared, f"sources.{source}") if declared else None
        return _few([mapping.record(row) if mapping else {"kind": "ticket", **row} for row in rows])

    def _ticket(self, record: dict[str, Any]) -> Ticket | Skipped:
        if record.get("kind") != "ticket":
            raise MalformedRecord([Problem("", None, "kind", "accepted is 'ticket'")])
        made = record_from(
            record, source="", number=None, timezone=zone(self._settings), redactor=self._redactor, hashed=self._hashed
        )
        assert not isinstance(made, Article)  # noqa: S101 - its kind says so
        return made

    def _refuse_taken(self, id_: str, source: str) -> None:
        """Raises MalformedRecord where the id is another source's."""
        try:
            with closing(database.open_for_reading(self._paths.database)) as db:
                state = documents.states(db).get(id_)
        except IndexMissing:
            return
        if state is not None and is_taken(state, source):
            raise MalformedRecord([Problem("", None, "id", belongs_to(state))])


class Inbox:
    """What waits to be published, for the home's writer."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._db: Database | None = None

    def waiting(self) -> list[Waiting]:
        """The oldest that wait. Raises StoreError."""
        if self._db is None and not self._paths.journal.exists():
            return []
        with database.explained(self._paths.journal):
            self._db = self._db or open_journal(self._paths.journal)
            return inbox.waiting(self._db, TOGETHER)

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to do, or to complain of."""
        try:
            return bool(self.waiting())
        except KbError:
            return True

    def done(self, published: Sequence[Waiting]) -> None:
        """These need not wait any more. Raises StoreError."""
        if self._db is not None:
            with database.transaction(self._db):
                inbox.remove(self._db, published)

    def close(self) -> None:
        """Frees the database."""
        if self._db is not None:
            self._db.close()
            self._db = None


def plan_of(sent: Iterable[Waiting], states: Mapping[str, documents.DocumentState]) -> Plan:
    """What they ask the store to do: a ticket that is no knowledge any more is retired."""
    incoming, retire = [], []
    for one in sent:
        if one.document is not None:
            ticket = msgspec.json.decode(one.document, type=Ticket)
            incoming.append(Incoming(ticket, one.source, PUBLISHED, f"{one.source}: {one.document_id}"))
        elif one.document_id in states and states[one.document_id].source == one.source:
            retire.append(one.document_id)
    return Plan(tuple(incoming), tuple(retire))


def _few(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(records) > MOST:
        raise UsageError(f"found {len(records)} tickets; accepted are {MOST} in one delivery")
    return records


def _waiting(made: Ticket | Skipped, source: str) -> Waiting:
    if isinstance(made, Skipped):
        return Waiting(source, made.id, 0, time.time(), None, None)
    return Waiting(source, made.id, 0, time.time(), msgspec.json.encode(made).decode(), made.customer)

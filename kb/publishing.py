"""Documents to the store and the index: what is new is split and embedded, then becomes visible in one step.

Embedding comes first, batch by batch, invisible to readers; what is ready waits on disk, so that memory does not grow
with an import. Then one transaction stores revisions and passages; then the index follows. A process killed anywhere
leaves the old state or the new one, and vectors already made are not made again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final

from sqlite_utils import Database

from kb.config import Paths, Settings
from kb.indexing import How, bring_up_to_date
from kb.model import Article, Document, Problem, Ticket
from kb.preparation import Preparation, Work, terms_of
from kb.progress import Progress
from kb.rehearsal import Rehearsal
from kb.search.embedding import Embedder
from kb.spool import Spool
from kb.store import database, documents, drafts, passages
from kb.store.documents import DocumentState, FileState, States

RETIRED: Final = "retired"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A document as its source gives it now, and the status it gets."""

    document: Document
    source: str
    status: str
    place: str
    """Where it was read, for messages: a file, or a file and a line."""
    revision: int | None = None
    """The number that it gets where it says anything new; the next one where None."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a source asks for: documents, ids to retire, the files as read, and what could not be read."""

    incoming: Iterable[Incoming]
    """May be read more than once."""
    retire: tuple[str, ...] = ()
    files: dict[str, FileState] | None = None
    problems: tuple[Problem, ...] = ()
    refused: int = 0
    unchanged: int = 0
    skipped: int = 0
    redacted: dict[str, int] = field(default_factory=dict)
    held: int = 0
    """Files that wait for review instead."""
    within: Callable[[], None] | None = None
    """What else the same transaction stores."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a publication did: documents by what happened to them, passages split and embedded, and what it cost.

    `searchable` counts the passages that the index holds now; `model` is the embedding model it was made with.
    """

    added: int
    changed: int
    unchanged: int
    removed: int
    refused: int
    skipped: int
    passages: int
    embedded: int
    searchable: int
    generation: int
    model: str
    seconds: float
    redacted: dict[str, int]
    problems: tuple[str, ...]
    rehearsal: Rehearsal | None = None
    """What a new generation was compared with, where one took the place of another."""
    held: int = 0
    """Changed files that wait for review, where the centre wants approval."""


class Publisher:
    """Writes documents; only the holder of the writer's lock may have one."""

    def __init__(self, db: Database, paths: Paths, settings: Settings, embedder: Embedder) -> None:
        self._db, self._paths, self._settings = db, paths, settings
        self._spec, self._preparation = embedder.spec, Preparation(db, embedder, settings.ticket_months)

    def publish(self, plan: Plan, progress: Progress, how: How) -> Summary:
        """Makes a plan visible: all of its good documents at once.

        Raises StoreError, IndexCorrupt, ModelMissing, RehearsalFailed; what was visible before stays so.
        """
        started, states, count = monotonic(), documents.states(self._db), Counter[str]()
        clashes: list[str] = []
        self._preparation.embedded = 0
        ready = Spool[Work](self._paths.database.parent)
        work = self._all(plan, states, clashes, count)
        for item in self._preparation.ready(work, sum(1 for _ in plan.incoming), progress):
            ready.append(item)
            count["ready"] += 1
            count["passages"] += len(item.passages)
        self._commit(ready if count["ready"] else None, plan.files, plan.within)
        made = bring_up_to_date(self._db, self._paths, self._spec, how, progress)
        return Summary(
            added=count["added"],
            changed=count["changed"],
            unchanged=plan.unchanged + count["unchanged"],
            removed=count["removed"],
            refused=plan.refused + len(clashes),
            skipped=plan.skipped,
            passages=count["passages"],
            embedded=self._preparation.embedded,
            searchable=passages.count_visible(self._db, documents.newest_change(self._db)),
            generation=made.manifest.generation,
            model=made.manifest.model,
            seconds=round(monotonic() - started, 3),
            redacted=plan.redacted,
            problems=(*map(str, plan.problems), *clashes),
            rehearsal=made.rehearsal,
            held=plan.held,
        )

    def store_one(
        self, item: Incoming | None, progress: Progress, *, first: Callable[[], None], within: Callable[[], None]
    ) -> None:
        """Embeds a document, where there is one, does what comes `first`, then stores it in one transaction `within`.

        It is found once `publish` has run. Raises StoreError, ModelMissing.
        """
        work = self._work(item, documents.states(self._db).get(item.document.id)) if item else None
        ready = list(self._preparation.ready([work] if work else [], 1, progress))
        first()
        self._commit(ready or None, None, within)

    def prepare(self, progress: Progress) -> None:
        """Keeps the vectors of all documents as this model splits them; nobody sees anything of it."""
        every = (Work(document, state) for state, document in documents.current(self._db))
        for _ in self._preparation.ready(every, len(documents.states(self._db)), progress):
            pass

    def warm(self) -> None:
        """Loads what the first edit would otherwise wait for."""
        self._preparation.warm()

    def _all(self, plan: Plan, states: States, clashes: list[str], count: Counter[str]) -> Iterator[Work]:
        """What is to be stored, one document at a time: what was sent, what is retired, what must be split anew."""
        handled = set[str]()
        for item in plan.incoming:
            state = states.get(item.document.id)
            if state is not None and is_taken(state, item.source):
                clashes.append(f"{item.place}: id: {belongs_to(state)}")
            elif (work := self._work(item, state)) is None:
                count["unchanged"] += 1
            else:
                count["added" if _is_new(state) else "changed"] += 1
                handled.add(work.document.id)
                yield work
        for id_ in plan.retire:
            if (work := self._retirement(states.get(id_))) is not None:
                count["removed"] += 1
                handled.add(id_)
                yield work
        yield from self._stale(states, handled)

    def _work(self, item: Incoming, state: DocumentState | None) -> Work | None:
        """What to store of a document, or None where the store holds just that."""
        digest = documents.content_hash(item.document)
        key = self._preparation.split_key(item.document)
        customer = _customer(item.document, state)
        if state is not None and state.content_hash == digest:
            revision = state.revision
            held = (state.status, state.split_key, state.source, state.customer)
            if held == (item.status, key, item.source, customer):
                return None
        else:
            revision = item.revision or drafts.number(self._db, item.document.id) + 1
        kind = documents.kind_of(item.document)
        return Work(
            item.document,
            DocumentState(item.document.id, kind, item.source, revision, item.status, digest, key, customer),
        )

    def _retirement(self, state: DocumentState | None) -> Work | None:
        if state is None or state.status == RETIRED:
            return None
        document = documents.read(self._db, state.id, state.revision)
        if isinstance(document, Article):
            document = replace(document, status=RETIRED)
        digest = documents.content_hash(document)
        same = digest == state.content_hash
        revision = state.revision if same else drafts.number(self._db, state.id) + 1
        return Work(document, replace(state, revision=revision, status=RETIRED, content_hash=digest))

    def _stale(self, states: States, handled: set[str]) -> Iterator[Work]:
        """Documents whose passages were made for another model or by other rules, and that nobody sent now."""
        for state in states.split_otherwise(self._preparation.split_keys):
            if state.id not in handled:
                document = documents.read(self._db, state.id, state.revision)
                yield Work(document, replace(state, split_key=self._preparation.split_key(document)))

    def _commit(
        self, work: Iterable[Work] | None, files: dict[str, FileState] | None, within: Callable[[], None] | None
    ) -> None:
        """The moment of publication: one transaction."""
        renewed = files is not None and files != documents.files(self._db)
        if work is None and not renewed and within is None:
            return
        with database.transaction(self._db):
            if work is not None:
                change = documents.next_change(self._db)
                for item in work:
                    documents.record(self._db, item.document, item.state, change)
                    self._replace(item, change)
            if files is not None and renewed:
                documents.replace_files(self._db, files)
            if within is not None:
                within()

    def _replace(self, item: Work, change: int) -> None:
        """Puts a document's passages in place of those that it has; equal ones stay, and so do their numbers.

        Another model may split most documents alike: then the generations of both have nearly all rows in common.
        """
        id_, revision, terms = (
            item.document.id,
            item.state.revision,
            terms_of(item.document, self._settings.ticket_months),
        )
        if not passages.holds(self._db, id_, revision, item.passages, terms):
            passages.replace(self._db, id_, revision, item.passages, terms, change)


def is_taken(state: DocumentState, source: str) -> bool:
    """Whether a document's id is out of reach for `source`: another one's, and not retired."""
    return state.source != source and state.status != RETIRED


def belongs_to(state: DocumentState) -> str:
    """Why an id that is taken is refused."""
    return f"{state.id!r} belongs to {state.source!r}: choose another id, or retire that one"


def _customer(document: Document, state: DocumentState | None) -> str | None:
    """Whose case it is; an export that no longer says so does not make it nobody's."""
    said = document.customer if isinstance(document, Ticket) else None
    return said or (state.customer if state else None)


def _is_new(state: DocumentState | None) -> bool:
    return state is None or state.status == RETIRED

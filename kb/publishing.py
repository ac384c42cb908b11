"""Documents to the store and the index: what is new is split and embedded, then becomes visible in one step.

Embedding comes first, batch by batch, invisible to readers; then one transaction stores revisions and passages;
then the index follows. A process killed anywhere leaves the old state or the new one, and vectors already made
are not made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Final

from sqlite_utils import Database

from kb.config import Paths, Settings
from kb.indexing import How, bring_up_to_date
from kb.ingest.language import detect_language
from kb.ingest.passages import split_article, split_ticket
from kb.model import AGENT, Article, Document, Passage, Problem, Ticket
from kb.progress import Progress, silent
from kb.rehearsal import Rehearsal
from kb.search.embedding import Embedder, Tokens, size
from kb.store import database, documents, passages, vectors
from kb.store.documents import DocumentState, FileState
from kb.store.passages import Terms

BUDGET = 256
"""Tokens of one passage, heading path included; fewer where the model takes fewer."""
SPLITTER = 1
"""Raised when the same document would be split otherwise; every passage is then made anew."""
PUBLISHED: Final = "published"
RETIRED: Final = "retired"
_BATCH = 64
_CHUNK = 500  # documents
_MONTH = timedelta(days=365.25 / 12)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A document as its source gives it now, and the status it gets."""

    document: Document
    source: str
    status: str
    place: str
    """Where it was read, for messages: a file, or a file and a line."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a source asks for: documents, ids to retire, the files as read, and what could not be read."""

    incoming: tuple[Incoming, ...]
    retire: tuple[str, ...] = ()
    files: dict[str, FileState] | None = None
    problems: tuple[Problem, ...] = ()
    refused: int = 0
    unchanged: int = 0
    skipped: int = 0
    redacted: dict[str, int] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class _Work:
    document: Document
    state: DocumentState
    passages: tuple[Passage, ...] = ()


class Publisher:
    """Writes documents; only the holder of the writer's lock may have one."""

    def __init__(self, db: Database, paths: Paths, settings: Settings, embedder: Embedder) -> None:
        self._db, self._paths, self._settings = db, paths, settings
        self._embedder, self._spec, self._tokens = embedder, embedder.spec, Tokens(embedder.spec)

    def publish(self, plan: Plan, progress: Progress, how: How) -> Summary:
        """Makes a plan visible: all of its good documents at once.

        Raises StoreError, IndexCorrupt, ModelMissing, RehearsalFailed; what was visible before stays so.
        """
        started = monotonic()
        states = documents.states(self._db)
        good, clashes = _without_clashes(plan.incoming, states)
        work = [w for item in good if (w := self._work(item, states.get(item.document.id)))]
        retired = [w for id_ in plan.retire if (w := self._retirement(states.get(id_)))]
        stale = self._stale(states, {w.document.id for w in work + retired})
        ready = [*self._split(work + stale, progress), *retired]
        embedded = self._embed(ready, progress)
        self._commit(ready, plan.files)
        made = bring_up_to_date(self._db, self._paths, self._spec, how, progress)
        added = sum(_is_new(states.get(w.document.id)) for w in work)
        problems = [*map(str, plan.problems), *clashes]
        return Summary(
            added=added,
            changed=len(work) - added,
            unchanged=plan.unchanged + len(good) - len(work),
            removed=len(retired),
            refused=plan.refused + len(clashes),
            skipped=plan.skipped,
            passages=sum(len(w.passages) for w in ready),
            embedded=embedded,
            searchable=passages.count_visible(self._db, documents.newest_change(self._db)),
            generation=made.manifest.generation,
            model=made.manifest.model,
            seconds=round(monotonic() - started, 3),
            redacted=plan.redacted,
            problems=tuple(problems),
            rehearsal=made.rehearsal,
        )

    def prepare(self, progress: Progress) -> None:
        """Keeps the vectors of all documents as this model splits them; nobody sees anything of it."""
        total = len(documents.states(self._db))
        every, done = documents.current(self._db), 0
        while work := [_Work(document, state) for state, document in islice(every, _CHUNK)]:
            self._embed(list(self._split(work, silent)), silent)
            done += len(work)
            progress("Embedding", done, total)

    def warm(self) -> None:
        """Loads the language detector, the tokenizer and the model."""
        detect_language("warm")
        self._tokens.count("")
        self._embedder.warm()

    def _work(self, item: Incoming, state: DocumentState | None) -> _Work | None:
        """What to store of a document, or None where the store holds just that."""
        digest = documents.content_hash(item.document)
        key = self._split_key(item.document)
        if state is None:
            revision = 1
        elif state.content_hash == digest:
            revision = state.revision
            if (state.status, state.split_key, state.source) == (item.status, key, item.source):
                return None
        else:
            revision = state.revision + 1
        kind = documents.kind_of(item.document)
        return _Work(
            item.document, DocumentState(item.document.id, kind, item.source, revision, item.status, digest, key)
        )

    def _retirement(self, state: DocumentState | None) -> _Work | None:
        if state is None or state.status == RETIRED:
            return None
        document = documents.read(self._db, state.id, state.revision)
        if isinstance(document, Article):
            document = replace(document, status=RETIRED)
        digest = documents.content_hash(document)
        revision = state.revision + (digest != state.content_hash)
        return _Work(document, replace(state, revision=revision, status=RETIRED, content_hash=digest))

    def _stale(self, states: dict[str, DocumentState], handled: set[str]) -> list[_Work]:
        """Documents whose passages were made for another model or by other rules, and that nobody sent now."""
        keys = {self._article_key(), self._ticket_key()}
        old = {s.id for s in states.values() if s.split_key not in keys and s.id not in handled}
        if not old:
            return []
        return [
            _Work(document, replace(state, split_key=self._split_key(document)))
            for state, document in documents.current(self._db)
            if state.id in old
        ]

    def _split(self, work: Sequence[_Work], progress: Progress) -> Iterator[_Work]:
        if not work:
            return  # the tokenizer takes longer to load than all else that an idle reindex does
        budget = min(BUDGET, self._tokens.room())
        for done, item in enumerate(work, 1):
            made: tuple[Passage, ...] = ()
            if item.state.status == PUBLISHED:
                split = split_article if isinstance(item.document, Article) else split_ticket
                made = split(item.document, count_tokens=self._tokens.count, budget=budget)  # type: ignore[arg-type]
            progress("Splitting", done, len(work))
            yield replace(item, passages=made)

    def _embed(self, work: Iterable[_Work], progress: Progress) -> int:
        """Makes the vectors that are missing, and keeps each batch at once; returns how many."""
        texts = {passages.text_hash(p.embedded): p.embedded for w in work for p in w.passages}
        missing = sorted(vectors.missing(self._db, self._spec.fingerprint, texts), key=lambda key: size(texts[key]))
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            made = self._embedder.passages([texts[key] for key in batch])
            with database.transaction(self._db):
                vectors.keep(self._db, self._spec.fingerprint, batch, made)
            progress("Embedding", start + len(batch), len(missing))
        return len(missing)

    def _commit(self, work: Sequence[_Work], files: dict[str, FileState] | None) -> None:
        """The moment of publication: one transaction."""
        renewed = files is not None and files != documents.files(self._db)
        if not work and not renewed:
            return
        with database.transaction(self._db):
            if work:
                change = documents.next_change(self._db)
                for item in work:
                    documents.record(self._db, item.document, item.state, change)
                    self._replace(item, change)
            if files is not None and renewed:
                documents.replace_files(self._db, files)

    def _replace(self, item: _Work, change: int) -> None:
        """Puts a document's passages in place of those that it has; equal ones stay, and so do their numbers.

        Another model may split most documents alike: then the generations of both have nearly all rows in common.
        """
        id_, revision, terms = item.document.id, item.state.revision, self._terms(item.document)
        if not passages.holds(self._db, id_, revision, item.passages, terms):
            passages.replace(self._db, id_, revision, item.passages, terms, change)

    def _terms(self, document: Document) -> Terms:
        if isinstance(document, Ticket):
            ends = document.closed_at and document.closed_at + self._settings.ticket_months * _MONTH
            audience = (AGENT,)
            return Terms(
                "ticket", audience, audience, None, _seconds(ends), document.language, document.product, document.tags,
                document.id,
            )  # fmt: skip
        return Terms(
            "article", document.audience, (AGENT,), _seconds(document.valid_from), _seconds(document.valid_to),
            document.language, document.product, document.tags, document.translation_of or document.id,
        )  # fmt: skip

    def _split_key(self, document: Document) -> str:
        return self._article_key() if isinstance(document, Article) else self._ticket_key()

    def _article_key(self) -> str:
        return f"{SPLITTER}:{self._spec.fingerprint}"

    def _ticket_key(self) -> str:
        return f"{self._article_key()}:{self._settings.ticket_months}"


def is_taken(state: DocumentState, source: str) -> bool:
    """Whether a document's id is out of reach for `source`: another one's, and not retired."""
    return state.source != source and state.status != RETIRED


def belongs_to(state: DocumentState) -> str:
    """Why an id that is taken is refused."""
    return f"{state.id!r} belongs to {state.source!r}: choose another id, or retire that one"


def _without_clashes(
    incoming: Sequence[Incoming], states: dict[str, DocumentState]
) -> tuple[list[Incoming], list[str]]:
    """The documents that may go in, and a message for each whose id belongs to another source."""
    good: list[Incoming] = []
    clashes: list[str] = []
    for item in incoming:
        state = states.get(item.document.id)
        if state is not None and is_taken(state, item.source):
            clashes.append(f"{item.place}: id: {belongs_to(state)}")
        else:
            good.append(item)
    return good, clashes


def _is_new(state: DocumentState | None) -> bool:
    return state is None or state.status == RETIRED


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()

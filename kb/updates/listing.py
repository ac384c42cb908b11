"""What a reader has not said they know: articles that are new to them, are another, or are gone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

import numpy as np
from sqlite_utils import Database

from kb.answer.citations import document_url
from kb.config import Paths
from kb.ingest.plaintext import plain_text
from kb.ingest.rendering import public_rendering
from kb.journal import Journal
from kb.knowledge import KnowledgeBase
from kb.model import AGENT, EVERY, PUBLIC, Article, is_valid_at
from kb.store import acknowledgements, database, documents, revised
from kb.store.acknowledgements import Acknowledgement
from kb.store.journal import read_journal
from kb.store.revised import Stored
from kb.updates.sentences import Change, changes, told

DAYS = 14
"""How far a reader's first visit looks back."""
MOST_CHANGES = 6
"""Sentences that are shown of an article."""
_SUMMARY = 160
_DAY = 86_400.0
Kind = Literal["published", "changed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever asks: a person or a key, by id, with what they may see."""

    id: str
    name: str
    audiences: frozenset[str]

    def may_read(self, article: Article) -> bool:
        """Whether an article is for them, whenever."""
        return EVERY in self.audiences or bool(self.audiences & set(article.audience))

    def finds(self, article: Article, now: float) -> bool:
        """Whether they find it at a time, in seconds since 1970."""
        valid = is_valid_at(article.valid_from, article.valid_to, datetime.fromtimestamp(now, UTC))
        return article.status == "published" and self.may_read(article) and valid


@dataclass(frozen=True, slots=True)
class Update:
    """An article that is new to a reader (`published`), another than they know (`changed`), or gone (`withdrawn`).

    `revision` is what they acknowledge; of what is gone, title and language are those they knew. `changes` are the
    first few sentences that differ, `more` counts the others. `public` tells whether customers read it too.
    """

    document_id: str
    revision: int
    kind: Kind
    at: str
    title: str
    language: str
    url: str | None
    urgent: bool
    public: bool
    summary: str | None
    changes: tuple[Change, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Updates:
    """What a reader is asked to read, urgent ones first, then the newest; `count` is of all.

    `since` is when they were asked first, less the days that their first visit looked back. As long as `state` is the
    same, so is all the rest.
    """

    state: str
    since: str
    count: int
    urgent: int
    updates: tuple[Update, ...]


@dataclass(frozen=True, slots=True)
class _Pending:
    document_id: str
    kind: Kind
    at: str
    old: Stored | None
    new: Stored

    @property
    def name(self) -> tuple[str, int, bool]:
        return self.document_id, self.new.revision, self.kind == "withdrawn"

    @property
    def urgent(self) -> bool:
        return self.shown.urgent

    @property
    def shown(self) -> Article:
        """What they may read of it: of what is gone, what it was."""
        return self.old.article if self.kind == "withdrawn" and self.old else self.new.article


def updates(
    paths: Paths, journal: Journal, kb: KnowledgeBase, reader: Reader, limit: int, unless: str | None = None
) -> Updates | None:
    """What there is for a reader to acknowledge now; None where the `state` is what it was, `unless`.

    Raises StoreError, IndexMissing.
    """
    now = time.time()
    with closing(database.open_for_reading(paths.database)) as db, database.explained(paths.database):
        since, known = _standing(paths, journal, db, reader, now)
        state = _state(documents.newest_change(db), kb.reader.view.catalogue.epoch(now), reader, known, limit)
        if state == unless:
            return None
        waiting = sorted(_pending(db, kb, reader, since, known, now), key=lambda one: one.at, reverse=True)
    waiting.sort(key=lambda one: not one.urgent)
    agents = bool(reader.audiences & {AGENT, EVERY})
    listed = tuple(_update(one, agents=agents) for one in waiting[:limit])
    return Updates(state, _iso(since), len(waiting), sum(one.urgent for one in waiting), listed)


def count(paths: Paths, journal: Journal, kb: KnowledgeBase, reader: Reader) -> int:
    """How much there is for a reader to acknowledge now. Raises StoreError, IndexMissing."""
    found = updates(paths, journal, kb, reader, 0)
    return found.count if found else 0


def _state(change: int, epoch: int, reader: Reader, known: dict[str, tuple[int, bool]], limit: int) -> str:
    """Another one whenever an article, what is valid, the reader or what they said is another."""
    told = (change, epoch, reader.id, sorted(reader.audiences), sorted(known.items()), limit)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


def acknowledge(
    paths: Paths, journal: Journal, kb: KnowledgeBase, reader: Reader, said: Sequence[tuple[str, int, bool]]
) -> int:
    """Keeps that a reader knows these (article, revision, whether it is gone), and says how many of them there were.

    What is another by now, or is nothing they may read, is left out alike. Raises StoreError, IndexMissing.
    """
    now = time.time()
    with closing(database.open_for_reading(paths.database)) as db, database.explained(paths.database):
        since, known = _standing(paths, journal, db, reader, now)
        names = {one.name for one in _pending(db, kb, reader, since, known, now)}
        good = [one for one in dict.fromkeys(said) if one in names or _is_live(db, reader, one, now)]
    rows = [Acknowledgement(reader.id, reader.name, id_, revision, gone, now) for id_, revision, gone in good]
    if rows:
        journal.keep(lambda db: acknowledgements.add(db, rows))
    return len(rows)


def _standing(
    paths: Paths, journal: Journal, db: Database, reader: Reader, now: float
) -> tuple[float, dict[str, tuple[int, bool]]]:
    """Since when a reader is asked, which begins now where they never were, and what they last said of each article.

    What a home was begun with is nothing new to anybody.
    """
    since, known = None, dict[str, tuple[int, bool]]()
    if paths.journal.exists():
        with closing(read_journal(paths.journal)) as held, database.explained(paths.journal):
            since, known = acknowledgements.since(held, reader.id), acknowledgements.newest_of(held, reader.id)
    if since is None:
        first = revised.first_change(db)
        since = begun = max(now - DAYS * _DAY, datetime.fromisoformat(first).timestamp() if first else now)
        journal.keep(lambda held: acknowledgements.begin(held, reader.id, reader.name, begun))
    return since, known


def _pending(
    db: Database, kb: KnowledgeBase, reader: Reader, since: float, known: dict[str, tuple[int, bool]], now: float
) -> Iterator[_Pending]:
    change = revised.change_at(db, _iso(since))
    newest, crossing = revised.articles_since(db, change), _crossing(kb, since, now)
    for id_ in sorted({*newest, *crossing}):
        if id_ not in crossing and known.get(id_) == (newest[id_], False):
            continue  # most of them, after a while: nothing is read of what they know
        if (new := revised.newest(db, id_)) is None:
            continue
        old = _known(db, reader, id_, known[id_]) if id_ in known else _then(db, reader, id_, change, since)
        if kind := _kind(old, new.article if reader.finds(new.article, now) else None):
            yield _Pending(id_, kind, _since_when(new, kind, now), old, new)


def _known(db: Database, reader: Reader, id_: str, said: tuple[int, bool]) -> Stored | None:
    """What a reader last said they know, if it is for them still."""
    revision, gone = said
    found = None if gone else revised.numbered(db, id_, revision)
    return found if found and reader.may_read(found.article) else None


def _then(db: Database, reader: Reader, id_: str, change: int, since: float) -> Stored | None:
    """What a reader found when they were asked first."""
    found = revised.as_of(db, id_, change)
    return found if found and reader.finds(found.article, since) else None


def _kind(old: Stored | None, new: Article | None) -> Kind | None:
    if old is None:
        return None if new is None else "published"
    if new is None:
        return "withdrawn"
    return "changed" if told(old.article) != told(new) else None


def _since_when(new: Stored, kind: Kind, now: float) -> str:
    """When it was stored, or has begun or ceased to be valid since."""
    limit = new.article.valid_to if kind == "withdrawn" else new.article.valid_from
    passed = [limit.astimezone(UTC).isoformat()] if limit and limit.timestamp() <= now else []
    return max(new.at, *passed) if passed else new.at


def _crossing(kb: KnowledgeBase, since: float, now: float) -> Collection[str]:
    """The articles that have begun or ceased to be valid in between, without any change to them."""
    catalogue = kb.reader.view.catalogue
    if catalogue.epoch(since) == catalogue.epoch(now):
        return ()
    within = [(since < times) & (times <= now) for times in (catalogue.valid_from, catalogue.valid_to)]
    places = np.flatnonzero(within[0] | within[1])
    return {catalogue.names[int(number)] for number in np.unique(catalogue.documents[places])}


def _is_live(db: Database, reader: Reader, said: tuple[str, int, bool], now: float) -> bool:
    """Whether it is the revision that a reader finds now, whether they were asked for it or not."""
    id_, revision, gone = said
    found = None if gone else revised.newest(db, id_)
    return found is not None and found.revision == revision and reader.finds(found.article, now)


def _update(one: _Pending, *, agents: bool) -> Update:
    article, gone = one.shown, one.kind == "withdrawn"
    found = changes(one.old.article, article, agents=agents) if one.old and one.kind == "changed" else iter(())
    first = tuple(islice(found, MOST_CHANGES))
    return Update(
        one.document_id, one.new.revision, one.kind, one.at, article.title, article.language,
        None if gone else document_url(one.document_id, "article"), article.urgent, PUBLIC in article.audience,
        _summary(article) if one.kind == "published" else None, first, sum(1 for _ in found),
    )  # fmt: skip


def _summary(article: Article) -> str:
    """How it begins for everybody; what is for agents alone is read in the article."""
    text = " ".join(plain_text(public_rendering(article.body).body).split())
    text = text.removeprefix(article.title).lstrip()
    return text if len(text) <= _SUMMARY else text[: _SUMMARY - 1].rstrip() + "…"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()

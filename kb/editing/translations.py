"""Articles and their translations: which lag behind, and what goes where all of them are retired together."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass

from sqlite_utils import Database

from kb.config import Paths
from kb.store import database, relations
from kb.store.relations import Relative

_PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Member:
    """One article of a group; `at` is when its newest revision was stored.

    It is `lagging` where its original has come to tell something else since: both are published, and this one has had
    no revision after that. A date or an owner that changed makes nobody lag.
    """

    document_id: str
    title: str
    language: str
    status: str
    revision: int
    at: str
    lagging: bool


@dataclass(frozen=True, slots=True)
class Group:
    """An original and its translations; `original` is null where there is no article of the id that they name.

    `changed_at` is when the original came to tell what it tells; null where it never told anything else. `retires` are
    those that would go if the group were retired together: all that are published.
    """

    original_id: str
    original: Member | None
    changed_at: str | None
    translations: tuple[Member, ...]
    retires: tuple[str, ...]

    @property
    def lags(self) -> bool:
        """Whether one of them does."""
        return any(member.lagging for member in self.translations)


@dataclass(frozen=True, slots=True)
class Groups:
    """All of them, those in which one lags first, then by id."""

    groups: tuple[Group, ...]


def translations(paths: Paths) -> Groups:
    """Every article that has translations, with them. Raises StoreError, IndexMissing."""
    db = database.open_for_reading(paths.database)
    with closing(db), database.explained(paths.database):
        found = {one.id: one for one in relations.relatives(db)}
        by_original = defaultdict(list)
        for one in found.values():
            if one.translation_of is not None:
                by_original[one.translation_of].append(one)
        groups = [_group(db, id_, found.get(id_), members) for id_, members in by_original.items()]
    return Groups(tuple(sorted(groups, key=lambda group: (not group.lags, group.original_id))))


def beside(paths: Paths, document_id: str) -> tuple[str, ...]:
    """The published articles that go with one: what it translates, and the other translations of that."""
    for group in translations(paths).groups:
        if document_id == group.original_id or any(one.document_id == document_id for one in group.translations):
            return tuple(id_ for id_ in group.retires if id_ != document_id)
    return ()


def _group(db: Database, id_: str, original: Relative | None, members: list[Relative]) -> Group:
    changed = None
    if original is not None and original.status == _PUBLISHED:
        changed = relations.told_since(db, id_, original.revision)
    shown = tuple(_member(one, lagging=changed is not None and _lags(one, changed[0])) for one in members)
    every = [*([_member(original)] if original else []), *shown]
    retires = tuple(one.document_id for one in every if one.status == _PUBLISHED)
    return Group(id_, _member(original) if original else None, changed[1] if changed else None, shown, retires)


def _lags(one: Relative, change: int) -> bool:
    return one.status == _PUBLISHED and one.change < change


def _member(one: Relative, *, lagging: bool = False) -> Member:
    return Member(one.id, one.title, one.language, one.status, one.revision, one.at, lagging)

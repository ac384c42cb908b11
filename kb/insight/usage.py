"""Which articles are used, and which never were."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass

from kb.config import Paths
from kb.store import asked, database, documents
from kb.store.journal import read_journal

_USES = ("cited", "opened", "copied", "helpful")
_NAMED = 200
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Use:
    """How often an article was shown by a search, cited by an answer, opened, copied, and found helpful or not.

    `solved` and `not_solved` count conversations that ended so with an answer of it.
    """

    document_id: str
    title: str
    shown: int = 0
    cited: int = 0
    opened: int = 0
    copied: int = 0
    helpful: int = 0
    not_helpful: int = 0
    solved: int = 0
    not_solved: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """The use of the live articles in so many days, the most used first.

    Used is what was cited, opened, copied or found helpful; to be shown is not enough. `never_used` names at most 200.
    """

    days: int
    articles: int
    used: int
    share_used: float
    use: tuple[Use, ...]
    never_used: tuple[Use, ...]


def usage(paths: Paths, days: int, *, now: float | None = None) -> Usage:
    """What the last `days` of the journal say of the articles that are live now. Raises StoreError, IndexMissing."""
    since = (time.time() if now is None else now) - days * _DAY
    with closing(database.open_for_reading(paths.database)) as db, database.explained(paths.database):
        titles = dict(documents.published_titles(db))
    counts = _counts(paths, since)
    uses = [Use(id_, title, **counts[id_]) for id_, title in titles.items()]
    used = [use for use in uses if _times(use)]
    never = sorted((use for use in uses if not _times(use)), key=lambda use: (-use.shown, use.document_id))
    share = len(used) / len(uses) if uses else 0.0
    return Usage(days, len(uses), len(used), round(share, 4), tuple(sorted(used, key=_order)), tuple(never[:_NAMED]))


def _counts(paths: Paths, since: float) -> defaultdict[str, Counter[str]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    if not paths.journal.exists():
        return counts
    with closing(read_journal(paths.journal)) as db, database.explained(paths.journal):
        for id_, count in asked.shown(db, since):
            counts[id_]["shown"] = count
        for id_, count in asked.cited(db, since):
            counts[id_]["cited"] = count
        for id_, kind, count in asked.signalled(db, since):
            counts[id_][kind] = count
    return counts


def _times(use: Use) -> int:
    return sum(getattr(use, name) for name in _USES)


def _order(use: Use) -> tuple[int, str]:
    return -_times(use), use.document_id

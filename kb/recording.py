"""Searching and answering for someone, with a record of it: what is told is on record before it is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from kb.accounts import AnswerAccount
from kb.authoring import author_of
from kb.config import Paths
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask, SearchResult
from kb.stages import Stages

SHELL = Origin(channel="shell")


def search(
    kb: KnowledgeBase,
    journal: Journal,
    ask: Ask,
    k: int,
    origin: Origin,
    *,
    explain: bool = False,
    stages: Stages | None = None,
) -> SearchResult:
    """What is found; the record follows. Raises UsageError."""
    account = kb.searched(ask, k, explain=explain, stages=stages)
    journal.note_search(account, ask, origin)
    return account.result


def answer(
    kb: KnowledgeBase,
    journal: Journal,
    ask: Ask,
    origin: Origin,
    *,
    explain: bool = False,
    stages: Stages | None = None,
    after: Callable[[AnswerAccount], AnswerAccount] | None = None,
) -> Answer:
    """The answer, which is on record. Raises UsageError, and StoreError where it cannot be: then it is not told.

    `after` may put another in its place, such as a hand-over.
    """
    account = kb.answered(ask, explain=explain, stages=stages)
    account = account if after is None else after(account)
    journal.keep_answer(account, ask, origin)
    return account.answer


def search_alone(kb: KnowledgeBase, paths: Paths, ask: Ask, k: int, *, explain: bool = False) -> SearchResult:
    """As `search`, for a shell, of which this is the only question."""
    with closing(Journal(paths, kb.settings)) as journal:
        return search(kb, journal, ask, k, SHELL, explain=explain)


def answer_alone(kb: KnowledgeBase, paths: Paths, ask: Ask, *, explain: bool = False) -> Answer:
    """As `answer`, for a shell, of which this is the only question."""
    with closing(Journal(paths, kb.settings)) as journal:
        kb.author = author_of(kb.settings, journal.said, journal.keep)
        return answer(kb, journal, ask, SHELL, explain=explain)

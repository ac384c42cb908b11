"""The questions that an edit may touch: the home's golden ones, and those that were really asked, redacted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import msgspec

from kb.config import Paths, Settings
from kb.editing.gating import Origin
from kb.errors import InputError
from kb.evaluation.golden import read_golden
from kb.evaluation.replay import asked_as
from kb.model import PUBLIC
from kb.questions import MAX_QUESTION
from kb.results import Ask
from kb.store import asked, database
from kb.store.asked import Wording
from kb.store.journal import read_journal

RECENT, OF_ONE = 5_000, 500
"""Answers that are looked through: the last of all, and the last of each article that changes."""
WORDINGS = 1_000
"""Distinct questions of these, the newest first; those that were answered from an article that changes come besides."""
_texts = msgspec.json.Decoder(tuple[str, ...])


class _Considered(msgspec.Struct, frozen=True):
    """Of a candidate that the journal holds, which document it is."""

    document_id: str


_considered = msgspec.json.Decoder(tuple[_Considered, ...])


@dataclass(frozen=True, slots=True)
class Posed:
    """A question to be asked on both sides.

    `answers` are texts of which a right answer contains one. `concerns` are the documents that it is known to be about:
    those that are expected, or that it was told of or considered for it.
    """

    ask: Ask
    origin: Origin
    expected: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    concerns: frozenset[str] = frozenset()


def golden_questions(paths: Paths, settings: Settings) -> tuple[list[Posed], tuple[str, ...]]:
    """The home's golden questions, and what is wrong with its files: a malformed line must not hold back an edit."""
    try:
        every = [golden for file in paths.golden(settings.golden) for golden in read_golden(file)]
    except InputError as error:
        return [], (f"golden questions were not asked: {error}",)
    if not every:
        return [], ("there are no golden questions: name a file in the setting `golden`",)
    posed = (
        Posed(asked_as(golden, PUBLIC), Origin.GOLDEN, golden.expected, golden.answers, frozenset(golden.expected))
        for golden in every
        if len(golden.question) <= MAX_QUESTION
    )
    return list(posed), ()


def asked_questions(paths: Paths, changed: Collection[str]) -> list[Posed]:
    """What the journal says was asked of late, each wording once. Raises StoreError."""
    if not paths.journal.exists():
        return []
    with closing(read_journal(paths.journal)) as db, database.explained(paths.journal):
        recent = asked.recent(db, RECENT)
        own = [wording for id_ in sorted(changed) for wording in asked.told_of(db, id_, OF_ONE)]
    newest = list(_distinct(recent).values())[:WORDINGS]
    return list(({posed.ask: posed for posed in newest} | _distinct([*own, *recent], only=changed)).values())


def _distinct(wordings: Iterable[Wording], only: Collection[str] | None = None) -> dict[Ask, Posed]:
    """Each question once, concerning whatever it ever did; `only` those that concern one of these."""
    found: dict[Ask, Posed] = {}
    for posed in _posed(wordings):
        if only is None or not posed.concerns.isdisjoint(only):
            known = found.get(posed.ask, posed)
            found[posed.ask] = replace(posed, concerns=posed.concerns | known.concerns)
    return found


def _posed(wordings: Iterable[Wording]) -> Iterator[Posed]:
    for wording in wordings:
        if wording.question.strip() and len(wording.question) <= MAX_QUESTION:
            audiences = frozenset(_texts.decode(wording.audiences))
            ask = Ask(wording.question, _texts.decode(wording.conversation), audiences, wording.language)
            near = {candidate.document_id for candidate in _considered.decode(wording.candidates)}
            yield Posed(ask, Origin.ASKED, concerns=frozenset(near | {wording.document_id or ""} - {""}))

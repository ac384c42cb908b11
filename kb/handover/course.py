"""How a conversation has gone until its present turn: that decides whether a person is due, who is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from kb.accounts import AnswerAccount
from kb.handover.document import Said, categories_of
from kb.handover.rules import wants_human
from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask
from kb.store import answers, conversations
from kb.store.conversations import KeptConversation, KeptTurn

MOST = 200
"""Turns of a conversation that whoever takes over is told."""
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Course:
    """`earlier` is what the customer said before, redacted where it was kept so; `turns` and `minutes` count from the
    last hand-over or the beginning; `refused` are refusals in a row with the present one.
    """

    earlier: tuple[str, ...]
    turns: int
    refused: int
    minutes: float = 0.0


def course(account: AnswerAccount, ask: Ask, kept: KeptConversation | None, every: int) -> Course:
    """How it has gone; where the caller keeps the turns nothing is known of their times.

    Then every so many turns a person is due, as they would be if each time one had been told.
    """
    refused = is_refusal(account.answer)
    if kept is None:
        before = ask.conversation
        again = account.refused_before and wants_human(before[-1]) is None
        turns = len(before) % (every + 1) if every else len(before)
        return Course(before, turns, refused + (refused and again))
    earlier = tuple(turn.question for turn in kept.turns)
    row = 0
    for turn in reversed(kept.turns):
        if not _was_refused(turn):
            break
        row += 1
    minutes = 0.0 if kept.since_at is None else (time.time() - kept.since_at) / _MINUTE
    return Course(earlier, kept.since, refused and row + 1, minutes)


def is_refusal(answer: Answer) -> bool:
    """Whether an answer helped nobody; a question back does."""
    return answer.outcome == "abstained" and not answer.options


def _was_refused(turn: KeptTurn) -> bool:
    return turn.outcome == "abstained" and not turn.offered


def about(kb: KnowledgeBase, answer: Answer) -> list[str]:
    """Ids and categories of what an answer quotes."""
    cited = [(citation.document_id, citation.revision) for citation in answer.citations]
    return [*(id_ for id_, _ in cited), *categories_of(kb, cited)]


@dataclass(frozen=True, slots=True)
class Told:
    """A whole conversation as it was kept: what was said by both, and the answers."""

    said: tuple[Said, ...]
    answers: tuple[Answer, ...]
    refusals: int
    began_at: float | None


def whole(db: Database, hash_: str, opened: Callable[[bytes], bytes | None]) -> Told:
    """A conversation until its present turn; in the customer's own words where those are kept, and their key is."""
    turns = conversations.last_turns(db, hash_, MOST)
    answered = [answers.read(db, turn.answer_id) for turn in turns]
    told = [None if kept is None else msgspec.json.decode(kept.told, type=Answer) for kept in answered]
    said: list[Said] = []
    for turn, answer in zip(turns, told, strict=True):
        said.append(Said("customer", _words(turn, opened), turn.at))
        if answer is not None:
            said.append(Said("bot", answer.text, turn.at, ours=True))
    refusals = sum(map(_was_refused, turns))
    return Told(tuple(said), tuple(filter(None, told)), refusals, turns[0].at if turns else None)


def _words(turn: KeptTurn, opened: Callable[[bytes], bytes | None]) -> str:
    words = None if turn.closed is None else opened(turn.closed)
    return turn.question if words is None else words.decode()

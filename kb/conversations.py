"""Conversations: begun by the service, gone on with by those who began them, until they expire."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
from sqlite_utils import Database

from kb.accounts import AnswerAccount
from kb.config import Settings
from kb.errors import NotShown
from kb.journal import TURNS, Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask, Option
from kb.stages import Stages
from kb.store import conversations
from kb.store.conversations import KeptConversation, KeptTurn

NEW = ""
"""In place of an id: a conversation begins."""
_BYTES = 24
_HOUR = 3600.0
_options = msgspec.json.Decoder(tuple[Option, ...])


class Conversations:
    """Goes on with conversations, whichever process of this home had the turns before."""

    def __init__(
        self, journal: Journal, settings: Settings, close: Callable[[str], bytes | None] = lambda _: None
    ) -> None:
        """`close` encrypts what was said, for whoever may have to take over; None where nobody would."""
        self._journal, self._seconds, self._close = journal, settings.conversation_hours * _HOUR, close

    def answer(
        self,
        kb: KnowledgeBase,
        id_: str,
        ask: Ask,
        origin: Origin,
        *,
        explain: bool = False,
        stages: Stages | None = None,
        after: Callable[[AnswerAccount, Ask, KeptConversation], AnswerAccount] | None = None,
    ) -> Answer:
        """The answer to the next turn of a conversation, or, where `id_` is NEW, to the first; it is on record.

        `after` may put another in its place, such as a hand-over. Raises NotShown where this caller and customer have
        no such conversation, UsageError, StoreError.
        """
        known = id_ or secrets.token_urlsafe(_BYTES)
        before = KeptConversation(_hash(known)) if id_ == NEW else self._before(id_, origin)
        offered = _offered(before.turns)
        ask = replace(ask, conversation=tuple(turn.meant for turn in before.turns), offered=offered)
        account = kb.answered(ask, explain=explain, stages=stages)
        account = account if after is None else after(account, ask, before)
        made = account.answer
        self._journal.keep_answer(
            account, ask, origin, also=self._adding(known, id_ == NEW, ask, offered, made, origin)
        )
        return replace(made, conversation_id=known)

    def _before(self, id_: str, origin: Origin) -> KeptConversation:
        hash_, customer, now = _hash(id_), self._journal.customer(origin), time.time()
        found = self._journal.keep(
            lambda db: conversations.gone_on(db, hash_, origin.caller, customer, now, TURNS), settled=False
        )
        if found is None:
            raise NotShown("you have no such conversation: it may have expired; begin one with `conversation: true`")
        return found

    def _adding(
        self, id_: str, new: bool, ask: Ask, offered: Sequence[Option], made: Answer, origin: Origin
    ) -> conversations.Writes:
        customer, now, hash_ = self._journal.customer(origin), time.time(), _hash(id_)
        said = self._journal.said(ask)[-1]
        label = next((option.label for option in offered if made.cites(option.document_id)), None)
        meant = said if label is None or not ask.conversation else f"{ask.conversation[-1]}\n{label}"
        asked_back = msgspec.json.encode(made.options).decode() if made.options else None
        closed = None if made.outcome == "handover" else self._close(ask.question)
        turn = KeptTurn(said, meant, made.answer_id, made.outcome, made.reason, asked_back, now, closed)
        until = now + self._seconds

        def write(db: Database) -> None:
            if new:
                conversations.begin(db, hash_, origin.caller, customer, now, until)
            conversations.add_turn(db, hash_, turn, customer, now, until)

        return write


def _offered(turns: Sequence[KeptTurn]) -> tuple[Option, ...]:
    """What the last answer asked back."""
    return _options.decode(turns[-1].offered) if turns and turns[-1].offered else ()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

"""Hand-overs of one home: begun, told to the customer, listed, tried again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlite_utils import Database

from kb.accounts import AnswerAccount
from kb.answer.composition import said
from kb.config import Paths, Settings
from kb.errors import NotShown, StoreError, UsageError
from kb.handover.course import about, course, is_refusal, whole
from kb.handover.delivery import Delivery
from kb.handover.document import Conversation, Said, documented, envelope_of
from kb.handover.envelope import Envelopes
from kb.handover.rules import NAMED, due
from kb.handover.wanting import ANGER, ASKED
from kb.handover.webhook import Reply
from kb.handover.wording import told
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask, HandedOver
from kb.store import audit, conversations, database, handovers
from kb.store.conversations import KeptConversation
from kb.store.handovers import DEAD, SENT, UNSENT, WAITING, KeptHandOver
from kb.store.journal import open_journal, read_journal

_LOOK_SECONDS = 0.02
_HOUR = 3_600.0
MOST_CALLBACKS = 5
"""Requests to be called back about one hand-over."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """A hand-over that has begun: what the customer may know, and the document for whoever takes over."""

    visible: HandedOver
    document: dict[str, Any]


class HandOvers:
    """Begins hand-overs and delivers them; one for each process, safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings, journal: Journal) -> None:
        self._paths, self._settings, self._journal = paths, settings, journal
        self._delivery = Delivery(paths, settings)
        self._envelopes: Envelopes | None = None

    @property
    def outcomes(self) -> dict[str, int]:
        """What came of tries to deliver, since this process began."""
        return dict(self._delivery.outcomes)

    def start(self) -> None:
        """Starts to deliver. Raises SettingsError where a key is none."""
        if self._settings.handover_url:
            self._closing()
        self._delivery.start()

    def stop(self) -> None:
        """Ends that; what waits is delivered after the next start."""
        self._delivery.stop()

    def consider(
        self,
        kb: KnowledgeBase,
        account: AnswerAccount,
        ask: Ask,
        origin: Origin,
        kept: KeptConversation | None = None,
    ) -> AnswerAccount:
        """The account of an answer as it is, or, where a person is due, that of a hand-over.

        `kept` is the conversation until this turn, where the service keeps it. Raises StoreError.
        """
        gone = course(account, ask, kept, self._settings.handover_turns)
        documents = [] if NAMED.issuperset(self._settings.handover_topics) else about(kb, account.answer)
        reason = due(
            self._settings, ask.question, gone.earlier, documents=documents, turns=gone.turns,
            abstained=gone.refused, minutes=gone.minutes,
        )  # fmt: skip
        if reason is None:
            return account
        talk = Conversation(
            tuple(Said("customer", text) for text in ask.conversation), origin, language=account.circumstances.speaks,
            audiences=ask.audiences, product=ask.product, context=dict(ask.context),
        )  # fmt: skip
        talk = talk if kept is None else self._whole(kept, talk)
        unanswered = is_refusal(account.answer) and reason not in (ASKED, ANGER)
        refusals = None if talk.refusals is None else talk.refusals + unanswered
        talk = replace(talk, said=(*talk.said, Said("customer", ask.question, time.time())), refusals=refusals)
        return self.instead(account, self.begin(reason, talk, kb))

    def _whole(self, kept: KeptConversation, talk: Conversation) -> Conversation:
        """With all that is kept of it. Raises StoreError."""
        opened: Callable[[bytes], bytes | None] = lambda words: self._closing().open(words)  # noqa: E731
        held = self._journal.keep(lambda db: whole(db, kept.hash, opened), settled=False)
        minutes = (time.time() - held.began_at) / 60 if held.began_at else 0.0
        return replace(
            talk, id=kept.hash, said=held.said, told=held.answers, refusals=held.refusals, minutes=minutes
        )  # fmt: skip

    def close(self, words: str) -> bytes | None:
        """What a customer said, encrypted for whoever may take over; None where nobody would, without a webhook."""
        return self._closing().close(words.encode()) if self._settings.handover_url else None

    def instead(self, account: AnswerAccount, begun: HandOver) -> AnswerAccount:
        """The account that tells of a hand-over in place of an answer; it quotes nothing."""
        language, seen = account.circumstances.speaks, begun.visible
        text = told(seen, language)
        answer = Answer(
            account.answer.answer_id,
            "handover",
            text,
            (),
            (),
            account.answer.confidence,
            seen.reason,
            handover=seen,
            explain=account.answer.explain,
            statements=said(text, language),
            urgent=account.answer.urgent,
        )
        return replace(account, answer=answer, basis=None)

    def begin(self, reason: str, talk: Conversation, kb: KnowledgeBase | None) -> HandOver:
        """Hands over: on the disk when this returns, and with the webhook's reply where that came in time.

        Raises StoreError where it cannot be kept.
        """
        id_, now = uuid.uuid4().hex, time.time()
        talk = talk if talk.id else replace(talk, id=id_)
        document = documented(id_, reason, talk, kb, self._journal)
        self._keep(self._row(id_, "handover", talk.id, reason, document, talk.origin, now), envelope_of(talk))
        kept = self._awaited(id_)
        return HandOver(visible(kept, time.time()), document)

    def call_back(self, id_: str, caller: str, contact: str, when: str | None) -> HandedOver:
        """Asks for a call back: `contact` and `when` lie in the encrypted envelope alone.

        Raises NotShown where this caller has no such hand-over, UsageError, StoreError.
        """
        about = self._own(id_, caller)
        if about.state == UNSENT:
            raise UsageError("the centre takes no call-back requests: it has named no webhook")
        request, now = uuid.uuid4().hex, time.time()
        document = {"version": 1, "kind": "callback", "id": request, "handover_id": id_, "reason": about.reason}
        document["at"] = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
        document |= {"conversation_id": about.conversation, "customer": about.customer}
        row = self._row(request, "callback", about.conversation, about.reason, document, Origin(caller), now)
        row = replace(row, about=id_, channel=about.channel, customer=about.customer)
        content = msgspec.json.encode({"contact": contact, "when": when})

        def check(db: Database) -> None:
            if handovers.callbacks(db, id_) >= MOST_CALLBACKS:
                raise UsageError(f"{MOST_CALLBACKS} call-back requests were made about this already")

        self._keep(row, content, check)
        return visible(self._awaited(request), time.time())

    def look(self, id_: str, caller: str) -> HandedOver:
        """What a customer may know of theirs now. Raises NotShown, StoreError."""
        return visible(self._own(id_, caller), time.time())

    def _own(self, id_: str, caller: str) -> KeptHandOver:
        found = read_one(self._paths, id_)
        if found is None or found.kind != "handover" or (found.caller and found.caller != caller):
            raise NotShown("no hand-over of yours has this id")
        return found

    def _closing(self) -> Envelopes:
        self._envelopes = self._envelopes or Envelopes(self._paths, self._settings)
        return self._envelopes

    def _row(
        self, id_: str, kind: str, conversation: str, reason: str, document: dict[str, Any], origin: Origin, now: float
    ) -> KeptHandOver:
        return KeptHandOver(
            id=id_,
            conversation=conversation,
            at=now,
            kind=kind,
            about=None,
            caller=origin.caller,
            channel=self._journal.channel(origin),
            customer=self._journal.customer(origin),
            reason=reason,
            document=msgspec.json.encode(document).decode(),
            envelope=None,
            envelope_until=now + self._settings.envelope_hours * _HOUR,
            state=WAITING if self._settings.handover_url else UNSENT,
            tries=0,
            due=now,
            leased_until=0.0,
            give_up=now + self._settings.handover_hours * _HOUR,
        )

    def _keep(self, row: KeptHandOver, content: bytes, check: Any = None) -> None:
        """Nobody would ever take an envelope where there is no webhook: then none is made."""
        if row.state == WAITING:
            row = replace(row, envelope=self._closing().close(content))

        def write(db: Database) -> None:
            if check is not None:
                check(db)
            handovers.add(db, row)
            if row.kind == "handover":
                conversations.forget_words(db, row.conversation)

        self._journal.keep(write)
        self._delivery.wake()

    def _awaited(self, id_: str) -> KeptHandOver:
        """As it is once a first try is over, or the customer has waited for long enough."""
        until = time.monotonic() + self._settings.handover_wait_ms / 1_000
        with closing(read_journal(self._paths.journal)) as db, database.explained(self._paths.journal):
            while True:
                found = handovers.read(db, id_)
                if found is None:
                    raise StoreError(f"the hand-over {id_} was erased as it began")
                if found.state != WAITING or found.trouble or time.monotonic() >= until:
                    return found
                time.sleep(_LOOK_SECONDS)


def visible(kept: KeptHandOver, now: float) -> HandedOver:
    """What a customer may know of one."""
    reply = msgspec.json.decode(kept.reply, type=Reply) if kept.reply else Reply()
    state = {WAITING: "down" if kept.trouble else "queued", SENT: "sent", DEAD: "down", UNSENT: UNSENT}[kept.state]
    state = "closed" if state == "sent" and _is_ahead(reply.closed_until, now) else state
    return HandedOver(
        kept.id,
        state,
        kept.reason,
        reply.reference,
        reply.waiting_minutes,
        reply.closed_until if state == "closed" else None,
        reply.message,
        callback=state in ("closed", "down", "queued"),
    )


def _is_ahead(moment: str | None, now: float) -> bool:
    if moment is None:
        return False
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return False
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() > now


def read_one(paths: Paths, id_: str) -> KeptHandOver | None:
    """One, by its id. Raises StoreError."""
    if not paths.journal.exists():
        return None
    with closing(read_journal(paths.journal)) as db, database.explained(paths.journal):
        return handovers.read(db, id_)


def read_all(paths: Paths, *, dead: bool = False) -> list[dict[str, Any]]:
    """The newest thousand as they are listed, oldest first, without their envelopes. Raises StoreError."""
    if not paths.journal.exists():
        return []
    with closing(open_journal(paths.journal)) as db, database.explained(paths.journal):
        found = handovers.every(db, state=DEAD if dead else None)
    return [_listed(row) for row in found]


def _listed(row: KeptHandOver) -> dict[str, Any]:
    names = ("id", "kind", "about", "conversation", "channel", "customer", "reason", "state", "tries", "trouble")
    return {
        **{name: getattr(row, name) for name in names},
        "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
        "has_envelope": row.envelope is not None,
        "reply": msgspec.json.decode(row.reply) if row.reply else None,
        "document": msgspec.json.decode(row.document),
    }


def try_again(paths: Paths, settings: Settings, id_: str, *, actor: str = audit.SHELL) -> None:
    """A dead letter waits again; a running server takes it up. Raises UsageError where there is none of this id."""
    now = time.time()
    with closing(open_journal(paths.journal)) as db, database.transaction(db):
        if not handovers.retry(db, id_, now, now + settings.handover_hours * _HOUR):
            raise UsageError(f"{id_!r} is no dead letter: `kb handovers --dead` lists them")
        with closing(database.open_for_writing(paths.database)) as log:  # before it may go out
            audit.note(log, actor, "handover_retried", id_)

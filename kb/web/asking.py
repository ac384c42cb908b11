"""What every handler that asks does alike: it is let in, told from what it knows, and counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from litestar.datastructures import State
from litestar.openapi.spec import OpenAPIHeader, OpenAPIType, Operation, Schema

from kb import recording
from kb.accounts import AnswerAccount
from kb.conversations import Conversations
from kb.errors import UsageError
from kb.journal import Origin
from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask, SearchResult
from kb.service import Service
from kb.slots import Slots
from kb.stages import Stages
from kb.store.conversations import KeptConversation
from kb.web.admission import Admission, waited_seconds
from kb.web.documented import problem
from kb.web.metrics import ANSWERS, GENERATED, HANDOVERS, REFUSED, SEARCHES, language_of
from kb.web.requests import note


@dataclass
class Asking(Operation):
    """An operation that may be refused for now."""

    def __post_init__(self) -> None:
        """Adds the refusal to what Litestar found by itself."""
        seconds = OpenAPIHeader(
            schema=Schema(type=OpenAPIType.INTEGER, minimum=1),
            description="How many seconds to wait before asking again; absent where nothing can be answered at all",
        )
        busy = problem("Too many questions at hand, or the knowledge base cannot answer", **{"Retry-After": seconds})
        self.responses = (self.responses or {}) | {"503": busy}


@dataclass
class Conversing(Asking):
    """An operation that may be about a conversation, or an answer, which is not there for this caller."""

    def __post_init__(self) -> None:
        """Adds that to what Litestar found by itself."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {
            "404": problem("There is none such for this caller, or it has expired")
        }


def search(state: State, ask: Ask, k: int, origin: Origin, *, explain: bool = False) -> SearchResult:
    """What is found. Raises UsageError, KbError, HTTPException."""
    with at_work(state) as kb:
        stages = Stages()
        result = recording.search(kb, service_of(state).journal, ask, k, origin, explain=explain, stages=stages)
        counted(state, kb, stages, result)
    return result


def answer(state: State, ask: Ask, origin: Origin, *, explain: bool = False) -> tuple[KnowledgeBase, Answer]:
    """What answered, for `report`, and the answer, which is on record. Raises UsageError, KbError, HTTPException."""
    with at_work(state) as kb:
        stages, service = Stages(), service_of(state)
        after = partial(service.handovers.consider, kb, ask=ask, origin=origin)
        told = recording.answer(kb, service.journal, ask, origin, explain=explain, stages=stages, after=after)
        counted(state, kb, stages, told)
    return kb, told


def in_conversation(
    state: State, id_: str, ask: Ask, origin: Origin, *, explain: bool = False
) -> tuple[KnowledgeBase, Answer]:
    """The same to the next turn of a conversation that the service keeps, or, where `id_` is NEW, to its first.

    Raises NotShown where this caller and customer have no such conversation, and what `answer` raises.
    """
    with at_work(state) as kb:
        stages, service = Stages(), service_of(state)

        def after(account: AnswerAccount, asked: Ask, before: KeptConversation) -> AnswerAccount:
            return service.handovers.consider(kb, account, asked, origin, before)

        kept = Conversations(service.journal, state.settings, service.handovers.close)
        told = kept.answer(kb, id_, ask, origin, explain=explain, stages=stages, after=after)
        counted(state, kb, stages, told)
    return kb, told


def counted(state: State, kb: KnowledgeBase, stages: Stages, told: SearchResult | Answer) -> None:
    """A question is done: into the metrics, and into the request's line of the log."""
    metrics, language = state.watch.metrics, language_of(stages.speaks)
    metrics.passed(stages, waited_seconds())
    note(generation=kb.reader.view.manifest.generation)
    if isinstance(told, SearchResult):
        outcome = "found" if told.hits or told.tickets else "nothing"
        metrics.count(SEARCHES, outcome, language)
        note(outcome=outcome, query_id=told.query_id)
        return
    metrics.count(ANSWERS, told.outcome, language)
    note(outcome=told.outcome, reason=told.reason, answer_id=told.answer_id)
    if told.handover is not None:
        metrics.count(HANDOVERS, told.handover.reason)
        note(handover_id=told.handover.id)
    if told.generated or told.not_generated:
        result = told.not_generated or "generated"
        metrics.count(GENERATED, result)
        note(written=result)
    if told.outcome == "abstained":
        metrics.count(REFUSED, told.reason or "", language)


def service_of(state: State) -> Service:
    """The running service."""
    service: Service = state.service
    return service


@contextmanager
def at_work(state: State) -> Iterator[KnowledgeBase]:
    """What answers, to a thread that is one of the few at work. Raises HTTPException where the question is too late."""
    slots: Slots = state.slots
    with slots.one():
        yield knowledge(state)


def knowledge(state: State) -> KnowledgeBase:
    """What answers, in a handler's thread. Raises HTTPException where the question came to it too late."""
    admission: Admission = state.admission
    admission.check_wait()
    return service_of(state).knowledge


def pair_of(text: str) -> tuple[str, str]:
    """One thing that is known of a customer, written `KEY:VALUE`. Raises UsageError."""
    key, colon, value = (part.strip() for part in text.partition(":"))
    if not (key and colon and value):
        raise UsageError(f"context: found {text[:80]!r}; accepted is KEY:VALUE, such as region:UK")
    return key, value

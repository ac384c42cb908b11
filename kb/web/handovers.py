"""`/api/handovers`: a channel hands over by itself, asks for a call back, looks again; admins list them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.spec import Operation
from litestar.params import FromPath, JSONBody, QueryParameter

from kb.access.callers import Caller
from kb.errors import KbError
from kb.handover.document import Conversation, Said
from kb.handover.handing import HandOvers, read_all
from kb.knowledge import KnowledgeBase
from kb.results import HandedOver
from kb.service import Service
from kb.web.documented import problem
from kb.web.feedback import CustomerRef, origin_of
from kb.web.guards import caller_of, requires
from kb.web.metrics import HANDOVERS
from kb.web.requests import note

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=8_000)]


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was said, and by whom; `at` in seconds since 1970."""

    text: _Text
    speaker: Literal["customer", "bot"] = "customer"
    at: float | None = None


class Handing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A conversation that a channel hands over, oldest turn first; `customer_ref` is kept only as a keyed hash."""

    conversation: Annotated[list[Turn], msgspec.Meta(min_length=1, max_length=200)]
    channel: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    language: Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    product: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    customer_ref: CustomerRef | None = None


class CallBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a customer may be reached, and when; kept nowhere but in the encrypted envelope."""

    contact: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
    when: Annotated[str, msgspec.Meta(max_length=200)] | None = None


@dataclass
class _Keeping(Operation):
    """An operation that may find no such hand-over, or fail to keep one."""

    def __post_init__(self) -> None:
        """Adds both to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {
            "404": problem("This caller has no such hand-over"),
            "503": problem("It cannot be kept at the moment"),
        }


@post(
    "/api/handovers",
    guards=[requires("public")],
    status_code=200,
    sync_to_thread=True,
    operation_class=_Keeping,
    summary="Hand a conversation over to a person",
)
def begin(request: Request[Caller, Any, State], state: State, data: JSONBody[Handing]) -> HandedOver:
    """On the disk when it is answered; with the centre's reply where that came in time."""
    said = tuple(Said(turn.speaker, turn.text, turn.at) for turn in data.conversation)
    origin, seen = origin_of(request, data.channel, data.customer_ref), request.user.audiences
    talk = Conversation(said, origin, language=data.language, audiences=seen, product=data.product)
    begun = _handovers(state).begin("channel", talk, _knowledge(state))
    state.watch.metrics.count(HANDOVERS, "channel")
    note(handover_id=begun.visible.id)
    return begun.visible


@post(
    "/api/handovers/{handover_id:str}/callback",
    guards=[requires("public")],
    status_code=200,
    sync_to_thread=True,
    operation_class=_Keeping,
    summary="Request a return call",
)
def call_back(
    request: Request[Caller, Any, State], state: State, handover_id: FromPath[str], data: JSONBody[CallBack]
) -> HandedOver:
    """Answered once it is on the disk, encrypted."""
    return _handovers(state).call_back(handover_id, caller_of(request).id, data.contact, data.when)


@get(
    "/api/handovers/{handover_id:str}",
    guards=[requires("public")],
    sync_to_thread=True,
    operation_class=_Keeping,
    summary="What became of a hand-over, as its customer may know it",
)
def look(request: Request[Caller, Any, State], state: State, handover_id: FromPath[str]) -> HandedOver:
    """For whoever began it."""
    return _handovers(state).look(handover_id, caller_of(request).id)


@get("/api/handovers", guards=[requires("admin")], sync_to_thread=True, summary="Hand-overs, for admins")
def listed(
    state: State, dead: Annotated[bool, QueryParameter(description="Only those that were given up")] = False
) -> dict[str, list[dict[str, Any]]]:
    """The newest thousand, oldest first, with their documents; never an envelope."""
    service: Service = state.service
    return {"handovers": read_all(service.paths, dead=dead)}


def _handovers(state: State) -> HandOvers:
    service: Service = state.service
    return service.handovers


def _knowledge(state: State) -> KnowledgeBase | None:
    """None where nothing can be searched: a person is reached all the same."""
    try:
        return state.service.knowledge  # type: ignore[no-any-return]
    except KbError:
        return None


HANDLERS = (begin, call_back, look, listed)

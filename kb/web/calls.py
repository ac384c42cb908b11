"""Calls over HTTP: what was said comes in by POST or over a console's socket; suggestions go out over the sockets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from litestar import Request, WebSocket, post, websocket
from litestar.datastructures import State
from litestar.params import JSONBody, PathParameter, QueryParameter

from kb.access.callers import Caller
from kb.calls import Said
from kb.errors import KbError, UsageError
from kb.journal import Origin
from kb.service import Service
from kb.web.feedback import CustomerRef
from kb.web.guards import requires
from kb.web.metrics import UTTERANCES
from kb.web.sockets import Console, Counted, may_connect, too_often
from kb.web.switchboard import Switchboard

MAX_TEXT = 2_000
CallId = Annotated[str, PathParameter(description="The telephony's own id; kept only as a keyed hash", max_length=200)]


class Spoken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An utterance; sent again with the same `sequence` it counts once, a partial one until it is final.

    `time` is seconds on the sender's clock; `customer_ref` is kept only as a keyed hash.
    """

    sequence: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    speaker: Literal["customer", "agent"]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
    final: bool = True
    time: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    customer_ref: CustomerRef | None = None


class Heard(msgspec.Struct, frozen=True):
    """What is kept under the sequence: its arrival's number, and whether it is what was sent now."""

    sequence: int
    number: int
    stored: bool


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a console may send."""

    utterance: Spoken


@post(
    "/api/calls/{call_id:str}/utterances",
    status_code=202,
    guards=[requires("agent")],
    summary="What was said on a call, from telephony or speech recognition",
)
async def utterances(
    request: Request[Caller, Any, State], state: State, call_id: CallId, data: JSONBody[Spoken]
) -> Heard:
    """Kept, redacted, before it is acknowledged; in whatever order it comes."""
    return await _heard(state, call_id, data, request.user)


@websocket("/api/calls/{call_id:str}", guards=[may_connect])
async def console(
    socket: WebSocket[Caller, Any, State],
    state: State,
    call_id: CallId,
    after: Annotated[int, QueryParameter(ge=0)] = 0,
) -> None:
    """A console follows a call: how it stands after a number, then what comes."""
    board: Switchboard = state.switchboard
    one, ears = Console(socket, board.metrics, "call"), []

    async def take(message: Any) -> None:
        if seconds := await too_often(one, state):
            one.tell({"type": "error", "detail": f"too many messages: come again in {seconds} s"})
            return
        try:
            spoken = msgspec.convert(message, Message).utterance
            heard = await _heard(state, call_id, spoken, one.caller)
            one.tell({"type": "heard", "sequence": heard.sequence, "number": heard.number, "stored": heard.stored})
        except (msgspec.ValidationError, UsageError) as error:
            one.tell({"type": "error", "detail": str(error)})
        except KbError:
            one.tell({"type": "error", "detail": "it could not be kept: send it again"})

    counted: Counted = state.consoles["call"]
    with counted.one():
        try:
            await one.run(lambda: ears.append(board.join(call_id, one, after)), take)
        finally:
            for ear in ears:
                board.leave(ear, one)


async def _heard(state: State, call_id: str, spoken: Spoken, caller: Caller) -> Heard:
    service: Service = state.service
    board: Switchboard = state.switchboard
    said = Said(spoken.sequence, spoken.speaker, spoken.text, spoken.final, spoken.time)
    origin = Origin(caller.id, "call", spoken.customer_ref)
    kept, stored = await anyio.to_thread.run_sync(service.calls.hear, call_id, said, origin)
    board.metrics.count(UTTERANCES, spoken.speaker, "stored" if stored else "known")
    if stored:
        board.ring()
    return Heard(kept.sequence, kept.number, stored)

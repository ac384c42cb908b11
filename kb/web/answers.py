"""`POST /api/answers`: a customer's question, alone or in a conversation, answered as JSON or as events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, cast

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from kb.access.callers import Caller
from kb.answer.forms import Channel, Limits, form, is_channel
from kb.answer.streaming import told
from kb.config import Settings
from kb.conversations import NEW, STREAM_SECONDS
from kb.errors import UsageError
from kb.knowledge import KnowledgeBase
from kb.questions import MAX_QUESTION
from kb.results import Answer, Ask
from kb.web import asking
from kb.web.feedback import CustomerRef, origin_of
from kb.web.guards import requires
from kb.withheld import report

EVENTS = "text/event-stream"
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's question.

    `conversation` is `true` to begin a conversation, whose `conversation_id` the answer tells; or what the customer
    said before, oldest first, where the caller keeps that itself. `language` is the asker's (default: that of the
    question). `channel` adds a `form` of the answer and changes no fact. `context` is what is known of the customer
    (product, plan, region). `explain` adds why it was answered or refused. `customer_ref` is kept only as a keyed hash.
    """

    question: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_QUESTION)]
    conversation: Annotated[list[str], msgspec.Meta(max_length=100)] | bool = []
    conversation_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    context: Annotated[dict[_Text, _Text], msgspec.Meta(max_length=20)] = {}
    channel: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    explain: bool = False
    language: Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    customer_ref: CustomerRef | None = None


class StreamOffer(msgspec.Struct, frozen=True):
    """Where the answer can be fetched as events: once, within `expires_in` seconds, by whoever has the address."""

    url: str
    expires_in: int


@post(
    "/api/answers",
    status_code=200,
    sync_to_thread=True,
    summary="A short cited answer, or an honest refusal; as events with `Accept: text/event-stream`",
    operation_class=asking.Conversing,
    guards=[requires("public")],
)
def answers(request: Request[Caller, Any, State], state: State, data: JSONBody[Question]) -> Response[Answer]:
    """The same question gets the same answer in every channel; it is on record before it is sent."""
    ask = _ask(request, data)
    kb, answer = _answered(request, state, data, ask)
    reporting = BackgroundTask(report, kb, ask, answer)
    if request.accept.best_match(["application/json", EVENTS]) == EVENTS:
        return cast(Response[Answer], ServerSentEvent(_events(answer), background=reporting))
    return Response(answer, background=reporting)


@post(
    "/api/answers/stream",
    status_code=200,
    sync_to_thread=True,
    summary="The same answer, to be fetched as events by a browser's EventSource",
    operation_class=asking.Conversing,
    guards=[requires("public")],
)
def stream_offers(request: Request[Caller, Any, State], state: State, data: JSONBody[Question]) -> StreamOffer:
    """An EventSource can neither post nor send a key; so no question stands in a URL, only a token that works once."""
    _, answer = _answered(request, state, data, _ask(request, data))
    token = asking.conversations(state).offer_stream(answer, origin_of(request, data.channel, data.customer_ref))
    return StreamOffer(f"/api/answers/stream?token={token}", int(STREAM_SECONDS))


@get(
    "/api/answers/stream",
    summary="An answer as events, once",
    operation_class=asking.Conversing,
    guards=[requires("public")],
    media_type=EVENTS,
)
async def stream(
    state: State, token: Annotated[str, QueryParameter(description="Of the address", max_length=100)]
) -> ServerSentEvent:
    """Events `urgent`, `sentence`, `citations`, `actions`, `done`; any worker has them."""
    answer = await anyio.to_thread.run_sync(asking.conversations(state).take_stream, token)
    return ServerSentEvent(_events(answer))


def _ask(request: Request[Caller, Any, State], data: Question) -> Ask:
    """Raises UsageError where a conversation is given in two ways."""
    if data.conversation_id is not None and data.conversation:
        raise UsageError("give `conversation_id` or `conversation`, not both: the service keeps the turns of its own")
    earlier = tuple(data.conversation) if isinstance(data.conversation, list) else ()
    known = tuple(sorted((key.strip(), value) for key, value in data.context.items()))
    return Ask(data.question, earlier, request.user.audiences, speaks=data.language, context=known)


def _answered(
    request: Request[Caller, Any, State], state: State, data: Question, ask: Ask
) -> tuple[KnowledgeBase, Answer]:
    """What answered, and the answer, which is on record, with the form of its channel."""
    origin = origin_of(request, data.channel, data.customer_ref)
    id_ = NEW if data.conversation is True else data.conversation_id
    if id_ is None:
        kb, answer = asking.answer(state, ask, origin, explain=data.explain)
    else:
        kb, answer = asking.answer_in(state, id_, ask, origin, explain=data.explain)
    if not is_channel(data.channel):
        return kb, answer
    settings: Settings = state.settings
    site = settings.public_url or str(request.base_url).rstrip("/")
    limits = Limits(settings.sms_characters, settings.ivr_characters)
    return kb, replace(answer, form=form(answer, cast(Channel, data.channel), site=site, limits=limits))


async def _events(answer: Answer) -> AsyncIterator[ServerSentEventMessage]:
    """Each sentence with its source, then the sources, the next steps, and the whole answer, numbered from 1."""
    number = 0
    for part in told(answer):
        number += 1
        said = {"text": part.text, "before": part.before, "citation": part.citation}
        yield _event(number, "urgent" if part.urgent else "sentence", said)
    for name, value in (("citations", answer.citations), ("actions", answer.actions), ("done", answer)):
        number += 1
        yield _event(number, name, value)


def _event(number: int, name: str, value: object) -> ServerSentEventMessage:
    return ServerSentEventMessage(data=msgspec.json.encode(value), event=name, id=number)

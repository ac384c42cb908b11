"""`POST /api/answers`: a customer's question, alone or in a conversation, answered as JSON or as events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.openapi.spec import OpenAPIResponse
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from litestar.response import ServerSentEvent

from kb.access.callers import Caller
from kb.answer.forms import Channel, Limits, form, is_channel
from kb.config import Settings
from kb.conversations import NEW
from kb.errors import UsageError
from kb.questions import MAX_QUESTION
from kb.results import Answer, Ask
from kb.streams import SECONDS, Streams
from kb.web import asking, problems
from kb.web.events import FIRST_SECONDS, MEDIA_TYPE, awaited, is_over, parse_last, resumable
from kb.web.feedback import CustomerRef, origin_of
from kb.web.guards import requires
from kb.withheld import report

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


@dataclass
class _Streaming(asking.Conversing):
    """An operation that may have nothing more to tell."""

    def __post_init__(self) -> None:
        """Adds that to what Litestar found by itself."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"204": OpenAPIResponse("All events have come")}


@post(
    "/api/answers",
    status_code=200,
    summary="A short cited answer, or an honest refusal; as events with `Accept: text/event-stream`",
    operation_class=asking.Conversing,
    guards=[requires("public")],
)
async def answers(request: Request[Caller, Any, State], state: State, data: JSONBody[Question]) -> Response[Answer]:
    """The same question gets the same answer in every channel; it is on record before it is sent."""
    work = _work(request, state, data)
    reporting = BackgroundTask(_reported, state, _ask(request, data), work)
    if request.accept.best_match(["application/json", MEDIA_TYPE]) != MEDIA_TYPE:
        return Response(await work, background=reporting)
    await _begun(work)
    metrics = state.watch.metrics
    events = awaited(work, lambda error: problems.told(error, metrics))
    return cast(Response[Answer], ServerSentEvent(events, background=reporting))


@post(
    "/api/answers/stream",
    status_code=200,
    summary="The same answer, to be fetched as events by a browser's EventSource",
    operation_class=asking.Conversing,
    guards=[requires("public")],
)
async def stream_offers(
    request: Request[Caller, Any, State], state: State, data: JSONBody[Question]
) -> Response[StreamOffer]:
    """An EventSource can neither post nor send a key; so no question stands in a URL, only a token that works once."""
    work = _work(request, state, data)
    await _begun(work)
    streams, origin = _streams(state), origin_of(request, data.channel, data.customer_ref)
    token = await sync_to_thread(streams.offer, origin)
    if work.done():
        await sync_to_thread(streams.fill, token, work.result())
    filling = BackgroundTask(_filled, state, _ask(request, data), token, work, is_filled=work.done())
    return Response(StreamOffer(f"/api/answers/stream?token={token}", int(SECONDS)), background=filling)


@get(
    "/api/answers/stream",
    summary="An answer as events, once",
    operation_class=_Streaming,
    guards=[requires("public")],
    media_type=MEDIA_TYPE,
)
async def stream(
    state: State,
    token: Annotated[str, QueryParameter(description="Of the address", max_length=100)],
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="A browser's own", max_length=100)
    ] = None,
) -> Response[Any]:
    """Events `urgent`, `sentence`, `citations`, `actions`, `done`, or `problem`; any worker has them.

    Gone on with, by the id of the last event that came, within a minute; 204 once all of them have come.
    """
    streams, last = _streams(state), parse_last(last_event_id)
    if last is None:
        after, waiting = 0, await sync_to_thread(streams.take, token)
    else:
        after, waiting = last[0], await sync_to_thread(streams.again, token, last[1])
    if is_over(waiting, after):
        return Response(None, status_code=204)
    gone = {"status": 503, "title": "Unavailable", "detail": "the answer did not come: ask again"}
    return ServerSentEvent(resumable(streams, token, waiting, after, gone))


def _work(request: Request[Caller, Any, State], state: State, data: Question) -> asyncio.Task[Answer]:
    """The answer that is being made in a thread."""
    ask = _ask(request, data)
    return asyncio.create_task(sync_to_thread(_answered, request, state, data, ask))


async def _begun(work: asyncio.Task[Answer]) -> None:
    """Waits a little: who fails in that time has a status of their own. Raises what the work raised."""
    await asyncio.wait({work}, timeout=FIRST_SECONDS)
    if work.done():
        work.result()


async def _reported(state: State, ask: Ask, work: asyncio.Task[Answer]) -> None:
    """Keeps the question's place until it is answered, whether or not its asker is still there."""
    await asyncio.wait({work})
    if work.exception() is None:
        await sync_to_thread(report, asking.service_of(state).knowledge, ask, work.result())


async def _filled(state: State, ask: Ask, token: str, work: asyncio.Task[Answer], *, is_filled: bool) -> None:
    await asyncio.wait({work})
    error, streams = work.exception(), _streams(state)
    if isinstance(error, Exception):
        await sync_to_thread(streams.fail, token, problems.told(error, state.watch.metrics))
    elif not is_filled:
        await sync_to_thread(streams.fill, token, work.result())
    await _reported(state, ask, work)


def _ask(request: Request[Caller, Any, State], data: Question) -> Ask:
    """Raises UsageError where a conversation is given in two ways."""
    if data.conversation_id is not None and data.conversation:
        raise UsageError("give `conversation_id` or `conversation`, not both: the service keeps the turns of its own")
    earlier = tuple(data.conversation) if isinstance(data.conversation, list) else ()
    known = tuple(sorted((key.strip(), value) for key, value in data.context.items()))
    return Ask(data.question, earlier, request.user.audiences, speaks=data.language, context=known)


def _answered(request: Request[Caller, Any, State], state: State, data: Question, ask: Ask) -> Answer:
    """The answer, which is on record, with the form of its channel."""
    origin = origin_of(request, data.channel, data.customer_ref)
    id_ = NEW if data.conversation is True else data.conversation_id
    if id_ is None:
        _, answer = asking.answer(state, ask, origin, explain=data.explain)
    else:
        _, answer = asking.in_conversation(state, id_, ask, origin, explain=data.explain)
    if not is_channel(data.channel):
        return answer
    settings: Settings = state.settings
    site = settings.public_url or str(request.base_url).rstrip("/")
    limits = Limits(settings.sms_characters, settings.ivr_characters)
    return replace(answer, form=form(answer, cast(Channel, data.channel), site=site, limits=limits))


def _streams(state: State) -> Streams:
    return Streams(asking.service_of(state).journal)

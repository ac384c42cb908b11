"""An answer as server-sent events: begun with a comment where it is long in coming, gone on with where it broke off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from litestar.concurrency import sync_to_thread
from litestar.response.sse import ServerSentEventMessage

from kb.answer.streaming import told
from kb.errors import NotShown
from kb.results import Answer
from kb.streams import SECONDS, Streams, Waiting

MEDIA_TYPE = "text/event-stream"
FIRST_SECONDS = 1.0
"""What is not there by then is awaited within the stream; until then an error has its status."""
_ALIVE_SECONDS = 5.0
"""After so long without a word from us a proxy or a browser might take a connection for a dead one."""
_LOOK_SECONDS = 0.1
_AGAIN_MS = 1_000
"""A browser comes back after so long."""
_ALIVE = ServerSentEventMessage(data=None, comment="an answer is being written")

Tells = Callable[[Exception], dict[str, Any]]
"""The problem that an error is."""


def events_of(answer: Answer) -> list[tuple[str, object]]:
    """Each sentence with its source, then the sources, the next steps, and the whole answer."""
    parts: list[tuple[str, object]] = [
        ("urgent" if part.urgent else "sentence", {"text": part.text, "before": part.before, "citation": part.citation})
        for part in told(answer)
    ]
    return [*parts, ("citations", answer.citations), ("actions", answer.actions), ("done", answer)]


async def awaited(work: asyncio.Task[Answer], tells: Tells) -> AsyncIterator[ServerSentEventMessage]:
    """The events of an answer once it is made, numbered from 1, comments until then; an error is one `problem`."""
    while not work.done():
        yield _ALIVE
        await asyncio.wait({work}, timeout=_ALIVE_SECONDS)
    error = work.exception()
    found = events_of(work.result()) if error is None else [("problem", tells(_plain(error)))]
    for number, (name, value) in enumerate(found, 1):
        yield _event(str(number), name, value)


def parse_last(text: str | None) -> tuple[int, str] | None:
    """The number and the secret of the last event that came; None where there is none, or it is not of ours."""
    number, _, secret = (text or "").partition(".")
    return (int(number), secret) if number.isascii() and number.isdigit() and len(number) < 6 else None


def is_over(waiting: Waiting, after: int) -> bool:
    """Whether all events came already: then a browser is to come no more."""
    if waiting.problem is not None:
        return after >= 1
    return waiting.answer is not None and after >= len(events_of(waiting.answer))


async def resumable(
    streams: Streams, token: str, waiting: Waiting, after: int, gone: dict[str, Any]
) -> AsyncIterator[ServerSentEventMessage]:
    """The events behind number `after`; their ids carry the secret by which they are gone on with.

    `gone` is the problem that is told where the answer does not come.
    """
    begun = msgspec.json.encode({"expires_in": int(SECONDS)})
    yield ServerSentEventMessage(data=begun, event="begun", id=f"{after}.{waiting.secret}", retry=_AGAIN_MS)
    waited = 0.0
    while not waiting.is_there:
        if waited % _ALIVE_SECONDS < _LOOK_SECONDS:
            yield _ALIVE
        await asyncio.sleep(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
        waiting = await sync_to_thread(_looked, streams, token, waiting.secret, gone)
    problem = [("problem", waiting.problem)]
    found = problem if waiting.answer is None else events_of(waiting.answer)
    for number, (name, value) in enumerate(found, 1):
        if number > after:
            yield _event(f"{number}.{waiting.secret}", name, value)


def _looked(streams: Streams, token: str, secret: str, gone: dict[str, Any]) -> Waiting:
    try:
        return streams.again(token, secret)
    except NotShown:
        return Waiting(secret, problem=gone)


def _plain(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RuntimeError(f"the work was ended: {error!r}")


def _event(id_: str, name: str, value: object) -> ServerSentEventMessage:
    return ServerSentEventMessage(data=msgspec.json.encode(value), event=name, id=id_)

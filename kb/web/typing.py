"""Search as an agent types: of what one console types only the newest is answered, and nothing that is stale."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import WebSocket, websocket
from litestar.datastructures import State

from kb.access.callers import Caller
from kb.errors import KbError, UsageError
from kb.questions import MAX_QUESTION
from kb.results import Ask, SearchResult
from kb.web.asking import pair_of
from kb.web.metrics import TYPED
from kb.web.sockets import Console, Counted, may_connect, too_often
from kb.web.switchboard import Switchboard

DEBOUNCE_SECONDS = 0.04
"""A query is looked up when nothing newer came for so long."""
_LONGEST = 200


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST)] | None


class Typed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in the box; `query` is the console's own count, which the result carries.

    `product`, `language`, `tag` and `context` (each `KEY:VALUE`) as in `GET /api/search`.
    """

    query: int
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_QUESTION)]
    k: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5
    product: _Name = None
    language: _Name = None
    tag: _Name = None
    context: Annotated[tuple[str, ...], msgspec.Meta(max_length=20)] = ()


class _Box:
    """What one console types: the newest query waits, an older one that waited is dropped."""

    def __init__(self, console: Console, state: State) -> None:
        self._console, self._state = console, state
        self._newest: Typed | None = None
        self._changed = asyncio.Event()
        self._board: Switchboard = state.switchboard

    async def take(self, message: Any) -> None:
        """Takes note of a query."""
        try:
            typed = msgspec.convert(message, Typed)
        except msgspec.ValidationError as error:
            self._console.tell({"type": "error", "detail": str(error)})
            return
        if self._newest is not None:
            self._board.metrics.count(TYPED, "stale")
        self._newest = typed
        self._changed.set()

    async def answer(self) -> None:
        """Looks up the newest query, again and again; one for which a newer one came meanwhile is not answered."""
        while True:
            await self._changed.wait()
            await self._settled()
            typed, self._newest = self._newest, None
            if typed is None:
                continue
            told = await self._found(typed)
            stale = self._newest is not None
            self._board.metrics.count(TYPED, "stale" if stale else "answered")
            if not stale:
                self._console.tell(told)

    async def _settled(self) -> None:
        while self._changed.is_set():
            self._changed.clear()
            await asyncio.sleep(DEBOUNCE_SECONDS)

    async def _found(self, typed: Typed) -> dict[str, Any]:
        named: dict[str, Any] = {"type": "results", "query": typed.query}
        if seconds := await too_often(self._console, self._state):
            return named | {"type": "error", "detail": f"too many queries: come again in {seconds} s"}
        try:
            known = tuple(pair_of(text) for text in typed.context)
            seen = self._console.caller.audiences
            ask = Ask(typed.text, (), seen, None, typed.product, typed.language, typed.tag, known)
            result = await self._board.look_up(lambda: self._search(ask, typed.k))
        except UsageError as error:
            return named | {"type": "error", "detail": str(error)}
        except KbError as error:
            self._board.failed(error)
            return named | {"type": "error", "detail": "the knowledge base cannot answer at the moment"}
        return named | {"hits": result.hits, "tickets": result.tickets, "took_ms": result.took_ms}

    def _search(self, ask: Ask, k: int) -> SearchResult:
        found: SearchResult = self._state.service.knowledge.search(ask, k)
        return found


@websocket("/api/typing", guards=[may_connect])
async def typing(socket: WebSocket[Caller, Any, State], state: State) -> None:
    """Not recorded: what is meant is searched by `GET /api/search` when the agent presses Enter."""
    board: Switchboard = state.switchboard
    console = Console(socket, board.metrics, "typing")
    box, tasks = _Box(console, state), []
    counted: Counted = state.consoles["typing"]
    with counted.one():
        try:
            await console.run(lambda: tasks.append(asyncio.ensure_future(box.answer())), box.take)
        finally:
            for task in tasks:
                task.cancel()

"""WebSockets of agents' consoles: who may open one, for how long, and how much may wait to be sent on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
import msgspec
from litestar import WebSocket
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import PermissionDeniedException, WebSocketDisconnect
from litestar.handlers.base import BaseRouteHandler

from kb.access.callers import ANYBODY, Caller
from kb.access.reception import Reception
from kb.web.entrance import COOKIE
from kb.web.metrics import CONSOLES, SOCKETS_ENDED, Metrics

Socket = WebSocket[Caller, Any, State]
KEY_SECONDS = 5.0
"""Within these a console that sent no header has to send its key."""
CHECK_SECONDS = 1.0
"""How often it is looked whether the key or the session still holds."""
SEND_SECONDS = 10.0
"""How long one message may take to be sent."""
MOST_WAITING = 256
"""Messages that wait to be sent on one socket; with one more it is ended, and the console connects again."""
UNKNOWN, FORBIDDEN, SLOW, POLICY = 4401, 4403, 1013, 1008
"""Close codes: no key (or no longer), a role too small, a console that does not keep up, what is no message."""


class Ended(Exception):
    """The socket is to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


async def may_connect(connection: ASGIConnection[Any, Caller, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: an agent's key or session, or nobody yet, who then sends a key; a page only of our own address.

    Raises PermissionDeniedException.
    """
    caller: Caller = connection.scope["user"]
    if caller is not ANYBODY and not caller.may("agent"):
        raise PermissionDeniedException(f"this is for the role agent; yours is {caller.role}")
    by_cookie = caller is not ANYBODY and "authorization" not in connection.headers
    if by_cookie and not _is_own_page(connection):
        raise PermissionDeniedException("a page of another site may not use this person's session")


def _is_own_page(connection: ASGIConnection[Any, Caller, Any, Any]) -> bool:
    origin, host = connection.headers.get("origin", ""), connection.headers.get("host", "")
    own = {f"http://{host}", f"https://{host}", connection.app.state.settings.public_url}
    return origin in own


class Console:
    """One accepted socket: who is at it, and what waits to be sent."""

    def __init__(self, socket: Socket, metrics: Metrics, kind: str) -> None:
        self._socket, self._metrics, self._kind = socket, metrics, kind
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._reception: Reception = socket.app.state.reception
        self._secret: str | None = None
        self.caller: Caller = socket.scope["user"]

    def tell(self, message: object) -> None:
        """Puts a message into the queue; a console that does not read is ended, and may resume."""
        try:
            self._waiting.put_nowait(msgspec.json.encode(message).decode())
        except asyncio.QueueFull:
            self.end(Ended(SLOW, "too much waits to be read: connect again, after the last number"))

    def end(self, why: Ended) -> None:
        """Ends the socket, once."""
        if not self._ended.done():
            self._ended.set_result(why)

    async def run(self, begin: Callable[[], None], take: Callable[[Any], Awaitable[None]]) -> None:
        """Until the socket ends: `begin` once it is known who is there, `take` for each message, which is JSON."""
        await self._socket.accept()
        tasks: list[asyncio.Task[Any]] = []
        try:
            await self._know()
            begin()
            tasks += map(asyncio.ensure_future, (self._receive(take), self._send(), self._check()))
            await asyncio.wait([self._ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and (error := task.exception()):
                    raise error
            raise self._ended.result()
        except Ended as ended:
            self._metrics.count(SOCKETS_ENDED, _why(ended.code))
            with contextlib.suppress(Exception):
                await self._socket.close(ended.code, ended.reason)
        except (WebSocketDisconnect, TimeoutError):
            self._metrics.count(SOCKETS_ENDED, "left")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _know(self) -> None:
        """Who is there: by header or cookie already, else by a key in the first message. Raises Ended."""
        given = self._socket.headers.get("authorization")
        if self.caller is not ANYBODY:
            self._secret = given.partition(" ")[2].strip() if given else None
            return
        try:
            async with asyncio.timeout(KEY_SECONDS):
                first = _decoded(await self._socket.receive_text())
        except TimeoutError:
            raise Ended(UNKNOWN, f"no key within {KEY_SECONDS:g} s") from None
        secret = first.get("key") if isinstance(first, dict) else None
        caller = self._reception.keys.caller(secret) if isinstance(secret, str) else None
        if caller is None:
            raise Ended(UNKNOWN, "this is no key, or it was revoked, or it has expired")
        if not caller.may("agent"):
            raise Ended(FORBIDDEN, f"this is for the role agent; yours is {caller.role}")
        self.caller, self._secret = caller, secret

    async def _receive(self, take: Callable[[Any], Awaitable[None]]) -> None:
        while True:
            await take(_decoded(await self._socket.receive_text()))

    async def _send(self) -> None:
        while True:
            message = await self._waiting.get()
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(message)

    async def _check(self) -> None:
        """Raises Ended once the key or session holds no longer, or gives another role or other groups."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if await self._now() != self.caller:
                raise Ended(UNKNOWN, "this key or session holds no longer")

    async def _now(self) -> Caller | None:
        if self._secret is not None:
            return self._reception.keys.caller(self._secret)
        token = self._socket.cookies.get(COOKIE, "")
        return await anyio.to_thread.run_sync(self._reception.sessions.caller, token)


async def too_often(console: Console, state: State) -> int:
    """Seconds to wait where one message more is too many for its caller this minute; else 0, and it is counted."""
    limit, limits = state.settings.key_requests, state.reception.limits
    if not limit:
        return 0
    who = f"caller {console.caller.id}"
    seconds = limits.at_once(who)
    found: int = seconds if seconds is not None else await anyio.to_thread.run_sync(limits.wait, who, limit)
    return found


class Counted:
    """Counts the sockets of one kind that are open in this process."""

    def __init__(self, metrics: Metrics, kind: str) -> None:
        self._metrics, self._kind, self._open = metrics, kind, 0

    @contextlib.contextmanager
    def one(self) -> Any:
        """One more until the block ends."""
        self._open += 1
        self._metrics.set(CONSOLES, self._open, self._kind)
        try:
            yield
        finally:
            self._open -= 1
            self._metrics.set(CONSOLES, self._open, self._kind)


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise Ended(POLICY, "a message is one JSON object") from None


def _why(code: int) -> str:
    return {UNKNOWN: "unknown", FORBIDDEN: "forbidden", SLOW: "slow"}.get(code, "policy")

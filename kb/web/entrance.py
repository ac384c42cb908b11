"""The way in for every request: who calls, whether too often, and whether a page of another site made them."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio.to_thread
from litestar import Request
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import (
    ClientException,
    NotAuthorizedException,
    PermissionDeniedException,
    TooManyRequestsException,
)
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.types.asgi_types import HTTPReceiveMessage

from kb.access.callers import ANYBODY, Caller
from kb.access.keys import Keys
from kb.access.limits import Limits
from kb.access.sessions import Sessions, is_csrf_token
from kb.config import Settings
from kb.web.guards import CHALLENGE, SIGNING_IN

COOKIE = "kb_session"
CSRF_HEADER = "x-csrf-token"
AS_ANYBODY = "as_anybody"
"""In a route's `opt`: it is the same page for everybody, so that neither key nor session is looked at."""
BODY_SECONDS = 10.0
"""Within these a body has to arrive, unless its route's `opt` says otherwise."""
BODY_WITHIN = "body_within"
"""In a route's `opt`: the seconds that its body may take, for uploads."""
OPEN = ("/health/", "/schema")
"""Paths whose callers are never looked at: whether the service lives is told even when it cannot read a key."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Entrance(ASGIMiddleware):
    """Sets `scope["user"]` to the Caller of every request that it lets in."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(self, keys: Keys, sessions: Sessions, limits: Limits, settings: Settings) -> None:
        self._keys, self._sessions, self._limits, self._settings = keys, sessions, limits, settings

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raises HTTPException: 401 for what is no key, 403 for another site's doing, 429 for too many requests."""
        scope["user"] = ANYBODY
        if not scope["path"].startswith(OPEN):
            if not scope["route_handler"].opt.get(AS_ANYBODY):
                scope["user"] = await self._identified(scope)
            await self._count(scope)
        if scope["type"] == ScopeType.HTTP and scope["method"] not in _SAFE:
            handler = scope.get("route_handler")
            receive = in_time(receive, handler.opt.get(BODY_WITHIN) if handler else None)
        await next_app(scope, receive, send)

    async def _identified(self, scope: Scope) -> Caller:
        """A key wins over a cookie; a wrong one is never taken for none. Raises HTTPException."""
        request: Request[Caller, Any, State] = Request(scope)
        if (given := request.headers.get("authorization")) is not None:
            return await self._by_key(scope, given)
        if (token := request.cookies.get(COOKIE)) is None:
            return ANYBODY
        begins = bool(scope["route_handler"].opt.get(SIGNING_IN))
        caller = await anyio.to_thread.run_sync(self._sessions.caller, token)
        if caller is None:
            if begins:
                return ANYBODY
            await self._count(scope)
            over = {"Set-Cookie": f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"}
            raise NotAuthorizedException("this session is over: sign in again", headers=CHALLENGE | over)
        if not (_is_safe(scope) or begins) and not is_csrf_token(request.headers.get(CSRF_HEADER, ""), token):
            raise PermissionDeniedException(f"send the token of GET /api/session as {CSRF_HEADER}")
        return caller

    async def _by_key(self, scope: Scope, given: str) -> Caller:
        scheme, _, secret = given.partition(" ")
        caller = self._keys.caller(secret.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            await self._count(scope)
            raise NotAuthorizedException(
                "this is no key, or it was revoked, or it has expired",
                headers={"WWW-Authenticate": CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'},
            )
        return caller

    async def _count(self, scope: Scope) -> None:
        """One request more of a caller, or of the address that one without a key has. Raises HTTPException."""
        caller: Caller = scope["user"]
        known = caller is not ANYBODY
        limit = self._settings.key_requests if known else self._settings.address_requests
        if not limit:
            return
        who = f"caller {caller.id}" if known else f"address {(scope['client'] or ('',))[0]}"
        if (seconds := self._limits.at_once(who)) is None:
            seconds = await anyio.to_thread.run_sync(self._limits.wait, who, limit)
        if seconds:
            raise too_often(f"more than {limit} requests a minute", seconds)


def too_often(why: str, seconds: int) -> TooManyRequestsException:
    """The refusal of one who came too often: come again in `seconds`."""
    return TooManyRequestsException(f"{why}: come again in {seconds} s", headers={"Retry-After": str(seconds)})


def _is_safe(scope: Scope) -> bool:
    """Whether a request changes nothing by itself; a WebSocket's page is checked by its origin, where one is made."""
    return scope["type"] != ScopeType.HTTP or scope["method"] in _SAFE


def in_time(receive: Receive, seconds: float | None = None) -> Receive:
    """`receive`, but the body has to be whole in time; what comes after it may take as long as it will."""
    seconds = seconds or BODY_SECONDS
    until, whole = asyncio.get_running_loop().time() + seconds, False

    async def received() -> HTTPReceiveMessage:
        nonlocal whole
        try:
            async with asyncio.timeout_at(None if whole else until):
                message = await receive()
        except TimeoutError as error:
            raise ClientException(
                f"the body was not whole within {seconds:g} s", status_code=408, headers={"Connection": "close"}
            ) from error
        whole = whole or not message.get("more_body", False)
        return message  # type: ignore[return-value]

    return received

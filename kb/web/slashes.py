"""Slashes within one part of a path: `%2F` in an article's id is no border between two parts."""

from __future__ import annotations

import re
from urllib.parse import unquote

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

_SENT = re.compile(r"%2[Ff]")
_MARK = "\udc2f"
"""Stands for a slash until a route is found: half of a surrogate pair, which no decoded path can hold."""


class Slashes:
    """Stands before the application: hides the slashes that were sent as `%2F`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on."""
        if b"%2" in scope.get("raw_path", b""):
            parts = _SENT.split(scope["raw_path"].decode("ascii"))
            scope["path"] = _MARK.join(unquote(part) for part in parts)
        await self._app(scope, receive, send)


class Unhidden(ASGIMiddleware):
    """Stands within the application, first: path and path parameters hold slashes again."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Passes on."""
        if _MARK in scope["path"]:
            scope["path"] = scope["path"].replace(_MARK, "/")
            found = scope["path_params"].items()  # kept by the router for the next request: not to be changed
            scope["path_params"] = {k: v.replace(_MARK, "/") if isinstance(v, str) else v for k, v in found}
        await next_app(scope, receive, send)

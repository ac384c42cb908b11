"""Ids of articles hold slashes: sent as `%2F`, one is one part of a path all the same."""

from __future__ import annotations

from urllib.parse import unquote

from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException
from litestar.types import ASGIApp, Receive, Scope, Send

_BEFORE = b"/api/articles/"


class WholeIds:
    """Stands before the application; below `/api/articles/` a path's parts arrive as they were sent, for `id_of`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on."""
        raw = (scope.get("raw_path") or b"") if scope["type"] == ScopeType.HTTP else b""
        if raw.startswith(_BEFORE) and raw.isascii():
            scope["path"] = raw.partition(b"?")[0].decode("ascii")
        await self._app(scope, receive, send)


def id_of(part: str) -> str:
    """The id that a part of a path stands for. Raises NotFoundException where it is no text."""
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise NotFoundException("there is no such article: its id is not UTF-8") from None

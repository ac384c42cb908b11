"""Every request, whatever becomes of it: it has an id, a line in the log, and a place in the metrics."""

from __future__ import annotations

import logging
import re
import time
import uuid
from contextvars import ContextVar
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from kb.logs import CONTEXT, fields
from kb.web.metrics import REQUEST_SECONDS, Metrics

_HEADER = b"x-request-id"
_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""Of ids from outside, only a UUID or 32 hexadecimal digits: anything freer could bring a telephone number along."""
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_QUIET = ("/health/", "/metrics")
UNMATCHED = "unmatched"
_NOTED: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)
log = logging.getLogger("kb.web")


def request_id() -> str | None:
    """The id of the request at hand; None outside of one."""
    found: str | None = CONTEXT.get().get("request_id")
    return found


def note(**values: Any) -> None:
    """What the line of the request at hand is to say; names are those of `kb.logs.FIELDS`."""
    noted = _NOTED.get()
    if noted is not None:
        noted.update(values)


class Requests:
    """Stands before the whole application, so that it sees what no route takes as well."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on; what is said of a request is said before the last of its answer is sent."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        one = _Request(scope, send, self._metrics)
        CONTEXT.set({"request_id": one.id})
        _NOTED.set(one.noted)
        try:
            await self._app(scope, receive, one.send)
        finally:
            one.end()


class _Request:
    """One request and what is known of it."""

    def __init__(self, scope: Any, send: Send, metrics: Metrics) -> None:
        self.id = _given_id(scope["headers"]) or uuid.uuid4().hex
        self.noted: dict[str, Any] = {}
        self._scope, self._send, self._metrics = scope, send, metrics
        self._began, self._status, self._ended = time.perf_counter(), 500, False

    async def send(self, message: Message) -> None:
        """Sends a message with the id in its head."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = [*message["headers"], (_HEADER, self.id.encode())]
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self.end()
        await self._send(message)

    def end(self) -> None:
        """Once: counts and logs."""
        if self._ended:
            return
        self._ended = True
        seconds = time.perf_counter() - self._began
        route = self._scope.get("path_template") or UNMATCHED
        method = self._scope["method"] if self._scope["method"] in _METHODS else "OTHER"
        self._metrics.observe(REQUEST_SECONDS, seconds, route, method, str(self._status))
        log.log(
            logging.DEBUG if route.startswith(_QUIET) else logging.INFO,
            "request",
            extra=fields(
                method=method, route=route, status=self._status, ms=round(seconds * 1000, 1),
                caller=getattr(self._scope.get("user"), "id", ""), **self.noted,
            ),
        )  # fmt: skip


def _given_id(headers: Any) -> str | None:
    for name, value in headers:
        if name.lower() == _HEADER:
            text = value.decode("latin-1")
            return text if _ID.fullmatch(text) else None
    return None

"""Errors below `/v1`, in the shape that OpenAI's clients read."""

from __future__ import annotations

import logging
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Reference, Schema
from litestar.types import ExceptionHandlersMap

from kb.errors import KbError, NotShown, UsageError
from kb.web.completion_objects import Error, Refused
from kb.web.metrics import ERRORS
from kb.web.requests import request_id

_KINDS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", "permission_denied"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
_TOLD = {
    "400": "A parameter that cannot be had, or no question",
    "401": "A key that is wrong, revoked or expired",
    "403": "A change by a session without its CSRF token",
    "404": "No such model, or no such conversation of this key and user",
    "408": "The body was not whole in time",
    "413": "The body is too large",
    "429": "Too many requests; `Retry-After` says how long to wait",
    "503": "Too many questions at hand, or the knowledge base cannot answer",
}
log = logging.getLogger("kb.web")


class Unsupported(UsageError):
    """A parameter of a request to `/v1` cannot be had: leave it out, or correct it (HTTP 400)."""

    def __init__(self, param: str, message: str, code: str = "unsupported_value") -> None:
        super().__init__(message)
        self.param, self.code = param, code


def refusals(*statuses: str) -> dict[str, OpenAPIResponse | Reference]:
    """The responses of these statuses, for the OpenAPI document."""
    text: dict[str, Schema | Reference] = {name: Schema(type=OpenAPIType.STRING) for name in ("message", "type")}
    for name in ("param", "code", "request_id"):
        text[name] = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL])
    error = Schema(type=OpenAPIType.OBJECT, properties=text, required=["message", "type", "param", "code"])
    body = Schema(type=OpenAPIType.OBJECT, properties={"error": error}, required=["error"])
    return {s: OpenAPIResponse(_TOLD[s], content={"application/json": OpenAPIMediaType(schema=body)}) for s in statuses}


def _refused(
    status: int, message: str, *, param: str | None = None, code: str | None = None, headers: Any = None
) -> Response[Refused]:
    kind, usual = _KINDS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    error = Error(message, kind, param, code or usual, request_id())
    return Response(Refused(error), status_code=status, media_type="application/json", headers=headers)


def _unsupported(_: Request[Any, Any, Any], error: Unsupported) -> Response[Refused]:
    return _refused(400, f"{error.param}: {error}", param=error.param, code=error.code)


def _usage(_: Request[Any, Any, Any], error: UsageError) -> Response[Refused]:
    return _refused(400, str(error))


def _not_shown(_: Request[Any, Any, Any], error: NotShown) -> Response[Refused]:
    return _refused(404, str(error), param="metadata.conversation_id", code="conversation_not_found")


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Refused]:
    """What Litestar, the entrance and the admission refuse; where a field is malformed, it is named."""
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    param, why = first.get("key"), first.get("message")
    message = f"{param}: {why}" if param and why else why or error.detail
    return _refused(error.status_code, str(message), param=param, headers=error.headers)


def _unavailable(request: Request[Any, Any, Any], error: KbError) -> Response[Refused]:
    log.error("%s", error)
    request.app.state.watch.metrics.count(ERRORS, type(error).__name__)
    return _refused(503, "the knowledge base cannot answer at the moment")


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Refused]:
    log.error("unexpected error", exc_info=error)
    request.app.state.watch.metrics.count(ERRORS, type(error).__name__)
    return _refused(500, "something went wrong here; it has been logged")


HANDLERS: ExceptionHandlersMap = {
    Unsupported: _unsupported,
    UsageError: _usage,
    NotShown: _not_shown,
    KbError: _unavailable,
    HTTPException: _http,
    Exception: _unexpected,
}

"""One mapping from errors to RFC 9457 problems, whether they are a response or an event within one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin

from kb.errors import AccountRefused, InputError, KbError, MoveRefused, NotShown, StaleBase, UsageError
from kb.web.metrics import ERRORS, Metrics
from kb.web.pages.problem import problem_page, wants_page
from kb.web.requests import request_id

_TITLES = {
    303: "See Other", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 412: "Precondition Failed",
    413: "Content Too Large", 428: "Precondition Required", 429: "Too Many Requests", 503: "Unavailable",
}  # fmt: skip
log = logging.getLogger("kb.web")


def problem_details(metrics: Metrics) -> ProblemDetailsPlugin:
    """Makes problems of the errors that handlers raise."""
    known = (KbError, UsageError, InputError, MoveRefused, StaleBase, NotShown, HTTPException)
    made = partial(_expected, metrics=metrics)
    return ProblemDetailsPlugin(ProblemDetailsConfig(exception_to_problem_detail_map=dict.fromkeys(known, made)))


def told(error: Exception, metrics: Metrics) -> dict[str, Any]:
    """The problem that an error is, where its status comes too late for the response's own."""
    if not isinstance(error, KbError | HTTPException):
        return _defect(error, metrics)
    made = _expected(error, metrics)
    extra = made.extra if isinstance(made.extra, Mapping) else {}
    return {"status": made.status_code, "title": made.title, "detail": made.detail, **extra}


class Problem(ProblemDetailsException):
    """What went wrong, in the form that its reader takes: a page, or JSON."""

    def to_response(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """A page where a person's browser asked for one."""
        if self.status_code == 303 or not wants_page(request):
            return super().to_response(request)
        extra = self.extra if isinstance(self.extra, dict) else {}
        return problem_page(request, self.status_code, self.headers or {}, extra.get("request_id"))


def unexpected(request: Request[Any, Any, State], error: Exception) -> Response[Any]:
    """A defect: logged whole, told in one line, never with a trace."""
    body = _defect(error, request.app.state.watch.metrics)
    if wants_page(request):
        return problem_page(request, 500, {}, body.get("request_id"))
    return Response(body, status_code=500, media_type="application/problem+json")


def _defect(error: Exception, metrics: Metrics) -> dict[str, Any]:
    log.error("unexpected error", exc_info=error)
    metrics.count(ERRORS, type(error).__name__)
    return {
        "status": 500,
        "title": "Internal Server Error",
        "detail": "something went wrong here; it has been logged",
        **_named(),
    }


def _expected(error: Exception, metrics: Metrics) -> Problem:
    if isinstance(error, HTTPException):
        return Problem(
            error.detail,
            status_code=error.status_code,
            title=_TITLES.get(error.status_code),
            extra=_named(error.extra),
            headers=error.headers,
        )
    if isinstance(error, MoveRefused):
        more = {"reason": error.reason, **error.detail}
        return Problem(str(error), status_code=409, title=_TITLES[409], extra=_named(more))
    if isinstance(error, StaleBase):
        return Problem(str(error), status_code=412, title=_TITLES[412], extra=_named(error.sides))
    if isinstance(error, AccountRefused):
        return Problem(str(error), status_code=409, title=_TITLES[409], extra=_named({"reason": error.reason}))
    if isinstance(error, UsageError | InputError):
        return Problem(str(error), status_code=400, title=_TITLES[400], extra=_named())
    if isinstance(error, NotShown):
        return Problem(str(error), status_code=404, title=_TITLES[404])
    log.error("%s", error)
    metrics.count(ERRORS, type(error).__name__)
    return Problem(
        "the knowledge base cannot answer at the moment", status_code=503, title=_TITLES[503], extra=_named()
    )


def _named(extra: Any = None) -> dict[str, Any]:
    """What a problem says beside itself: which request it was, as the log names it."""
    others = dict(extra) if isinstance(extra, Mapping) else {"extra": extra} if extra else {}
    return others | ({"request_id": known} if (known := request_id()) else {})

"""A failure as a page, for somebody who reads pages; programs get a problem (RFC 9457) instead."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.response import Redirect, Template

from kb.web.entrance import COOKIE
from kb.web.guards import PAGE, SIGNING_IN, sign_in_path
from kb.web.pages.interface import gettext_noop as _
from kb.web.pages.interface import page, reader_of, translations

_FOR_PROGRAMS = ("/api/", "/v1/", "/mcp", "/health/", "/metrics", "/schema", "/static/", "/pictures/")
_TEXTS = {
    401: (
        _("Please sign in again"),
        _("Your session is over, or this page is for those who signed in."),
    ),
    403: (_("This is not for you"), _("Your role does not allow this. Ask an administrator if it should.")),
    404: (_("There is no such page"), _("It may have moved, or its article was taken down.")),
    500: (_("Something went wrong"), _("It is our fault, and it has been logged. Please try again.")),
}
_BUSY = (_("Not at the moment"), _("Many people are asking at the moment. Please try again in a few seconds."))
_OTHER = (_("That did not work"), _("Please go back and try again."))


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Whether it is a person's browser that failed to get a page."""
    path = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith(_FOR_PROGRAMS)


def problem_page(
    request: Request[Any, Any, Any], status: int, headers: dict[str, str], request_id: str | None
) -> Response[Any] | Template:
    """The page; of one who was signed in until now, the way to sign in again."""
    handler = request.scope.get("route_handler")
    if status == 401 and handler is not None and handler.opt.get(PAGE) and not handler.opt.get(SIGNING_IN):
        again = Redirect(sign_in_path(request), status_code=303)
        again.delete_cookie(COOKIE)
        return again
    title, what = _TEXTS.get(status, _BUSY if status in (429, 503) else _OTHER)
    gettext = translations(reader_of(request).language).gettext
    values = {"title": gettext(title), "what": gettext(what), "request_id": request_id, "lost": status == 404}
    shown = page(request, "problem.html", status, **values)
    shown.headers |= headers
    return shown

"""Pages for those who work here: who may open one, what leads to the others, and the token that changes need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.response import Template

from kb.access.callers import Caller, Role
from kb.access.sessions import csrf_token
from kb.web.entrance import COOKIE
from kb.web.guards import PAGE, requires
from kb.web.pages.interface import gettext_noop as _
from kb.web.pages.interface import page


@dataclass(frozen=True, slots=True)
class Place:
    """A page that the navigation of staff leads to; `name` is in English, the key of its translation."""

    path: str
    name: str
    role: Role


PLACES = (
    Place("/agent", _("Answers"), "agent"),
    Place("/edit", _("Articles"), "editor"),
    Place("/admin", _("Administration"), "admin"),
)


ACCOUNT = "/account"
"""Who one is, for everybody who signed in."""


def for_staff(role: Role, **opt: Any) -> dict[str, Any]:
    """What a handler of such a page says of itself: who is not signed in is led to sign in."""
    return {"opt": {PAGE: True, **opt}, "guards": [requires(role)], "include_in_schema": False}


def landing(caller: Caller) -> str:
    """Where somebody's work begins: the place for the highest role among those that they may enter."""
    return next((place.path for place in reversed(PLACES) if caller.may(place.role)), ACCOUNT)


def staff_page(request: Request[Caller, Any, Any], template: str, status: int = 200, **values: Any) -> Template:
    """A page with the places of its reader's role; `csrf` is null for one who came with a key."""
    token = request.cookies.get(COOKIE) if "authorization" not in request.headers else None
    csrf = csrf_token(token) if token and request.user.id else None
    places = [place for place in PLACES if request.user.may(place.role)]
    return page(request, template, status, csrf=csrf, places=places, **values)

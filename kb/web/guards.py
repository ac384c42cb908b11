"""Who may call a route: said at each route by one guard, and nowhere else."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler

from kb.access.callers import ANYBODY, Caller, Role
from kb.config import Settings

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="kb"'}
SIGN_IN = "/signin"
"""The page where people sign in; a page that is not for anybody leads there."""
SIGNING_IN = "signing_in"
"""In a route's `opt`: a session begins there; one at hand gives no rights there and one that is over is no obstacle."""
PAGE = "page"
"""In a route's `opt`: it is read by people, who are led to sign in rather than refused."""
FRAMED = "framed"
"""In a route's `opt`: the centre's own sites may show it within their pages."""
FRAMED_SIGN_IN = f"{SIGN_IN}/framed"
"""Shown in place of a page within another site's, where nobody is known: the sign-in page is never framed."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")  # by a proxy on this machine
_Connection = ASGIConnection[Any, Caller, Any, Any]


@dataclass(frozen=True)
class Requires:
    """A guard that lets in whoever may do what `role` may; `public` says that a route is for everybody."""

    role: Role

    async def __call__(self, connection: _Connection, handler: BaseRouteHandler) -> None:
        """Raises HTTPException: 401 (or a way to the sign-in page) without a key, 403 where a role is too small."""
        caller = caller_of(connection)
        if caller.may(self.role):
            return
        if caller is not ANYBODY:
            raise PermissionDeniedException(f"this is for the role {self.role}; yours is {caller.role}")
        if handler.opt.get(PAGE):
            raise HTTPException("sign in first", status_code=303, headers={"Location": sign_in_path(connection)})
        raise NotAuthorizedException(f"this is for the role {self.role}: send a key, or sign in", headers=CHALLENGE)


class SignedIn(Requires):
    """A guard that lets in whoever signed in, as whatever role."""

    async def __call__(self, connection: _Connection, handler: BaseRouteHandler) -> None:
        """Raises HTTPException, as for an agent, without a session or a key."""
        await Requires("public" if caller_of(connection) is not ANYBODY else "agent")(connection, handler)


def requires(role: Role) -> Requires:
    """A guard for `guards=[requires("agent")]`."""
    return Requires(role)


async def may_read_metrics(connection: _Connection, handler: BaseRouteHandler) -> None:
    """A guard for `/metrics`: an admin, or, where the setting `metrics` says `loopback`, whoever is on this machine."""
    settings: Settings = connection.app.state.settings
    passed_on = any(name in connection.headers for name in _FORWARDED)
    if settings.metrics != "loopback" or passed_on or not is_loopback(address_of(connection)):
        await requires("admin")(connection, handler)


def caller_of(connection: _Connection) -> Caller:
    """Who calls."""
    caller: Caller = connection.scope["user"]
    return caller


def address_of(connection: _Connection) -> str:
    """The caller's address, as uvicorn knows it: behind a proxy that it trusts, the one which that names."""
    return connection.client.host if connection.client else ""


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_path(text: str) -> str:
    """A path of this service, whatever was asked for: nobody is led to another site from here."""
    parts = urlsplit(text)
    own = text.startswith("/") and not parts.scheme and not parts.netloc and "\\" not in text and text.isprintable()
    return text if own and not text.startswith("//") else "/"


def sign_in_path(connection: _Connection) -> str:
    """The sign-in page that leads back to the page at hand; within another site's page, the one that may be there."""
    handler = connection.scope.get("route_handler")
    framed = connection.headers.get("sec-fetch-dest") == "iframe" and handler is not None and handler.opt.get(FRAMED)
    query = connection.scope["query_string"].decode("latin-1")
    here = connection.scope["path"] + (f"?{query}" if query else "")
    return f"{FRAMED_SIGN_IN if framed else SIGN_IN}?next={quote(here, safe='')}"

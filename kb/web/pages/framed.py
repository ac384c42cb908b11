"""Signing in to the console where it stands within another site's page: in a window of its own, which lends a code.

A browser sends no `SameSite=Lax` cookie into such a frame. Where the setting allows, the frame gets one for that site's
pages alone (`Partitioned`, CHIPS), in exchange for a code that only a window of this service can hand it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.openapi.spec import Operation
from litestar.params import FromQuery, JSONBody
from litestar.response import Template

from kb.access.callers import Caller
from kb.access.reception import Reception
from kb.config import Settings
from kb.web.documented import problem
from kb.web.entrance import COOKIE
from kb.web.guards import (
    CHALLENGE,
    FRAMED,
    FRAMED_SIGN_IN,
    PAGE,
    SIGN_IN,
    SIGNING_IN,
    address_of,
    own_path,
    requires,
)
from kb.web.pages.interface import page
from kb.web.pages.staff import for_staff, staff_page
from kb.web.signin import refuse_other_sites

DONE = f"{SIGN_IN}/done"
_OFF = "the setting framed_sessions is off"
_Request = Request[Caller, Any, State]


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a window lends to the frame that opened it: used once, within a minute."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


@dataclass
class _Framing(Operation):
    """An operation that a setting allows."""

    def __post_init__(self) -> None:
        """Adds the refusal to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {"404": problem("The setting `framed_sessions` is off")}


@get(
    FRAMED_SIGN_IN,
    guards=[requires("public")],
    opt={FRAMED: True, SIGNING_IN: True, PAGE: True},
    sync_to_thread=False,
    include_in_schema=False,
)
def framed(request: _Request, next: FromQuery[str] = "/agent") -> Template:
    """In place of a page whose reader is not known within another site's."""
    return page(request, "framed.html", next=own_path(next), window=f"{SIGN_IN}?next={DONE}")


@get(DONE, sync_to_thread=False, **for_staff("agent"))
def done(request: _Request, state: State) -> Template:
    """In the window that the frame opened: hands the sign-in over, and closes."""
    settings: Settings = state.settings
    return staff_page(request, "framed_done.html", lends=settings.framed_sessions)


@post(
    "/api/session/lend",
    guards=[requires("agent")],
    status_code=200,
    operation_class=_Framing,
    summary="A code by which a frame of this service gets a session of mine",
)
async def lend(request: _Request) -> Code:
    """Of a session alone; 404 where the setting is off."""
    reception = _reception(request)
    if not request.cookies.get(COOKIE) or "authorization" in request.headers:
        raise NotAuthorizedException("sign in first", headers=CHALLENGE)
    return Code(await anyio.to_thread.run_sync(reception.sessions.lend, request.user.id))


@post(
    "/api/session/framed",
    guards=[requires("public")],
    opt={SIGNING_IN: True},
    status_code=204,
    operation_class=_Framing,
    summary="Sign in within another site's page, by a code",
)
async def redeem(request: _Request, data: JSONBody[Code]) -> Response[None]:
    """Sets a cookie for that site's pages alone; 401 for what is no code any more."""
    refuse_other_sites(request)
    opened = await anyio.to_thread.run_sync(_reception(request).sign_in_lent, data.code, address_of(request))
    if opened is None:
        raise NotAuthorizedException("this code is none, or was used, or is older than a minute", headers=CHALLENGE)
    cookie = f"{COOKIE}={opened[1]}; HttpOnly; Path=/; SameSite=None; Secure; Partitioned"  # Litestar's knows no CHIPS
    return Response(None, status_code=204, headers={"Set-Cookie": cookie})


HANDLERS = (framed, done, lend, redeem)


def _reception(request: _Request) -> Reception:
    """Raises NotFoundException where the setting is off."""
    reception: Reception = request.app.state.reception
    if not reception.settings.framed_sessions:
        raise NotFoundException(_OFF)
    return reception

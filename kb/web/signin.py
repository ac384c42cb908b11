"""Signing in and out: by name and password, or by OpenID Connect; and who one is."""

from __future__ import annotations

import hmac
import logging
from typing import Annotated, Any
from urllib.parse import quote

import anyio.to_thread
import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie, State
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException
from litestar.params import Body, FromQuery, JSONBody, QueryParameter
from litestar.response import Redirect, Template

from kb.access.callers import Caller, Role
from kb.access.people import LONGEST
from kb.access.reception import Reception
from kb.access.sessions import BEGUN_SECONDS, csrf_token
from kb.errors import IssuerError, SignInRefused
from kb.web.entrance import COOKIE, too_often
from kb.web.guards import CHALLENGE, PAGE, SIGN_IN, SIGNING_IN, address_of, caller_of, own_path, requires
from kb.web.hashing import hashed, refuse_if_busy
from kb.web.headers import is_https
from kb.web.pages.interface import page
from kb.web.pages.staff import landing

_STATE_COOKIE = "kb_signin"
_CALLBACK = f"{SIGN_IN}/oidc/callback"
_BEGINS = {SIGNING_IN: True}
_PAGE = {SIGNING_IN: True, PAGE: True}
_WRONG = "name and password do not belong together"
_NO_ISSUER = "this service knows no OpenID Connect issuer"
_Request = Request[Caller, Any, State]
log = logging.getLogger("kb.web")


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name and its password."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A password to take the place of another."""

    password: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]
    new_password: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]


class Form(msgspec.Struct, frozen=True):
    """What the sign-in page sends; `next` is the page that it leads to."""

    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    password: Annotated[str, msgspec.Meta(max_length=LONGEST)] = ""
    next: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class Self(msgspec.Struct, frozen=True):
    """Who calls; `csrf_token` goes as `X-CSRF-Token` with whatever a page changes, and is null without a session."""

    id: str
    name: str
    role: Role
    groups: list[str]
    csrf_token: str | None


class Ended(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


@get("/api/session", guards=[requires("public")], opt=_BEGINS, sync_to_thread=False, summary="Who I am")
def who_am_i(request: _Request) -> Self:
    """Of a key, of a session, or of anybody."""
    token = request.cookies.get(COOKIE) if "authorization" not in request.headers else None
    caller = caller_of(request)
    return _self(caller, token if caller.id else None)


@post("/api/session", guards=[requires("public")], opt=_BEGINS, status_code=200, summary="Sign in")
async def sign_in(request: _Request, data: JSONBody[Credentials]) -> Response[Self]:
    """Sets the session's cookie; 401 where name and password do not belong together."""
    refuse_other_sites(request)
    opened = await _try(request, data.name, data.password)
    if opened is None:
        raise NotAuthorizedException(_WRONG, headers=CHALLENGE)
    caller, token = opened
    return Response(_self(caller, token), cookies=[_cookie(request, COOKIE, token)])


@delete("/api/session", guards=[requires("public")], summary="Sign out")
async def sign_out(request: _Request) -> Response[None]:
    """Ends the session; without one, nothing happens."""
    token, caller = request.cookies.get(COOKIE), caller_of(request)
    if token and caller.id and "authorization" not in request.headers:
        await anyio.to_thread.run_sync(_reception(request).sign_out, caller, token)
    return Response(None, status_code=204, cookies=[_cookie(request, COOKIE, "", max_age=0)])


@post("/api/session/password", guards=[requires("public")], status_code=200, summary="Change my password")
async def change_password(request: _Request, data: JSONBody[NewPassword]) -> Self:
    """Ends the person's other sessions; 403 for who has no password here."""
    (caller, token), reception = _of_session(request), _reception(request)
    await _wait_turn(request, caller.name)
    person = await hashed(reception.passwords.person, caller.name, data.password)
    if person is None or person.id != caller.id:
        raise PermissionDeniedException(_WRONG)
    await hashed(reception.change_password, caller, data.new_password, token)
    return _self(caller, token)


@delete("/api/session/others", guards=[requires("public")], status_code=200, summary="Sign out everywhere else")
async def sign_out_elsewhere(request: _Request) -> Ended:
    """Ends the person's other sessions; this one goes on."""
    caller, token = _of_session(request)
    return Ended(await anyio.to_thread.run_sync(_reception(request).sign_out_elsewhere, caller, token))


@get(SIGN_IN, guards=[requires("public")], opt=_PAGE, sync_to_thread=False, include_in_schema=False)
def sign_in_page(request: _Request, next: FromQuery[str] = "") -> Template:
    """The page where people sign in."""
    return _page(request, next)


@post(SIGN_IN, guards=[requires("public")], opt=_PAGE, include_in_schema=False)
async def sign_in_by_form(
    request: _Request, data: Annotated[Form, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[Any]:
    """What the page sends: leads on to the page that was wanted."""
    refuse_other_sites(request)
    try:
        opened = await _try(request, data.name, data.password)
    except TooManyRequestsException as refusal:
        shown = _page(request, data.next, "often", 429, data.name)
        shown.headers |= refusal.headers or {}
        return shown
    if opened is None:
        return _page(request, data.next, "wrong", 401, data.name)
    caller, token = opened
    return Redirect(_onward(caller, data.next), status_code=303, cookies=[_cookie(request, COOKIE, token)])


@get(f"{SIGN_IN}/oidc", guards=[requires("public")], opt=_PAGE, include_in_schema=False)
async def sign_in_elsewhere(request: _Request, next: FromQuery[str] = "") -> Response[Any]:
    """Leads to the issuer, and remembers what its answer must fit."""
    reception = _reception(request)
    if reception.issuer is None:
        return _refusal(request, _NO_ISSUER, "no_issuer", 404)
    await _wait_turn(request)
    try:
        url, state, begun = await reception.issuer.begin(_own_url(request) + _CALLBACK, _kept(next))
    except IssuerError as error:
        log.error("%s", error)
        return _refusal(request, "the sign-in service cannot be reached", "unreachable", 503)
    await anyio.to_thread.run_sync(reception.sessions.begin, state, begun)
    return Redirect(url, status_code=302, cookies=[_cookie(request, _STATE_COOKIE, state, max_age=int(BEGUN_SECONDS))])


@get(_CALLBACK, guards=[requires("public")], opt=_PAGE, include_in_schema=False)
async def come_back(
    request: _Request,
    code: FromQuery[str] = "",
    answering: Annotated[str, QueryParameter(name="state")] = "",  # Litestar keeps `state` for itself
) -> Response[Any]:
    """Back from the issuer: signed in, or told why not."""
    reception = _reception(request)
    if reception.issuer is None:
        return _refusal(request, _NO_ISSUER, "no_issuer", 404)
    await _wait_turn(request)
    try:
        (caller, token), next_ = await _identified(request, code, answering)
    except (SignInRefused, IssuerError) as refusal:
        log.warning("sign-in refused: %s", refusal)
        await anyio.to_thread.run_sync(reception.refused, str(refusal), address_of(request))
        if isinstance(refusal, SignInRefused):
            return _refusal(request, str(refusal), refusal.reason, 403)
        return _refusal(request, "the sign-in service cannot be reached", "unreachable", 403)
    cookies = [_cookie(request, COOKIE, token), _cookie(request, _STATE_COOKIE, "", max_age=0)]
    return Redirect(_onward(caller, next_), status_code=303, cookies=cookies)


async def _identified(request: _Request, code: str, state: str) -> tuple[tuple[Caller, str], str]:
    """Raises SignInRefused, IssuerError."""
    reception = _reception(request)
    kept = request.cookies.get(_STATE_COOKIE, "")
    if reception.issuer is None or not state or not hmac.compare_digest(state.encode(), kept.encode()):
        raise SignInRefused("this sign-in did not begin in this browser: begin again", "begin_again")
    begun = await anyio.to_thread.run_sync(reception.sessions.take_begun, state)
    if begun is None:
        raise SignInRefused("this sign-in began too long ago, or is over already: begin again", "begin_again")
    if not code:
        raise SignInRefused("the issuer did not let you in", "not_let_in")
    identity = await reception.issuer.identify(code, begun, _own_url(request) + _CALLBACK)
    return await anyio.to_thread.run_sync(reception.sign_in_vouched, identity, address_of(request)), begun.next


HANDLERS = [
    who_am_i, sign_in, sign_out, sign_out_elsewhere, change_password, sign_in_page, sign_in_by_form, sign_in_elsewhere,
    come_back,
]  # fmt: skip


async def _try(request: _Request, name: str, password: str) -> tuple[Caller, str] | None:
    await _wait_turn(request, name)
    return await hashed(_reception(request).sign_in, name, password, address_of(request))


async def _wait_turn(request: _Request, name: str | None = None) -> None:
    """Raises TooManyRequestsException."""
    refuse_if_busy()
    seconds = await anyio.to_thread.run_sync(_reception(request).must_wait, address_of(request), name)
    if seconds:
        raise too_often("too many sign-ins were tried", seconds)


def refuse_other_sites(request: _Request) -> None:
    """A page of another site must not sign anybody in here as somebody else. Raises PermissionDeniedException."""
    origin = request.headers.get("origin")
    if origin not in (None, _own_url(request)) or request.headers.get("sec-fetch-site") == "cross-site":
        raise PermissionDeniedException("sign in on this service's own page")


def _own_url(request: _Request) -> str:
    own: str | None = _reception(request).settings.public_url
    return own or f"{request.scope['scheme']}://{request.headers.get('host', '')}"


def _cookie(request: _Request, name: str, value: str, max_age: int | None = None) -> Cookie:
    secure = is_https(_reception(request).settings, request.scope)
    return Cookie(name, value=value, path="/", max_age=max_age, httponly=True, samesite="lax", secure=secure)


def _of_session(request: _Request) -> tuple[Caller, str]:
    """Who calls by a session, and its token. Raises NotAuthorizedException."""
    caller, token = caller_of(request), request.cookies.get(COOKIE)
    if not token or not caller.id or "authorization" in request.headers:
        raise NotAuthorizedException("sign in first", headers=CHALLENGE)
    return caller, token


def _kept(next_: str) -> str:
    """The page that was wanted, empty where none was: then it is the one where this person's work begins."""
    return own_path(next_) if next_ else ""


def _onward(caller: Caller, next_: str) -> str:
    return own_path(next_) if next_ else landing(caller)


def _page(request: _Request, next_: str, problem: str = "", status: int = 200, name: str = "") -> Template:
    kept = quote(_kept(next_), safe="")
    back = f"{SIGN_IN}?next={kept}" if kept else SIGN_IN
    elsewhere = f"{SIGN_IN}/oidc?next={kept}" if _reception(request).issuer else ""
    return page(
        request, "signin.html", status, next=_kept(next_), problem=problem, elsewhere=elsewhere, back=back,
        name=name, onward=_onward(caller_of(request), next_),
    )  # fmt: skip


def _refusal(request: _Request, why: str, reason: str, status: int) -> Template:
    shown = page(request, "refused.html", status, why=why, reason=reason, back=SIGN_IN, again=SIGN_IN)
    shown.cookies = [_cookie(request, _STATE_COOKIE, "", max_age=0)]
    return shown


def _self(caller: Caller, token: str | None) -> Self:
    return Self(caller.id, caller.name, caller.role, sorted(caller.groups), csrf_token(token) if token else None)


def _reception(request: _Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception

"""Signing in and out: by name and password, or by OpenID Connect; and who one is."""

from __future__ import annotations

import hmac
import logging
from typing import Annotated, Any
from urllib.parse import quote

import anyio
import anyio.to_thread
import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie, State
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.params import Body, FromQuery, JSONBody, QueryParameter
from litestar.response import Redirect, Template

from kb.access.callers import Caller, Role
from kb.access.people import LONGEST
from kb.access.reception import Reception
from kb.access.sessions import BEGUN_SECONDS, csrf_token
from kb.errors import IssuerError, SignInRefused
from kb.web.entrance import COOKIE, too_often
from kb.web.guards import CHALLENGE, PAGE, SIGN_IN, SIGNING_IN, address_of, caller_of, own_path, requires
from kb.web.headers import is_https

_STATE_COOKIE = "kb_signin"
_CALLBACK = f"{SIGN_IN}/oidc/callback"
_BEGINS = {SIGNING_IN: True}
_PAGE = {SIGNING_IN: True, PAGE: True}
_WRONG = "name and password do not belong together"
_HASHING = anyio.CapacityLimiter(2)
"""A password's hash takes 64 MB and a fifth of a second: more at once, or in the pool of others, would starve those."""
_NO_ISSUER = "this service knows no OpenID Connect issuer"
_MOST_WAITING = 16
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
    next: Annotated[str, msgspec.Meta(max_length=2_000)] = "/"


class Self(msgspec.Struct, frozen=True):
    """Who calls; `csrf_token` goes as `X-CSRF-Token` with whatever a page changes, and is null without a session."""

    id: str
    name: str
    role: Role
    groups: list[str]
    csrf_token: str | None


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
    caller, token, reception = caller_of(request), request.cookies.get(COOKIE), _reception(request)
    if not token or not caller.id or "authorization" in request.headers:
        raise NotAuthorizedException("sign in first", headers=CHALLENGE)
    await _wait_turn(request, caller.name)
    person = await anyio.to_thread.run_sync(reception.passwords.person, caller.name, data.password, limiter=_HASHING)
    if person is None or person.id != caller.id:
        raise PermissionDeniedException(_WRONG)
    await anyio.to_thread.run_sync(reception.change_password, caller, data.new_password, token, limiter=_HASHING)
    return _self(caller, token)


@get(SIGN_IN, guards=[requires("public")], opt=_PAGE, sync_to_thread=False, include_in_schema=False)
def sign_in_page(request: _Request, next: FromQuery[str] = "/") -> Template:
    """The page where people sign in."""
    return _page(request, own_path(next), "")


@post(SIGN_IN, guards=[requires("public")], opt=_PAGE, include_in_schema=False)
async def sign_in_by_form(
    request: _Request, data: Annotated[Form, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[Any]:
    """What the page sends: leads on to the page that was wanted."""
    refuse_other_sites(request)
    opened = await _try(request, data.name, data.password)
    if opened is None:
        return _page(request, own_path(data.next), _WRONG, status=401)
    return Redirect(own_path(data.next), status_code=303, cookies=[_cookie(request, COOKIE, opened[1])])


@get(f"{SIGN_IN}/oidc", guards=[requires("public")], opt=_PAGE, include_in_schema=False)
async def sign_in_elsewhere(request: _Request, next: FromQuery[str] = "/") -> Response[Any]:
    """Leads to the issuer, and remembers what its answer must fit."""
    reception = _reception(request)
    if reception.issuer is None:
        return _refusal(request, _NO_ISSUER, 404)
    await _wait_turn(request)
    try:
        url, state, begun = await reception.issuer.begin(_own_url(request) + _CALLBACK, own_path(next))
    except IssuerError as error:
        log.error("%s", error)
        return _refusal(request, "the sign-in service cannot be reached; try again later", 503)
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
        return _refusal(request, _NO_ISSUER, 404)
    await _wait_turn(request)
    try:
        caller_and_token, next_ = await _identified(request, code, answering)
    except (SignInRefused, IssuerError) as refusal:
        log.warning("sign-in refused: %s", refusal)
        await anyio.to_thread.run_sync(reception.refused, str(refusal), address_of(request))
        return _refusal(request, str(refusal) if isinstance(refusal, SignInRefused) else "try again later", 403)
    cookies = [_cookie(request, COOKIE, caller_and_token[1]), _cookie(request, _STATE_COOKIE, "", max_age=0)]
    return Redirect(next_, status_code=303, cookies=cookies)


async def _identified(request: _Request, code: str, state: str) -> tuple[tuple[Caller, str], str]:
    """Raises SignInRefused, IssuerError."""
    reception = _reception(request)
    kept = request.cookies.get(_STATE_COOKIE, "")
    if reception.issuer is None or not state or not hmac.compare_digest(state.encode(), kept.encode()):
        raise SignInRefused("this sign-in did not begin in this browser: begin again")
    begun = await anyio.to_thread.run_sync(reception.sessions.take_begun, state)
    if begun is None:
        raise SignInRefused("this sign-in began too long ago, or is over already: begin again")
    if not code:
        raise SignInRefused("the issuer did not let you in")
    identity = await reception.issuer.identify(code, begun, _own_url(request) + _CALLBACK)
    return await anyio.to_thread.run_sync(reception.sign_in_vouched, identity, address_of(request)), begun.next


HANDLERS = [
    who_am_i, sign_in, sign_out, change_password, sign_in_page, sign_in_by_form, sign_in_elsewhere, come_back,
]  # fmt: skip


async def _try(request: _Request, name: str, password: str) -> tuple[Caller, str] | None:
    await _wait_turn(request, name)
    sign_in = _reception(request).sign_in
    return await anyio.to_thread.run_sync(sign_in, name, password, address_of(request), limiter=_HASHING)


async def _wait_turn(request: _Request, name: str | None = None) -> None:
    """Raises TooManyRequestsException."""
    if _HASHING.statistics().tasks_waiting >= _MOST_WAITING:
        raise too_often("too many people are signing in", 5)
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


def _page(request: _Request, next_: str, problem: str, status: int = 200) -> Template:
    elsewhere = f"{SIGN_IN}/oidc?next={quote(next_, safe='')}" if _reception(request).issuer else ""
    return Template(
        "signin.html", context={"next": next_, "problem": problem, "elsewhere": elsewhere}, status_code=status
    )


def _refusal(request: _Request, why: str, status: int) -> Template:
    return Template(
        "refused.html",
        context={"why": why, "again": SIGN_IN},
        status_code=status,
        cookies=[_cookie(request, _STATE_COOKIE, "", max_age=0)],
    )


def _self(caller: Caller, token: str | None) -> Self:
    return Self(caller.id, caller.name, caller.role, sorted(caller.groups), csrf_token(token) if token else None)


def _reception(request: _Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception

"""`/api/people`: people who sign in, made known, listed, changed, disabled and enabled by admins."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import anyio.to_thread
import msgspec
from litestar import Request, get, patch, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.openapi.spec import Operation
from litestar.params import FromPath, JSONBody

from kb.access.callers import Caller, Role, role_of
from kb.access.keys import as_text
from kb.access.people import LONGEST, change_person, create_person, disable, enable, list_people, set_password
from kb.config import Paths
from kb.errors import AccountRefused
from kb.store import audit, database, people
from kb.store.people import Person as Stored
from kb.web.documented import problem
from kb.web.guards import caller_of, requires
from kb.web.hashing import hashed
from kb.web.keys import Groups, paths_of

_Password = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]
_Request = Request[Caller, Any, State]


class NewPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who signs in with a name and a password of 10 to 256 characters."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    password: _Password
    role: Role
    groups: Groups = []


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person may do and see from now on; null leaves it as it is."""

    role: Role | None = None
    groups: Groups | None = None


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A password of 10 to 256 characters."""

    password: _Password


class Person(msgspec.Struct, frozen=True):
    """One who may sign in, by a `password` or by the word of an `issuer`; times are ISO 8601 in UTC."""

    id: str
    name: str
    role: Role
    groups: list[str]
    by: Literal["password", "issuer"]
    created_at: str
    disabled_at: str | None
    last_sign_in_at: str | None


class People(msgspec.Struct, frozen=True):
    """Everybody by name."""

    people: list[Person]


@dataclass
class _Making(Operation):
    """An operation that rules of who may be whom may forbid."""

    def __post_init__(self) -> None:
        """Adds that to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {"409": problem("It may not be done; `reason` says why")}


@dataclass
class _OfOne(_Making):
    """An operation on a person who may not be there."""

    def __post_init__(self) -> None:
        """Adds that, too."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"404": problem("Nobody has this id")}


@get("/api/people", guards=[requires("admin")], sync_to_thread=True, summary="People who sign in")
def people_listed(state: State) -> People:
    """Also who came through OpenID Connect; when each signed in last, by the audit log."""
    return People(people_of(paths_of(state)))


@post("/api/people", guards=[requires("admin")], operation_class=_Making, summary="Make somebody known")
async def person_made(request: _Request, state: State, data: JSONBody[NewPerson]) -> Person:
    """Who signs in with a password."""
    make = partial(create_person, groups=data.groups, actor=caller_of(request).id)
    return _person(await hashed(make, paths_of(state), data.name, data.password, data.role))


@patch(
    "/api/people/{person_id:str}",
    guards=[requires("admin")],
    sync_to_thread=True,
    operation_class=_OfOne,
    summary="Change what a person may do and see",
)
def person_changed(request: _Request, state: State, person_id: FromPath[str], data: JSONBody[Changed]) -> Person:
    """From their next call on; of who comes through an issuer, that says it."""
    paths, actor = paths_of(state), caller_of(request).id
    id_ = _known(paths, person_id)
    return _person(change_person(paths, id_, role=data.role, groups=data.groups, actor=actor))


@post(
    "/api/people/{person_id:str}/password",
    guards=[requires("admin")],
    status_code=200,
    operation_class=_OfOne,
    summary="Give a person another password",
)
async def password_given(request: _Request, state: State, person_id: FromPath[str], data: JSONBody[Given]) -> Person:
    """Their sessions end; one's own password is changed at `/api/session/password`."""
    paths = paths_of(state)
    if person_id == caller_of(request).id:
        raise AccountRefused(
            "this is your own account: say the old password, too (`/api/session/password`)", "yourself"
        )
    id_ = await anyio.to_thread.run_sync(_known, paths, person_id)
    return _person(await hashed(partial(set_password, actor=caller_of(request).id), paths, id_, data.password))


@post(
    "/api/people/{person_id:str}/disable",
    guards=[requires("admin")],
    status_code=200,
    sync_to_thread=True,
    operation_class=_OfOne,
    summary="Refuse a person from now on",
)
def person_disabled(request: _Request, state: State, person_id: FromPath[str]) -> Person:
    """Their sessions end at once."""
    paths = paths_of(state)
    return _person(disable(paths, _known(paths, person_id), actor=caller_of(request).id))


@post(
    "/api/people/{person_id:str}/enable",
    guards=[requires("admin")],
    status_code=200,
    sync_to_thread=True,
    operation_class=_OfOne,
    summary="Let a disabled person sign in again",
)
def person_enabled(request: _Request, state: State, person_id: FromPath[str]) -> Person:
    """With the password that they had."""
    paths = paths_of(state)
    return _person(enable(paths, _known(paths, person_id), actor=caller_of(request).id))


HANDLERS = (people_listed, person_made, person_changed, password_given, person_disabled, person_enabled)


def people_of(paths: Paths) -> list[Person]:
    """Everybody by name, with when they signed in last."""
    found = list_people(paths)
    if not found:
        return []
    with closing(database.open_for_reading(paths.database)) as db:
        seen = audit.newest(db, "sign_in")
    return [_person(one, seen.get(one.id)) for one in found]


def _known(paths: Paths, person_id: str) -> str:
    """The id itself: a name is none. Raises NotFoundException."""
    with closing(database.open_for_reading(paths.database)) as db:
        if people.by_id(db, person_id) is None:
            raise NotFoundException(f"{person_id!r} is nobody's id: `GET /api/people` shows everybody")
    return person_id


def _person(person: Stored, seen: float | None = None) -> Person:
    return Person(
        person.id, person.name, role_of(person.role), list(person.groups), "issuer" if person.identity else "password",
        as_text(person.created_at) or "", as_text(person.disabled_at), as_text(seen),
    )  # fmt: skip

"""`/api/keys`: API keys, made, listed and revoked by admins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, delete, get, post
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.openapi.spec import Operation
from litestar.params import FromPath, JSONBody

from kb.access.callers import Caller, Role, role_of
from kb.access.keys import MadeKey, as_text, create_key, expiry, list_keys, revoke_key
from kb.config import Paths, zone
from kb.errors import UsageError
from kb.service import Service
from kb.store.keys import StoredKey
from kb.web.documented import problem
from kb.web.guards import caller_of, requires

Group = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Groups = Annotated[list[Group], msgspec.Meta(max_length=100)]
_Request = Request[Caller, Any, State]


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a key is for and opens; `expires` is `90d`, `12h`, `2w`, or a date, to its end; null for never."""

    role: Role
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    groups: Groups = []
    expires: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class Key(msgspec.Struct, frozen=True):
    """A key without its secret; times are ISO 8601 in UTC."""

    id: str
    name: str
    role: Role
    groups: list[str]
    state: Literal["holds", "expired", "revoked"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None


class Keys(msgspec.Struct, frozen=True):
    """All keys ever made, the newest first."""

    keys: list[Key]


@dataclass
class _OfOne(Operation):
    """An operation on a key that may not be there."""

    def __post_init__(self) -> None:
        """Adds that to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {"404": problem("No key of this id holds")}


@get("/api/keys", guards=[requires("admin")], sync_to_thread=True, summary="API keys")
def keys_listed(state: State) -> Keys:
    """Without their secrets, which nobody keeps."""
    return Keys(keys_of(paths_of(state)))


@post("/api/keys", guards=[requires("admin")], sync_to_thread=True, summary="Make an API key")
def key_made(request: _Request, state: State, data: JSONBody[NewKey]) -> MadeKey:
    """The secret is in this answer and nowhere else."""
    until = expiry(data.expires, zone(state.settings)) if data.expires else None
    actor = caller_of(request).id
    return create_key(paths_of(state), data.role, data.groups, name=data.name, expires_at=until, actor=actor)


@delete(
    "/api/keys/{key_id:str}",
    guards=[requires("admin")],
    sync_to_thread=True,
    operation_class=_OfOne,
    summary="Revoke an API key",
)
def key_revoked(request: _Request, state: State, key_id: FromPath[str]) -> None:
    """It is refused from its next call on."""
    try:
        revoke_key(paths_of(state), key_id, actor=caller_of(request).id)
    except UsageError as error:
        raise NotFoundException(str(error)) from error


HANDLERS = (keys_listed, key_made, key_revoked)


def keys_of(paths: Paths) -> list[Key]:
    """All keys, the newest first."""
    return [_key(one) for one in reversed(list_keys(paths))]


def paths_of(state: State) -> Paths:
    """The home's."""
    service: Service = state.service
    return service.paths


def _key(key: StoredKey) -> Key:
    return Key(
        key.id, key.name, role_of(key.role), list(key.groups), key.state_at(time.time()), as_text(key.created_at) or "",
        as_text(key.expires_at), as_text(key.revoked_at),
    )  # fmt: skip

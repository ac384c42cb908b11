"""What the operations on articles have in common: what they take, how they refuse, and what they tell."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import State as AppState
from litestar.exceptions import ClientException, HTTPException
from litestar.openapi.spec import OpenAPIHeader, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.params import HeaderParameter, QueryParameter

from kb.access.callers import Caller
from kb.editing.desk import Actor
from kb.editing.listing import Line, Shown, shown
from kb.editing.publication import Order
from kb.editing.states import Move
from kb.errors import NotShown
from kb.service import Service
from kb.store import database
from kb.web.documented import problem
from kb.web.guards import caller_of

MOST_BYTES = 4 * 1024 * 1024
"""A file may have half of that; JSON may escape a character as six."""
_ETAG = re.compile(r'"(\d{1,18})"')
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2 * 1024 * 1024)]
_Note = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Filter = Annotated[str | None, QueryParameter(max_length=1_000)]
Match = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="The newest number that is known, in quotes, as ETag gave it"),
]
Asker = Request[Caller, Any, AppState]


class NewArticle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An article to be begun: its id, and its whole file (front matter and body)."""

    id: _Id
    text: _Text


class NewText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file (front matter and body)."""

    text: _Text


class Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What there is to say of a review."""

    note: _Note | None = None


class Reasoned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an edit may break golden questions, where it does."""

    reason: _Note | None = None


class Timed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When an edit goes live (a time without a zone is in the home's), and why it may break golden questions."""

    at: datetime
    reason: _Note | None = None


class Listed(msgspec.Struct, frozen=True):
    """Articles in order of id; `next` is the `after` of the further ones, null at the end."""

    articles: list[Line]
    next: str | None


@dataclass
class Editing(Operation):
    """An operation on articles: what it may find, and how it refuses."""

    def __post_init__(self) -> None:
        """Adds that to what Litestar found by itself."""
        answers = self.responses or {}
        for status in ("200", "201"):
            if isinstance(answer := answers.get(status), OpenAPIResponse):
                etag = OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING), description="The newest number, in quotes")
                answer.headers = {**(answer.headers or {}), "ETag": etag}
        self.responses = answers | {
            "400": problem("Something in the request, or in the file that it holds, is not as described"),
            "404": problem("There is no such article"),
            "409": problem("The move is refused: `reason` says why, by a code of docs/lifecycle.md"),
            "412": problem("Somebody was faster: `base`, `theirs` and `yours` are the sides"),
            "428": problem("`If-Match` is missing"),
            "503": problem("It cannot be read or written at the moment: come again"),
        }


def service_of(state: AppState) -> Service:
    """The running service."""
    service: Service = state.service
    return service


def actor_of(request: Asker) -> Actor:
    """Who moves an article."""
    caller = caller_of(request)
    return Actor(caller.id, caller.role)


def number_of(if_match: str | None) -> int:
    """The number of an `If-Match`. Raises HTTPException: 428 where it is missing, 400 where it is none of ours."""
    if if_match is None:
        raise HTTPException("send If-Match with the ETag of the article as you know it", status_code=428)
    if (found := _ETAG.fullmatch(if_match.strip())) is None:
        raise ClientException(f'If-Match: found {if_match[:80]!r}; accepted is one number in quotes, such as "7"')
    return int(found[1])


def order(
    request: Asker, state: AppState, id_: str, move: Move, if_match: str | None, reason: str | None = None
) -> None:
    """Has the home's writer move an article."""
    actor = actor_of(request)
    service_of(state).carry_out(Order(move, id_, number_of(if_match), actor.id, actor.role, reason))


def told(state: AppState, id_: str, status_code: int = 200) -> Response[Shown]:
    """An article as it is now."""
    service = service_of(state)
    with closing(database.open_for_reading(service.paths.database)) as db:
        found = shown(db, service.paths, state.settings, id_)
    return Response(found, status_code=status_code, headers={"ETag": f'"{found.revision}"'})


def told_or_gone(state: AppState, id_: str) -> Response[Shown | None]:
    """As `told`; null where there is no such article any more."""
    try:
        return told(state, id_)  # type: ignore[return-value]
    except NotShown:
        return Response(None)

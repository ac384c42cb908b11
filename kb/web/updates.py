"""`/api/updates`: what staff have not read yet, and that they have; `/api/articles/{id}/readers`: who has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi.spec import OpenAPIResponse
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from kb.access.callers import Caller
from kb.service import Service
from kb.updates.listing import Reader, Updates, acknowledge, count, updates
from kb.updates.readers import Acknowledgements, acknowledgement_of
from kb.web.documented import problem
from kb.web.guards import requires
from kb.web.revisions import ArticleId, Stored

MOST = 200
"""Updates that are listed, or acknowledged, at once."""


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An update that was read: the article's `revision`, as it was listed; `gone` where it was `withdrawn`."""

    document_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    revision: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    gone: bool = False


class Knowing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reader says that they know."""

    read: Annotated[list[Known], msgspec.Meta(min_length=1, max_length=MOST)]


class Kept(msgspec.Struct, frozen=True):
    """How many of them are kept, and how many there are still to be read.

    What has become another since it was listed, or is nothing that this reader may read, is not among the first.
    """

    kept: int
    left: int


@dataclass
class _Live(Stored):
    """An operation about a live article that may not be there."""

    def __post_init__(self) -> None:
        """Adds that as well."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"404": problem("There is no such article, or nothing of it is live")}


@dataclass
class _Listed(Stored):
    """An operation whose answer may be known already."""

    def __post_init__(self) -> None:
        """Adds that as well."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"304": OpenAPIResponse("Nothing of it is another")}


@get(
    "/api/updates",
    guards=[requires("agent")],
    sync_to_thread=True,
    operation_class=_Listed,
    summary="Articles that are new, another or gone since the caller last said that they know them",
)
def listed(
    request: Request[Caller, Any, State],
    state: State,
    limit: Annotated[int, QueryParameter(description="Listed at most", ge=1, le=MOST)] = 50,
    if_none_match: Annotated[
        str | None,
        HeaderParameter(name="If-None-Match", description="The ETag that is known: 304 where it holds still"),
    ] = None,
) -> Response[Updates | None]:
    """At the first time those of the last 14 days; an article is compared with what this caller knew of it."""
    service: Service = state.service
    unless = (if_none_match or "").strip('" ')
    found = updates(service.paths, service.journal, service.knowledge, _reader(request.user), limit, unless)
    if found is None:
        return Response(None, status_code=304, headers={"ETag": f'"{unless}"'})
    return Response(found, headers={"ETag": f'"{found.state}"'})


@post(
    "/api/updates/read",
    guards=[requires("agent")],
    status_code=200,
    sync_to_thread=True,
    operation_class=Stored,
    summary="Say that the caller has read updates",
)
def read(request: Request[Caller, Any, State], state: State, data: JSONBody[Knowing]) -> Kept:
    """Kept by person or key, article and revision, with the time; said again it changes nothing."""
    service: Service = state.service
    reader, said = _reader(request.user), [(one.document_id, one.revision, one.gone) for one in data.read]
    kept = acknowledge(service.paths, service.journal, service.knowledge, reader, said)
    return Kept(kept, count(service.paths, service.journal, service.knowledge, reader))


@get(
    "/api/articles/{article_id:str}/readers",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=_Live,
    summary="Who has read what is live of an article, and which agents have not",
)
def readers(state: State, article_id: ArticleId) -> Acknowledgements:
    """Agents who may not read the article are not asked to."""
    service: Service = state.service
    return acknowledgement_of(service.paths, article_id)


HANDLERS = (listed, read, readers)


def _reader(caller: Caller) -> Reader:
    return Reader(caller.id, caller.name, caller.audiences)

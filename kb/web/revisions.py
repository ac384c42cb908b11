"""`/api/articles/{id}/revisions` and `…/diff`: what an article was, and what an edit changed; for editors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.openapi.spec import Operation
from litestar.params import PathParameter, QueryParameter

from kb.editing import revisions
from kb.service import Service
from kb.web.documented import problem
from kb.web.guards import requires

ArticleId = Annotated[
    str, PathParameter(description="An article's id; a slash in it is sent as `%2F`", max_length=1000)
]
_MOST = 2**53
_Number = Annotated[int, PathParameter(description="A revision's number, from 1", ge=1, le=_MOST)]


@dataclass
class Stored(Operation):
    """An operation that reads the database."""

    def __post_init__(self) -> None:
        """Adds that it fails without it to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {"503": problem("What is stored cannot be read at the moment")}


@dataclass
class Reading(Stored):
    """An operation about an article that may not be there."""

    def __post_init__(self) -> None:
        """Adds that as well."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"404": problem("There is no such article, or no such revision")}


@get(
    "/api/articles/{document_id:str}/revisions",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=Reading,
    summary="An article's revisions, the newest first",
)
def listed(state: State, document_id: ArticleId) -> revisions.Revisions:
    """For editors alone: a revision may hold what is no longer, or not yet, for anybody else."""
    return revisions.revisions(_service(state).paths, document_id)


@get(
    "/api/articles/{document_id:str}/revisions/{number:int}",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=Reading,
    summary="One revision, as a whole article file",
)
def one(state: State, document_id: ArticleId, number: _Number) -> revisions.Revision:
    """Front matter and body."""
    return revisions.revision(_service(state).paths, document_id, number)


@get(
    "/api/articles/{document_id:str}/diff",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=Reading,
    summary="What differs between two revisions, by line and by word",
)
def diff(
    state: State,
    document_id: ArticleId,
    from_: Annotated[
        int | None, QueryParameter(name="from", description="The one before `to`; 0: nothing", ge=0, le=_MOST)
    ] = None,
    to: Annotated[int | None, QueryParameter(description="The newest, where it is not said", ge=1, le=_MOST)] = None,
) -> revisions.Compared:
    """Hunks for a page to draw, and a unified diff."""
    return revisions.compared(_service(state).paths, document_id, from_, to)


def _service(state: State) -> Service:
    service: Service = state.service
    return service


HANDLERS = (listed, one, diff)

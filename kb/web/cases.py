"""`/api/cases`: what many resolved tickets have in common, and drafts of articles made of it, for editors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.spec import Operation
from litestar.params import FromPath, QueryParameter

from kb.access.callers import Caller
from kb.cases.proposing import LEAST, Cases, ListedCases, ProposedCase
from kb.drafting import proposals
from kb.service import Service
from kb.web.documented import problem
from kb.web.editing import actor_of
from kb.web.guards import requires


@dataclass
class _Listing(Operation):
    """An operation that needs the database and the index."""

    def __post_init__(self) -> None:
        """Adds that it fails without them to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {"503": problem("What was indexed cannot be read")}


@dataclass
class _Proposing(_Listing):
    """An operation that may find no such case, or one that is not open."""

    def __post_init__(self) -> None:
        """Adds both to what Litestar found by itself."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {
            "400": problem(
                "An article answers the case already, or it was proposed; or the request is not as described"
            ),
            "404": problem("There is no such case (any more)"),
        }


_Least = Annotated[
    int, QueryParameter(name="min", description="Tickets from which on a group is a case", ge=2, le=1_000)
]


@get(
    "/api/cases",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=_Listing,
    summary="Resolved tickets in groups of one matter",
)
def cases_listed(
    state: State,
    least: _Least = LEAST,
    limit: Annotated[int, QueryParameter(description="The largest so many", ge=1, le=200)] = 20,
) -> ListedCases:
    """The largest first: how many tickets and of when, a title in customers' words, whether an article answers it."""
    service: Service = state.service
    cases: Cases = state.cases
    return cases.listed(service.knowledge, least=least, limit=limit)


@post(
    "/api/cases/{case_id:str}/propose",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=_Proposing,
    summary="Make a draft of an article of one case",
)
def case_proposed(
    request: Request[Caller, Any, State], state: State, case_id: FromPath[str], least: _Least = LEAST
) -> ProposedCase:
    """In the tickets' own words, for agents, and published by nobody but an editor."""
    service: Service = state.service
    cases: Cases = state.cases
    drafts = proposals(service.paths, state.settings, actor_of(request))
    return cases.propose(service.knowledge, drafts, case_id, least=least)

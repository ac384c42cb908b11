"""`GET /api/insights/…`: what editors learn from the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.openapi.spec import Operation
from litestar.params import QueryParameter

from kb.insight.gaps import Gaps, gaps
from kb.insight.usage import Usage, usage
from kb.service import Service
from kb.web.documented import problem
from kb.web.guards import requires


@dataclass
class _Reading(Operation):
    """An operation that needs the database and the index."""

    def __post_init__(self) -> None:
        """Adds that it fails without them to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {"503": problem("What was indexed or recorded cannot be read")}


_Days = Annotated[int, QueryParameter(description="How far to look back", ge=1, le=3_650)]


@get(
    "/api/insights/gaps",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=_Reading,
    summary="What was asked and not answered, grouped by meaning",
)
def insights_gaps(state: State, days: _Days = 7) -> Gaps:
    """Questions are redacted; the widest gap comes first."""
    service: Service = state.service
    return gaps(service.paths, days, service.knowledge.embed)


@get(
    "/api/insights/usage",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=_Reading,
    summary="Which articles are used, and which never were",
)
def insights_usage(state: State, days: _Days = 7) -> Usage:
    """Of the articles that are live now, the most used first."""
    service: Service = state.service
    return usage(service.paths, days)

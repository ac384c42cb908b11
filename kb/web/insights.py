"""`GET /api/insights/…`: what editors learn from the journal."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from kb.insight.gaps import Gaps, gaps
from kb.insight.usage import Usage, usage
from kb.service import Service
from kb.web.callers import require

_Days = Annotated[int, QueryParameter(description="How far to look back", ge=1, le=3_650)]


@get("/api/insights/gaps", sync_to_thread=True, summary="What was asked and not answered, grouped by meaning (editors)")
def insights_gaps(request: Request[Any, Any, Any], state: State, days: _Days = 7) -> Gaps:
    """Questions are redacted; the widest gap comes first."""
    require(request, "editor")
    service: Service = state.service
    return gaps(service.paths, days, service.knowledge.embed)


@get("/api/insights/usage", sync_to_thread=True, summary="Which articles are used, and which never were (editors)")
def insights_usage(request: Request[Any, Any, Any], state: State, days: _Days = 7) -> Usage:
    """Of the articles that are live now, the most used first."""
    require(request, "editor")
    service: Service = state.service
    return usage(service.paths, days)

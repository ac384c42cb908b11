"""`GET /api/articles/{id}/impact`: who was told an article as it was before."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter

from kb.insight.impact import Impact, impact
from kb.service import Service
from kb.web.guards import requires
from kb.web.revisions import ArticleId, Reading


@get(
    "/api/articles/{document_id:str}/impact",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=Reading,
    summary="Who was told an article as it was before",
)
def article_impact(
    state: State,
    document_id: ArticleId,
    revision: Annotated[int | None, QueryParameter(description="This revision; else all but the newest", ge=1)] = None,
    limit: Annotated[int, QueryParameter(description="Answers listed at most", ge=1, le=100_000)] = 1_000,
) -> Impact:
    """Answers, open conversations, and live articles that quote or link it."""
    service: Service = state.service
    return impact(service.paths, document_id, revision, most=limit)

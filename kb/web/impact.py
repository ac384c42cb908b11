"""`GET /api/articles/{id}/impact`: who was told an article as it was before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.openapi.spec import Operation
from litestar.params import FromPath, QueryParameter

from kb.insight.impact import Impact, impact
from kb.service import Service
from kb.web.documented import problem
from kb.web.guards import requires


@dataclass
class _OfArticle(Operation):
    """An operation on one article, which may not be there."""

    def __post_init__(self) -> None:
        """Adds to what Litestar found by itself."""
        self.responses = (self.responses or {}) | {
            "404": problem("There is no such article or revision"),
            "503": problem("What was indexed or recorded cannot be read"),
        }


@get(
    "/api/articles/{article_id:str}/impact",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=_OfArticle,
    summary="Who was told an article as it was before",
)
def article_impact(
    state: State,
    article_id: FromPath[str],
    revision: Annotated[int | None, QueryParameter(description="This revision; else all but the newest", ge=1)] = None,
    limit: Annotated[int, QueryParameter(description="Answers listed at most", ge=1, le=100_000)] = 1_000,
) -> Impact:
    """Answers, open conversations, and live articles that quote or link it. Send the slashes of its id as `%2F`."""
    service: Service = state.service
    return impact(service.paths, article_id, revision, most=limit)

"""`GET /api/articles/{id}/similar`, `POST /api/similar`: whether another article says the same, or otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import get, post
from litestar.datastructures import State
from litestar.exceptions import ClientException
from litestar.params import JSONBody

from kb.config import zone
from kb.ingest.articles import MalformedArticle, read_article
from kb.resemblance import Resemblance, resembling, resembling_text
from kb.service import Service
from kb.web.documented import problem
from kb.web.guards import requires
from kb.web.preview import TEXT_BYTES, Searched, Text
from kb.web.revisions import ArticleId


@dataclass
class _Published(Searched):
    """An operation about a published article that may not be there."""

    def __post_init__(self) -> None:
        """Adds that as well."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"404": problem("There is no published article of this id")}


@get(
    "/api/articles/{document_id:str}/similar",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=_Published,
    summary="Published articles near a published one: duplicates, and other figures",
)
def similar(state: State, document_id: ArticleId) -> Resemblance:
    """Those that say the same or otherwise first."""
    service: Service = state.service
    return resembling(service.knowledge, document_id)


@post(
    "/api/similar",
    guards=[requires("editor")],
    status_code=200,
    sync_to_thread=True,
    request_max_body_size=TEXT_BYTES,
    operation_class=Searched,
    summary="Published articles near a text that is not saved: duplicates, and other figures",
)
def similar_to_text(state: State, data: JSONBody[Text]) -> Resemblance:
    """Nothing is kept; a text that is no article is refused (400), with what is wrong with it."""
    service: Service = state.service
    try:
        article = read_article(
            data.text.encode("utf-8", "replace"), path=f"{data.id}.md", timezone=zone(state.settings)
        )
    except MalformedArticle as error:
        raise ClientException(str(error)) from error
    return resembling_text(service.knowledge, article)


HANDLERS = (similar, similar_to_text)

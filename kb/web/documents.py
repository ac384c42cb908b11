"""`GET /api/documents/{id}` and `…/copy`: what an agent opens in the console, and what they may paste elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Annotated, Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from kb import reading
from kb.access.callers import Caller
from kb.answer.quoted import MARK, article_html
from kb.config import zone
from kb.ingest.steps import Procedure, steps_of
from kb.library import document_url
from kb.model import Action, Article, Kind, Ticket
from kb.reading import Clipping, Reading
from kb.web import asking
from kb.web.documented import problem
from kb.web.guards import requires
from kb.web.pages.help import site_of
from kb.web.pages.interface import gettext_noop as _
from kb.web.pages.interface import reader_of, translations
from kb.web.pages.pictures import with_pictures

DocumentId = Annotated[
    str, PathParameter(description="An article's or ticket's id; a slash in it is sent as `%2F`", max_length=1000)
]
Passage = Annotated[
    str | None, QueryParameter(name="passage", description="The `passage_id` that was found", max_length=1_100)
]
_NOTICE = _("INTERNAL: not for customers")
_Request = Request[Caller, Any, State]


@dataclass
class _Shown(asking.Asking):
    """An operation about a document that may not be there for its caller."""

    def __post_init__(self) -> None:
        """Adds that to what Litestar found by itself."""
        super().__post_init__()
        self.responses = (self.responses or {}) | {"404": problem("There is none such that this caller may read")}


@dataclass(frozen=True, slots=True)
class Opened:
    """A document as an agent reads it.

    `html` is an article's, its `::: agent` blocks marked, the passage that was named within `mark`s, the first of which
    has the id `cited` (`marked` tells whether there is one). A ticket has `problem` and `resolution` instead. `public`:
    anybody may read it, at `public_url`, without those blocks. `steps` are an article's numbered lists, item by item.
    """

    document_id: str
    kind: Kind
    revision: int
    title: str
    language: str
    product: str | None
    tags: tuple[str, ...]
    changed_at: str
    public: bool = False
    url: str | None = None
    public_url: str | None = None
    html: str = ""
    marked: bool = False
    category: str | None = None
    applies_to: tuple[tuple[str, str], ...] = ()
    urgent: bool = False
    actions: tuple[Action, ...] = ()
    owner: str | None = None
    review_by: date | None = None
    problem: str | None = None
    resolution: str | None = None
    closed_at: datetime | None = None
    steps: tuple[Procedure, ...] = ()


@dataclass(frozen=True, slots=True)
class Copied:
    """Plain `text` to paste, null where the public may read nothing of it; `part` is what of the document it is.

    `section` (that of the passage), `article`, `note` (one for agents) or `ticket`.
    """

    text: str | None
    part: str | None
    title: str | None
    heading: tuple[str, ...]


@get(
    "/api/documents/{document_id:str}",
    guards=[requires("agent")],
    sync_to_thread=True,
    operation_class=_Shown,
    summary="An article or a ticket, as an agent reads it",
)
def opened(request: _Request, state: State, document_id: DocumentId, passage_id: Passage = None) -> Opened:
    """What is live now; 404 for what this caller may not read."""
    kb = asking.service_of(state).knowledge
    found = reading.read(kb, document_id, request.user.audiences, passage_id)
    if isinstance(found.document, Ticket):
        return _ticket(found, found.document)
    return _article(found, found.document, site_of(request), zone(state.settings))


@get(
    "/api/documents/{document_id:str}/copy",
    guards=[requires("agent")],
    sync_to_thread=True,
    operation_class=_Shown,
    summary="Plain text of a document, for a customer or for colleagues",
)
def copied(
    request: _Request,
    state: State,
    document_id: DocumentId,
    passage_id: Passage = None,
    internal: Annotated[bool, QueryParameter(description="For colleagues, and marked so")] = False,
) -> Copied:
    """For a customer (`internal=false`) made of nothing but what anybody may read."""
    kb, site = asking.service_of(state).knowledge, site_of(request)
    if internal:
        notice = translations(reader_of(request).language).gettext(_NOTICE)
        return _copied(reading.for_colleagues(kb, document_id, request.user.audiences, passage_id), site, notice)
    reading.read(kb, document_id, request.user.audiences)
    clipping = reading.for_customers(kb, document_id, passage_id)
    return Copied(None, None, None, ()) if clipping is None else _copied(clipping, site)


HANDLERS = (opened, copied)


def _article(found: Reading, article: Article, site: str, here: tzinfo) -> Opened:
    url = document_url(found.document_id, "article")
    html, path = "", f"{found.document_id}.md"
    for span in (*found.spans, None):
        html = article_html(article.body, path, article.language, agents=True, span=span)
        if marked := f'id="{MARK}"' in html:
            break
    return Opened(
        found.document_id, "article", found.revision, article.title, article.language, article.product, article.tags,
        found.changed_at,
        public=found.public,
        url=url,
        public_url=f"{site}{url}" if found.public else None,
        html=with_pictures(html, found.document_id),
        steps=tuple(_steps(found.document_id, article)),
        marked=marked,
        category=article.category,
        applies_to=article.applies_to,
        urgent=article.urgent,
        actions=article.actions,
        owner=article.owner,
        review_by=article.review_by.astimezone(here).date() if article.review_by else None,
    )  # fmt: skip


def _steps(id_: str, article: Article) -> Iterator[Procedure]:
    """Its numbered lists, with pictures as the page has them."""
    for one in steps_of(article.body, f"{id_}.md", article.language, agents=True):
        yield replace(one, steps=tuple(replace(step, html=with_pictures(step.html, id_)) for step in one.steps))


def _ticket(found: Reading, ticket: Ticket) -> Opened:
    return Opened(
        found.document_id, "ticket", found.revision, ticket.subject, ticket.language, ticket.product, ticket.tags,
        found.changed_at, problem=ticket.problem, resolution=ticket.resolution, closed_at=ticket.closed_at,
    )  # fmt: skip


def _copied(clipping: Clipping, site: str, notice: str | None = None) -> Copied:
    """The text under its title and above its address, under a notice where it is not for customers."""
    head = " › ".join((clipping.title, *clipping.heading))
    link = f"{site}{clipping.url}" if clipping.url else None
    body = clipping.text.removeprefix(f"{clipping.title}\n")  # which its body may begin with
    text = "\n".join(part for part in (notice, head, "", body, link) if part is not None)
    return Copied(text, clipping.part, clipping.title, clipping.heading)

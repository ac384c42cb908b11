"""`/articles/ID`: an article as its reader may see it, the cited sentence marked."""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from litestar import Request, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Template

from kb import library
from kb.access.callers import Caller
from kb.answer.quoted import article_html
from kb.config import zone
from kb.errors import NotShown
from kb.handover.moments import day
from kb.library import ShownArticle
from kb.model import AGENT, EVERY, PUBLIC
from kb.shelves import Shelves
from kb.web import asking
from kb.web.guards import requires
from kb.web.pages.help import category_name, site_of
from kb.web.pages.interface import page, reader_of
from kb.web.pages.pictures import with_pictures

_HEADING = re.compile(r'<h([23]) id="(s-[^"]+)">(.*?)</h\1>', re.DOTALL)
_TITLE = re.compile(r"\s*(<h1[^>]*>(.*?)</h1>)", re.DOTALL)
_TAG = re.compile("<[^>]*>")
_LONG = 4
"""Headings from which on an article has a table of contents."""
_Request = Request[Caller, Any, State]


@get("/articles/{document_id:path}", sync_to_thread=True, guards=[requires("public")], include_in_schema=False)
def article(
    request: _Request,
    state: State,
    document_id: FromPath[Path],
    start: Annotated[int | None, QueryParameter(name="from", ge=0)] = None,
    end: Annotated[int | None, QueryParameter(name="to", ge=0)] = None,
    revision: FromQuery[int | None] = None,
) -> Template:
    """What is read is the live revision; a sentence of an older one is not marked in it."""
    shown = _shown(request, state, _id(document_id))
    span = (start, end) if start is not None and end is not None and revision in (None, shown.revision) else None
    agents = bool(request.user.audiences & {AGENT, EVERY})
    shelves: Shelves = state.shelves
    kb, language = asking.service_of(state).knowledge, reader_of(request).language
    path = library.place(kb, shown.document_id)
    html = article_html(shown.body, path, shown.language, agents=agents, span=span)
    title, text = _titled(html, shown.title)
    family = shelves.family(kb, shown.document_id)
    return page(
        request, "article.html", shown=shown, title=title, html=with_pictures(text, shown.document_id),
        family=family, related=shelves.related(kb, shown.document_id), description=library.summary(shown),
        site=site_of(request),
        category=category_name(state, language, shown.category), contents=_contents(html), sent=uuid4().hex,
        changed=day(shown.changed, language, zone(state.settings)),
        moved=revision is not None and revision != shown.revision, public=PUBLIC in shown.audience,
    )  # fmt: skip


HANDLERS = (article,)


def _shown(request: _Request, state: State, document_id: str) -> ShownArticle:
    try:
        return library.article(asking.service_of(state).knowledge, document_id, request.user.audiences)
    except NotShown as error:
        raise NotFoundException(str(error)) from error


def _id(path: Path) -> str:
    return path.as_posix().lstrip("/")


def _titled(html: str, title: str) -> tuple[str, str]:
    """An article's title as HTML, which is the heading that it begins with where that says the same, and the rest."""
    found = _TITLE.match(html)
    if found and unescape(_TAG.sub("", found[2])).strip() == title:
        return found[1], html[found.end() :]
    return f"<h1>{escape(title)}</h1>", html


def _contents(html: str) -> list[tuple[str, str, str]]:
    """Level, anchor and text of each heading of a long article."""
    found = [(level, anchor, unescape(_TAG.sub("", text))) for level, anchor, text in _HEADING.findall(html)]
    return found if len(found) >= _LONG else []

"""`/pictures/PATH?of=ID`: a picture of an article, for who may read it there; an editor sees those of edits too."""

from __future__ import annotations

import mimetypes
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, unquote

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.response import File

from kb import library
from kb.access.callers import Caller
from kb.answer.quoted import article_html
from kb.editing.pictures import draft_picture
from kb.errors import NotShown
from kb.model import AGENT, EVERY
from kb.web import asking
from kb.web.guards import requires

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif"})
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A picture opened by itself runs nothing; an SVG's own styles may draw it."""
_SOURCE = re.compile(r'<img src="([^"]*)"')


@get("/pictures/{place:path}", sync_to_thread=True, guards=[requires("public")], include_in_schema=False)
def picture(
    request: Request[Caller, Any, State],
    state: State,
    place: FromPath[Path],
    of: Annotated[str, QueryParameter(max_length=1_000)],
) -> Response[Any]:
    """A picture, for whoever may read an article that shows it. Raises NotFoundException."""
    wanted, paths = place.as_posix().lstrip("/"), asking.service_of(state).paths
    kind = mimetypes.guess_type(wanted)[0] or "application/octet-stream"
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "private, max-age=300"}
    edits = request.user.may("editor")
    if edits and (content := draft_picture(paths, of, wanted)) is not None:
        return Response(content, media_type=kind, headers=headers)
    if not edits and not _is_shown(request, state, of, wanted):
        raise NotFoundException("this article shows no such picture")
    if (file := _file_of(paths.articles.resolve(), wanted)) is None:
        raise NotFoundException("this picture is not there")
    return File(file, media_type=kind, content_disposition_type="inline", headers=headers)


def with_pictures(html: str, document_id: str) -> str:
    """Pictures come by way of the article, whose reader may see them."""
    of = quote(document_id, safe="")
    return _SOURCE.sub(lambda found: f'<img loading="lazy" src="/pictures/{found[1]}?of={of}"', html)


def _file_of(folder: Path, wanted: str) -> Path | None:
    """A picture that lies within a folder."""
    if "\0" in wanted or Path(wanted).suffix.lower() not in PICTURES:
        return None
    file = (folder / wanted).resolve()
    return file if file.is_relative_to(folder) and file.is_file() else None


def _is_shown(request: Request[Caller, Any, State], state: State, document_id: str, wanted: str) -> bool:
    kb = asking.service_of(state).knowledge
    try:
        shown = library.article(kb, document_id, request.user.audiences)
    except NotShown:
        return False
    agents = bool(request.user.audiences & {AGENT, EVERY})
    return wanted in _pictures_of(shown.body, library.place(kb, document_id), agents)


@lru_cache(maxsize=256)
def _pictures_of(body: str, path: str, agents: bool) -> frozenset[str]:
    html = article_html(body, path, "en", agents=agents)
    return frozenset(unquote(found) for found in _SOURCE.findall(html))

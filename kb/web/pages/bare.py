"""A bare `/agent` until the console takes its place: the panes of calls, changes and steps alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Template

from kb import library
from kb.access.callers import Caller
from kb.errors import NotShown
from kb.ingest.steps import steps_of
from kb.model import PUBLIC
from kb.web import asking
from kb.web.guards import requires
from kb.web.pages.help import site_of
from kb.web.pages.pictures import with_pictures
from kb.web.pages.staff import for_staff, staff_page


@get("/agent", sync_to_thread=False, **for_staff("agent"))
def agent(request: Request[Caller, Any, State]) -> Template:
    return staff_page(request, "agent.html")


@get("/bare/{document_id:path}", sync_to_thread=True, guards=[requires("agent")], include_in_schema=False)
def opened(request: Request[Caller, Any, State], state: State, document_id: FromPath[Path]) -> dict[str, Any]:
    id_ = document_id.as_posix().lstrip("/")
    try:
        shown = library.article(asking.service_of(state).knowledge, id_, request.user.audiences)
    except NotShown as error:
        raise NotFoundException(str(error)) from error
    public = PUBLIC in shown.audience
    found = steps_of(shown.body, f"{id_}.md", shown.language, agents=True)
    steps = [
        {"heading": one.heading, "steps": [asdict(s) | {"html": with_pictures(s.html, id_)} for s in one.steps]}
        for one in found
    ]
    return {
        "document_id": id_, "revision": shown.revision, "title": shown.title, "language": shown.language,
        "public": public, "url": shown.url, "public_url": f"{site_of(request)}{shown.url}" if public else None,
        "steps": steps,
    }  # fmt: skip


HANDLERS = (agent, opened)

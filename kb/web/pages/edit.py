"""`/edit`: the articles and what waits for an editor; `/edit/ID`: one article being written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from litestar import Request, get
from litestar.datastructures import State as AppState
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Template

from kb.access.callers import Caller
from kb.access.naming import names
from kb.config import Settings, zone
from kb.editing.due import agenda
from kb.editing.listing import Filters, choices, listed
from kb.editing.standing import existing
from kb.editing.states import EDITOR, RULES, State
from kb.editing.waiting import queue
from kb.errors import NotShown
from kb.store import database
from kb.updates.readers import Acknowledgements, acknowledgement_of
from kb.web.editing import service_of
from kb.web.pages.staff import for_staff, staff_page

View = Literal["articles", "review", "due", "tickets", "replace"]
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
"""What an editor may put beside an article."""
_AT_ONCE = 50
_AHEAD = 30.0
"""Days for which a list tells what is due."""
_Request = Request[Caller, Any, AppState]
_Filter = Annotated[str, QueryParameter(max_length=1_000)]


@get("/edit", sync_to_thread=True, **for_staff("editor"))
def overview(
    request: _Request,
    state: AppState,
    view: FromQuery[View] = "articles",
    q: _Filter = "",
    state_: Annotated[str, QueryParameter(name="state", max_length=100)] = "",
    language: _Filter = "",
    owner: _Filter = "",
    after: _Filter = "",
) -> Template:
    """All articles, what waits for a review, what is due, what tickets propose, and find and replace."""
    paths = service_of(state).paths
    asked = {"q": q, "state": state_ if state_ in set(State) else "", "language": language, "owner": owner}
    with closing(database.open_for_reading(paths.database)) as db:
        waiting = queue(db, request.user.id)
        shown: dict[str, Any] = {}
        if view == "articles":
            filters = Filters(
                State(asked["state"]) if asked["state"] else None,
                language or None,
                None,
                owner or None,
                None,
                q or None,
            )
            lines = listed(db, filters, after=after, limit=_AT_ONCE + 1)
            more = {**asked, "after": lines[_AT_ONCE - 1].id} if len(lines) > _AT_ONCE else None
            shown = {
                "lines": lines[:_AT_ONCE],
                "more": more and urlencode({key: value for key, value in more.items() if value}),
                "choices": choices(db),
                "first": not after,
            }
    if view == "due":
        shown = {"due": agenda(paths, _AHEAD, owner or None).due}
    return staff_page(
        request, "edit.html", view=view, asked=asked, waiting=waiting, approval=_settings(state).approval,
        called=names(paths, "editor"), states=list(State)[1:], day=_days(_settings(state)), **shown,
    )  # fmt: skip


@get("/edit/{article_id:path}", sync_to_thread=True, **for_staff("editor"))
def editor(
    request: _Request, state: AppState, article_id: FromPath[Path], article: FromQuery[str | None] = None
) -> Template:
    """One article, or a new one: `/edit/new`; one whose id is `new` is at `/edit/new?article`."""
    paths, id_ = service_of(state).paths, article_id.as_posix().lstrip("/")
    if id_ == "new" and article is None:
        id_ = ""
    elif not _is_there(state, id_):
        raise NotFoundException("there is no such article")
    moves = {
        str(place): sorted({str(rule.move) for rule in RULES if place in rule.states and rule.by == EDITOR})
        for place in State
    }
    return staff_page(
        request, "edit_article.html", id=id_, moves=moves, me=request.user.id, approval=_settings(state).approval,
        called=names(paths, "editor"), pictures=_PICTURES, readers=_readers(state, id_),
    )  # fmt: skip


HANDLERS = (overview, editor)


def _is_there(state: AppState, id_: str) -> bool:
    with closing(database.open_for_reading(service_of(state).paths.database)) as db:
        try:
            return existing(db, id_) is not None
        except NotShown:
            return False


def _readers(state: AppState, id_: str) -> Acknowledgements | None:
    """Who has read what is live of it; None where nothing is."""
    try:
        return acknowledgement_of(service_of(state).paths, id_)
    except NotShown:
        return None


def _days(settings: Settings) -> Callable[..., str]:
    """A time as the day that it is in the home's zone; of one that ends something, the last day before."""
    home = zone(settings)

    def day(at: str | None, ends: bool = False) -> str:
        if at is None:
            return ""
        moment = datetime.fromisoformat(at) - timedelta(seconds=1 if ends else 0)
        return moment.astimezone(home).date().isoformat()

    return day


def _settings(state: AppState) -> Settings:
    settings: Settings = state.settings
    return settings

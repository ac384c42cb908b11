"""`/api/articles`: what editors write, and how it goes live; see docs/lifecycle.md."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Annotated, Any

from litestar import Response, Router, delete, get, post, put
from litestar.datastructures import State as AppState
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from kb.config import Settings, zone
from kb.editing.desk import Actor, Desk
from kb.editing.gating import Report
from kb.editing.listing import Filters, Shown, listed
from kb.editing.states import Move, State
from kb.editing.translations import beside
from kb.store import database
from kb.web.editing import (
    MOST_BYTES,
    Asker,
    Editing,
    Filter,
    Listed,
    Match,
    NewArticle,
    NewText,
    Noted,
    Reasoned,
    Timed,
    actor_of,
    number_of,
    order,
    service_of,
    told,
    told_or_gone,
)  # fmt: skip
from kb.web.guards import requires
from kb.web.pictures import pictures

_ALIKE: dict[str, Any] = {"operation_class": Editing, "sync_to_thread": True}


@get("/", summary="Articles and where they stand", **_ALIKE)
def list_articles(
    state: AppState,
    q: Filter = None,
    state_: Annotated[State | None, QueryParameter(name="state", description="Where it stands")] = None,
    language: Filter = None,
    audience: Filter = None,
    owner: Filter = None,
    product: Filter = None,
    after: FromQuery[str] = "",
    limit: Annotated[int, QueryParameter(description="At most so many", ge=1, le=200)] = 50,
) -> Listed:
    """Edits and what is live, one line for each article; `q` is looked for in ids and titles."""
    filters = Filters(state_, language, audience, owner, product, q)
    with closing(database.open_for_reading(service_of(state).paths.database)) as db:
        found = listed(db, filters, after=after, limit=limit + 1)
    return Listed(found[:limit], found[limit - 1].id if len(found) > limit else None)


@post("/", summary="Begin an article", **_ALIKE, request_max_body_size=MOST_BYTES)
def create(request: Asker, state: AppState, data: JSONBody[NewArticle]) -> Response[Shown]:
    """It is a draft: nothing of it is live until it is published."""
    service_of(state).desk.create(actor_of(request), data.id, data.text)
    return told(state, data.id, 201)


@get("/{article_id:str}", summary="An article with its whole file", **_ALIKE)
def read(state: AppState, article_id: FromPath[str]) -> Response[Shown]:
    """The edit's text, where there is an edit, beside the live one."""
    return told(state, article_id)


@put(
    "/{article_id:str}",
    summary="Save a text of an article",
    **_ALIKE,
    request_max_body_size=MOST_BYTES,
)
def save(
    request: Asker, state: AppState, article_id: FromPath[str], data: JSONBody[NewText], if_match: Match = None
) -> Response[Shown]:
    """The first save begins an edit; what is live stays."""
    service_of(state).desk.save(actor_of(request), article_id, number_of(if_match), data.text)
    return told(state, article_id)


@delete("/{article_id:str}", status_code=200, summary="Remove an article", **_ALIKE)
def remove(
    request: Asker, state: AppState, article_id: FromPath[str], if_match: Match = None
) -> Response[Shown | None]:
    """Its file goes, and any edit; what was live is retired, its revisions stay. Null where nothing was ever live."""
    order(request, state, article_id, Move.DELETE, if_match)
    return told_or_gone(state, article_id)


@post("/{article_id:str}/submit", status_code=200, summary="Ask for a review", **_ALIKE)
def submit(
    request: Asker, state: AppState, article_id: FromPath[str], data: JSONBody[Noted], if_match: Match = None
) -> Response[Shown]:
    """Of an edit, or of a file whose `status` is `draft`."""
    return _reviewed(request, state, article_id, if_match, Desk.submit, data.note)


@post("/{article_id:str}/approve", status_code=200, summary="Approve an edit", **_ALIKE)
def approve(
    request: Asker, state: AppState, article_id: FromPath[str], data: JSONBody[Noted], if_match: Match = None
) -> Response[Shown]:
    """Where the centre wants approval; not by whoever wrote a part of it."""
    return _reviewed(request, state, article_id, if_match, Desk.approve, data.note)


@post(
    "/{article_id:str}/send-back",
    status_code=200,
    summary="Give an edit back to its author",
    **_ALIKE,
)
def send_back(
    request: Asker, state: AppState, article_id: FromPath[str], data: JSONBody[Noted], if_match: Match = None
) -> Response[Shown]:
    """It is a draft again; an approval is void."""
    return _reviewed(request, state, article_id, if_match, Desk.send_back, data.note)


@post("/{article_id:str}/publish", status_code=200, summary="Make an edit live", **_ALIKE)
def publish(
    request: Asker, state: AppState, article_id: FromPath[str], data: JSONBody[Reasoned], if_match: Match = None
) -> Response[Shown]:
    """Searchable when it is answered; 409 with the gate's `report` where golden questions break without a `reason`."""
    order(request, state, article_id, Move.PUBLISH, if_match, data.reason)
    return told(state, article_id)


@post(
    "/{article_id:str}/schedule",
    status_code=200,
    summary="Name the time at which an edit goes live",
    **_ALIKE,
)
def schedule(
    request: Asker, state: AppState, article_id: FromPath[str], data: JSONBody[Timed], if_match: Match = None
) -> Response[Shown]:
    """Once, within two seconds of that time, whichever process runs then."""
    service = service_of(state)
    at = data.at if data.at.tzinfo else data.at.replace(tzinfo=zone(state.settings))
    service.desk.schedule(actor_of(request), article_id, number_of(if_match), at, data.reason)
    return told(state, article_id)


@post(
    "/{article_id:str}/unschedule",
    status_code=200,
    summary="Take that time back",
    **_ALIKE,
)
def unschedule(request: Asker, state: AppState, article_id: FromPath[str], if_match: Match = None) -> Response[Shown]:
    """The edit waits again."""
    service_of(state).desk.unschedule(actor_of(request), article_id, number_of(if_match))
    return told(state, article_id)


@post("/{article_id:str}/retire", status_code=200, summary="Take an article down", **_ALIKE)
def retire(
    request: Asker,
    state: AppState,
    article_id: FromPath[str],
    if_match: Match = None,
    together: Annotated[bool, QueryParameter(description="With the articles of the same in other languages")] = False,
) -> Response[Shown]:
    """Its file says `status: retired`; it is found no more. An edit stays."""
    if together and told(state, article_id).content.revision == number_of(if_match):
        for id_ in beside(service_of(state).paths, article_id):  # before it: asked again, it goes on where it ended
            order(request, state, id_, Move.RETIRE, f'"{told(state, id_).content.revision}"')
    order(request, state, article_id, Move.RETIRE, if_match)
    return told(state, article_id)


@post("/{article_id:str}/discard", status_code=200, summary="End an edit", **_ALIKE)
def discard(
    request: Asker, state: AppState, article_id: FromPath[str], if_match: Match = None
) -> Response[Shown | None]:
    """A file that was changed by hand gets the live text back. Null where nothing was ever live."""
    order(request, state, article_id, Move.DISCARD, if_match)
    return told_or_gone(state, article_id)


@get("/{article_id:str}/gate", summary="What an edit would do to answers", **_ALIKE)
def gate(request: Asker, state: AppState, article_id: FromPath[str]) -> Report:
    """Golden questions, and real ones that the article answered or might, on the index as it is and as it would be."""
    service = service_of(state)
    return service.gate.report([service.desk.change(article_id)])


def _reviewed(
    request: Asker,
    state: AppState,
    article_id: str,
    if_match: str | None,
    move: Callable[[Desk, Actor, str, int, str | None], None],
    note: str | None,
) -> Response[Shown]:
    move(service_of(state).desk, actor_of(request), article_id, number_of(if_match), note)
    return told(state, article_id)


def articles(settings: Settings) -> Router:
    """Registered through one router: Litestar would not tell several handlers of one path apart otherwise."""
    moves = (submit, approve, send_back, publish, schedule, unschedule, retire, discard)
    return Router(
        "/api/articles",
        route_handlers=[list_articles, create, read, save, remove, *moves, gate, pictures(settings)],
        guards=[requires("editor")],
    )

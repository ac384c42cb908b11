"""`GET /api/translations` and `GET /api/due`: what wants an editor; for editors."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.params import QueryParameter

from kb.editing import due, translations
from kb.service import Service
from kb.web.guards import requires
from kb.web.revisions import Stored


@get(
    "/api/translations",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=Stored,
    summary="Articles with their translations, and which lag behind",
)
def translated(state: State) -> translations.Groups:
    """Groups in which one lags come first."""
    service: Service = state.service
    return translations.translations(service.paths)


@get(
    "/api/due",
    guards=[requires("editor")],
    sync_to_thread=True,
    operation_class=Stored,
    summary="Articles to be read again, and those that come or go by themselves",
)
def agenda(
    state: State,
    days: Annotated[float, QueryParameter(description="How far to look ahead", ge=0, le=3_650)] = 30.0,
    owner: Annotated[str | None, QueryParameter(description="Only this owner's", max_length=1_000)] = None,
) -> due.Agenda:
    """What is past comes first."""
    service: Service = state.service
    return due.agenda(service.paths, days, owner)


HANDLERS = (translated, agenda)

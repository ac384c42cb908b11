"""The audit log, for admins."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.params import FromQuery, QueryParameter

from kb.access.keys import as_text
from kb.access.reception import Reception
from kb.store import audit, database
from kb.web.guards import requires


class Line(msgspec.Struct, frozen=True):
    """One thing that was done; `at` is ISO 8601 in UTC, `action` one of those in docs/access.md."""

    id: int
    at: str
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


class Lines(msgspec.Struct, frozen=True):
    """The log, or its newest part, oldest first."""

    events: list[Line]


@get("/api/audit", guards=[requires("admin")], sync_to_thread=True, summary="What was done to keys, people and content")
def audit_log(
    request: Request[Any, Any, Any],
    since: FromQuery[datetime | None] = None,
    limit: Annotated[int, QueryParameter(description="The newest so many", ge=1, le=10_000)] = 1_000,
) -> Lines:
    """Sign-ins, also refused ones, keys, people, publications, exports, erasures, backups."""
    reception: Reception = request.app.state.reception
    with closing(database.open_for_reading(reception.paths.database)) as db:
        found = audit.read(db, since=since.timestamp() if since else 0.0, limit=limit)
    return Lines([Line(e.id, as_text(e.at) or "", e.actor, e.action, e.subject, e.detail) for e in found])

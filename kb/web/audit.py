"""The audit log, for admins."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
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
    action: Annotated[str | None, QueryParameter(description="This action alone", max_length=200)] = None,
    who: Annotated[
        str | None, QueryParameter(description="What this id did, or had done to it", max_length=200)
    ] = None,
    before: Annotated[int | None, QueryParameter(description="Lines older than this id", ge=1)] = None,
    limit: Annotated[int, QueryParameter(description="The newest so many", ge=1, le=10_000)] = 1_000,
) -> Lines:
    """Sign-ins, also refused ones, keys, people, publications, exports, erasures, backups."""
    reception: Reception = request.app.state.reception
    with closing(database.open_for_reading(reception.paths.database)) as db:
        names = None if who is None else (who,)
        found = audit.read(db, since=_seconds(since), limit=limit, action=action, who=names, before=before)
    return Lines([Line(e.id, as_text(e.at) or "", e.actor, e.action, e.subject, e.detail) for e in found])


def _seconds(since: datetime | None) -> float:
    """A time without a zone is in UTC, as those that are shown."""
    return 0.0 if since is None else (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp()

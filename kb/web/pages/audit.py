"""`/admin/audit`: what was done, by whom and to whom by their names, and the same as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Template

from kb.access.callers import Caller
from kb.access.keys import as_text
from kb.access.people import as_name
from kb.config import zone
from kb.store import audit, database
from kb.store import keys as stored_keys
from kb.store import people as stored_people
from kb.store.audit import ACTIONS, Event
from kb.web.keys import paths_of
from kb.web.pages.admin import Words
from kb.web.pages.interface import reader_of, translations
from kb.web.pages.staff import for_staff, staff_page

PAGE = 50
MOST = 100_000
"""Lines of an export."""
_SUGGESTED = 300
"""Names that a field offers."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_Request = Request[Caller, Any, State]
_Day = Annotated[str, QueryParameter(max_length=10)]


@dataclass(frozen=True, slots=True)
class Line:
    """An event with the names of whom it is about; `detail` as pairs of texts."""

    at: str
    action: str
    actor_id: str
    actor: str
    subject_id: str
    subject: str
    detail: tuple[tuple[str, str], ...]


class Wanted(msgspec.Struct, frozen=True):
    """What the log is narrowed to; `since` is a day in the home's time zone."""

    action: str = ""
    who: str = ""
    since: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The same for an address."""
        return {name: value for name, value in msgspec.to_builtins(self).items() if value}


@get("/admin/audit", sync_to_thread=True, **for_staff("admin"))
def log(
    request: _Request,
    state: State,
    action: Words = "",
    who: Words = "",
    since: _Day = "",
    before: Annotated[int | None, QueryParameter(ge=1)] = None,
) -> Template:
    """A page of it, the newest first."""
    wanted = Wanted(action, who.strip(), since)
    names, found = _read(state, wanted, PAGE + 1, before)
    lines, more = found[:PAGE], len(found) > PAGE
    gettext = translations(reader_of(request).language).gettext
    return staff_page(
        request, "admin_audit.html", lines=[_line(event, names) for event in lines], wanted=wanted,
        actions={name: _short(gettext(told)) for name, told in ACTIONS.items()},
        names=sorted(set(names.values()))[:_SUGGESTED],
        narrowed=bool(wanted.query), later=before is not None, query=urlencode(wanted.query),
        older=urlencode({**wanted.query, "before": lines[-1].id}) if more else "",
    )  # fmt: skip


@get("/admin/audit.csv", sync_to_thread=True, **for_staff("admin"))
def exported(state: State, action: Words = "", who: Words = "", since: _Day = "") -> Response[str]:
    """The newest hundred thousand lines at most; no cell is taken for a formula."""
    names, found = _read(state, Wanted(action, who.strip(), since), MOST)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("at", "actor", "actor_name", "action", "subject", "subject_name", "detail"))
    for event in found:
        line, detail = _line(event, names), json.dumps(event.detail, ensure_ascii=False)
        cells = (line.at, line.actor_id, line.actor, line.action, line.subject_id, line.subject, detail)
        writer.writerow(map(plain, cells))
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    # With a byte order mark: spreadsheets take a table for that of an old encoding otherwise.
    return Response("\ufeff" + table.getvalue(), media_type="text/csv", headers=headers)


HANDLERS = (log, exported)


def plain(cell: str) -> str:
    """A cell that no spreadsheet computes."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _read(state: State, wanted: Wanted, limit: int, before: int | None = None) -> tuple[dict[str, str], list[Event]]:
    """Names by id, and the lines, the newest first."""
    with closing(database.open_for_reading(paths_of(state).database)) as db:
        names = {key.id: key.name or key.id for key in stored_keys.every(db)}
        names |= {person.id: person.name for person in stored_people.every(db)}
        found = audit.read(
            db, since=_began(state, wanted.since), limit=limit, action=wanted.action or None,
            who=_ids(wanted.who, names) if wanted.who else None, before=before,
        )  # fmt: skip
    return names, found[::-1]


def _ids(who: str, names: dict[str, str]) -> list[str]:
    """Whoever is called so, and the text itself, which may be an id."""
    return [who, *(id_ for id_, name in names.items() if as_name(name) == as_name(who))]


def _began(state: State, since: str) -> float:
    """The beginning of a day; of all days where that is none."""
    try:
        return datetime.combine(date.fromisoformat(since), time.min, zone(state.settings)).timestamp()
    except ValueError:
        return 0.0


def _line(event: Event, names: dict[str, str]) -> Line:
    detail = tuple((name, _said(value)) for name, value in event.detail.items() if value not in (None, "", []))
    actor, subject = event.actor, event.subject
    return Line(
        as_text(event.at) or "", event.action, actor, names.get(actor, actor), subject, names.get(subject, subject),
        detail,
    )  # fmt: skip


def _short(told: str) -> str:
    """What an action is, without what else there is to know of it."""
    return re.split("[;；]", told)[0].rstrip(".。")


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

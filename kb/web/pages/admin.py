"""`/admin`: how the service is, its keys, its people and its settings, for admins."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any

import anyio.to_thread
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Template

from kb.access.callers import Caller
from kb.config import Paths, Place, zone
from kb.errors import KbError
from kb.handover.handing import read_all
from kb.provenance import chosen
from kb.readiness import CHECKS
from kb.service import Service
from kb.store import database, documents
from kb.web.health import looked
from kb.web.keys import Key, keys_of, paths_of
from kb.web.pages.interface import reader_of, translations
from kb.web.pages.staff import for_staff, staff_page
from kb.web.people import Person, people_of
from kb.web.sampling import rows

_SOON = timedelta(days=14)
Words = Annotated[str, QueryParameter(max_length=200)]
"""What a list is narrowed by."""
_Request = Request[Caller, Any, State]


@get("/admin", **for_staff("admin"))
async def overview(request: _Request, state: State) -> Template:
    """Whether it answers, what it holds, and what is to be looked at."""
    readiness = await looked(state)
    told = await anyio.to_thread.run_sync(_told, state)
    gettext = translations(reader_of(request).language).gettext
    failed = readiness.failed if readiness else {}
    behind = max(0, readiness.newest - readiness.change) if readiness else 0
    return staff_page(
        request, "admin.html", readiness=readiness, settings=state.settings, behind=behind, version=version("kb"),
        failed=[(gettext(CHECKS[check]), why) for check, why in failed.items()], **told,
    )  # fmt: skip


@get("/admin/keys", sync_to_thread=True, **for_staff("admin"))
def keys(request: _Request, state: State, q: Words = "", role: Words = "", only: Words = "") -> Template:
    """Those in force first, each time the newest first; made and revoked by a script, through `/api/keys`."""
    found = [
        key
        for key in sorted(keys_of(paths_of(state)), key=lambda key: key.state != "holds")
        if _fits(key, q, role) and (not only or (key.state == "holds") == (only == "holds"))
    ]
    today = datetime.now(zone(state.settings)).date().isoformat()
    return staff_page(
        request, "admin_keys.html", keys=found, q=q, wanted_role=role, only=only, today=today,
        narrowed=bool(q or role or only),
    )  # fmt: skip


@get("/admin/people", sync_to_thread=True, **for_staff("admin"))
def people(request: _Request, state: State, q: Words = "", role: Words = "", only: Words = "") -> Template:
    """By name; changed by a script, through `/api/people`."""
    found = [
        person
        for person in people_of(paths_of(state))
        if _fits(person, q, role) and (not only or (person.disabled_at is not None) == (only == "disabled"))
    ]
    return staff_page(
        request, "admin_people.html", people=found, q=q, wanted_role=role, only=only,
        narrowed=bool(q or role or only),
    )  # fmt: skip


@get("/admin/settings", sync_to_thread=True, **for_staff("admin"))
def settings(request: _Request, state: State, q: Words = "", only: Words = "") -> Template:
    """What each is, where that was chosen, and what it means."""
    gettext = translations(reader_of(request).language).gettext
    origins: Mapping[str, Place] = state.origins
    every = [replace(one, meaning=gettext(one.meaning)) for one in chosen(state.settings, origins)]
    found = [
        one
        for one in every
        if q.casefold() in f"{one.name} {one.meaning}".casefold() and (one.place is not None or only != "chosen")
    ]
    file = paths_of(state).home / "kb.toml"
    return staff_page(request, "admin_settings.html", chosen=found, q=q, only=only, file=file)


HANDLERS = (overview, keys, people, settings)


def _fits(one: Key | Person, q: str, role: str) -> bool:
    return q.casefold() in f"{one.name} {one.id}".casefold() and role in ("", one.role)


def _told(state: State) -> dict[str, Any]:
    """The numbers, from the store, from the index that is shown, and from what was given up."""
    paths: Paths = paths_of(state)
    everybody, every_key = people_of(paths), keys_of(paths)
    held = [key for key in every_key if key.state == "holds"]
    until = (datetime.now(UTC) + _SOON).isoformat()
    return _content(paths) | _index(state.service) | {
        "unread": state.service.unread() or (),
        "dead": len(read_all(paths, dead=True)),
        "ending": [key for key in held if key.expires_at and key.expires_at < until],
        "people_active": sum(one.disabled_at is None for one in everybody),
        "people_disabled": sum(one.disabled_at is not None for one in everybody),
        "keys_held": len(held), "keys_ended": len(every_key) - len(held),
    }  # fmt: skip


def _content(paths: Paths) -> dict[str, Any]:
    with closing(database.open_for_reading(paths.database)) as db:
        return {"counts": documents.published_counts(db), "changed_at": documents.changed_at(db)}


def _index(service: Service) -> dict[str, Any]:
    try:
        view = service.knowledge.reader.view
    except KbError:
        return {"manifest": None, "rows": {}}
    return {"manifest": view.manifest, "rows": rows(view)}

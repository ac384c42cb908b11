"""`/account`: who one is, for everybody who signed in."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.response import Template

from kb.access.callers import Caller
from kb.store import database, people
from kb.web.guards import PAGE, SignedIn
from kb.web.keys import paths_of
from kb.web.pages.staff import ACCOUNT, staff_page


@get(ACCOUNT, sync_to_thread=True, opt={PAGE: True}, guards=[SignedIn("public")], include_in_schema=False)
def account(request: Request[Caller, Any, State], state: State) -> Template:
    """Name, role and groups; another password; the end of sessions elsewhere."""
    with closing(database.open_for_reading(paths_of(state).database)) as db:
        person = people.by_id(db, request.user.id)
    return staff_page(request, "account.html", by_password=person is not None and person.password is not None)


HANDLERS = (account,)

"""`POST /api/tickets`: resolved cases from a help desk, acknowledged once they are on the disk."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import Headers, State
from litestar.exceptions import ClientException, NotAuthorizedException
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import QueryParameter

from kb.access.callers import Caller
from kb.config import Settings
from kb.deliveries import Deliveries, Taken
from kb.web.documented import problem
from kb.web.guards import CHALLENGE, Requires, caller_of

WINDOW_SECONDS = 300.0
"""How old, or how far ahead, a signature's time may be."""
_MOST_BYTES = 4 * 1024 * 1024
_SIGNED = (("kb-signature", "kb-timestamp"), ("x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"))


@dataclass(frozen=True)
class _Sends(Requires):
    """Editors, and the keys that the setting `tickets_keys` names."""

    async def __call__(self, connection: ASGIConnection[Any, Caller, Any, Any], handler: BaseRouteHandler) -> None:
        settings: Settings = connection.app.state.settings
        if (id_ := caller_of(connection).id) and id_ in settings.tickets_keys:
            return
        await super().__call__(connection, handler)


@dataclass
class _Taking(Operation):
    """An operation that reads its body itself, since what is signed are its bytes."""

    def __post_init__(self) -> None:
        """Adds the body and the refusals to what Litestar found by itself."""
        ticket = Schema(type=OpenAPIType.OBJECT, description="A ticket: ours, or as the source's mapping reads it")
        body = Schema(
            one_of=[ticket, Schema(type=OpenAPIType.ARRAY, items=ticket, min_items=1)],
            description="See docs/imports.md",
        )
        self.request_body = RequestBody({"application/json": OpenAPIMediaType(schema=body)}, required=True)
        found = self.responses or {}
        known = {"200": "This very delivery was taken before", "202": "On the disk; searchable in seconds"}
        for status, told in known.items():
            if "202" in found:
                found[status] = _like(found["202"], told)
        self.responses = found | {
            "400": problem("No JSON, or no ticket of it can be taken; `refused` names fields and reasons"),
            "408": problem("The body was not whole in time"),
            "413": problem("The body is too large"),
            "503": problem("It cannot be kept at the moment: send it again"),
        }


def _like(response: Any, told: str) -> Any:
    return type(response)(told, headers=response.headers, content=response.content)


@post(
    "/api/tickets",
    status_code=202,
    request_max_body_size=_MOST_BYTES,
    summary="Take a help desk's tickets",
    operation_class=_Taking,
    guards=[_Sends("editor")],
)
async def tickets(
    request: Request[Caller, Any, State],
    state: State,
    source: Annotated[
        str, QueryParameter(description="Whose tickets; also names a mapping", pattern="^[^/\x00]{1,200}$")
    ] = "tickets",
) -> Response[Taken]:
    """202 once all good tickets are on the disk; 200 where this signed delivery was taken before."""
    body = await request.body()
    signature, until = _signature(state.settings, request.headers, body)
    deliveries = Deliveries(state.service.paths, state.settings, state.service.journal)
    taken = await sync_to_thread(deliveries.take, body, source, signature=signature, until=until)
    if not (taken.taken or taken.skipped or taken.repeated):
        raise ClientException("no ticket of this delivery can be taken", extra={"refused": list(taken.refused)})
    return Response(taken, status_code=200 if taken.repeated else 202)


def _signature(settings: Settings, headers: Headers, body: bytes) -> tuple[str | None, float]:
    """What a delivery is known by, and until when; None where nothing has to be signed. Raises HTTPException (401)."""
    if settings.tickets_secret is None:
        return None, 0.0
    for name, at in _SIGNED:
        given, stamp = headers.get(name, ""), headers.get(at, "")
        made = hmac.new(settings.tickets_secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
        if given and hmac.compare_digest(given.encode(), base64.b64encode(made)):
            if abs(_seconds(stamp) - time.time()) > WINDOW_SECONDS:
                raise NotAuthorizedException("this was signed too long ago, or ahead of time", headers=CHALLENGE)
            return made.hex(), time.time() + 2 * WINDOW_SECONDS
    raise NotAuthorizedException("the delivery is not signed with the setting `tickets_secret`", headers=CHALLENGE)


def _seconds(stamp: str) -> float:
    """Seconds since 1970 of a time in ISO 8601 or in such seconds; long ago where it is neither."""
    try:
        return float(stamp) if stamp.replace(".", "", 1).isdigit() else datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return 0.0

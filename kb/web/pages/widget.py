"""The chat for the centre's own sites: the script that they load, and the page that it shows in a frame."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.response import Template

from kb.access.callers import Caller
from kb.config import Settings
from kb.web.headers import FRAMED
from kb.web.pages.help import OPEN_PAGE
from kb.web.pages.interface import page

_SCRIPT = Path(__file__).parent.parent / "static" / "widget.js"
_HEADERS = {"Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Its address is always the same: a site has a new version within five minutes."""
_FRAMED_PAGE = OPEN_PAGE | {"opt": OPEN_PAGE["opt"] | {FRAMED: True}}


@get("/widget.js", sync_to_thread=False, **OPEN_PAGE)
def script(request: Request[Caller, Any, State]) -> Response[bytes]:
    """What `<script src="…/widget.js" async>` loads; 304 where the browser has it already."""
    body, tag = _script()
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    headers = _HEADERS | {"ETag": tag}
    if tag in known or "*" in known:
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type="text/javascript; charset=utf-8", headers=headers)


@get("/widget", sync_to_thread=False, **_FRAMED_PAGE)
def widget(request: Request[Caller, Any, State], state: State) -> Template:
    """The chat itself; only the sites of the setting `sites` may frame it, and it heeds no others."""
    settings: Settings = state.settings
    return page(request, "widget.html", sites=list(settings.sites), timezone=settings.timezone or "")


HANDLERS = (script, widget)


@cache
def _script() -> tuple[bytes, str]:
    body = _SCRIPT.read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'

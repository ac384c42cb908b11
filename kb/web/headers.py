"""What every response tells a browser: what a page may load, who may frame it, and what must not be kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar.config.cors import CORSConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from kb.access.callers import ANYBODY
from kb.config import Settings
from kb.web.guards import FRAMED as FRAMED
from kb.web.guards import PAGE, SIGNING_IN

_STRICT = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors {framed}"
_SWAGGER = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Its page starts by a script of its own, and draws by styles of its own."""
_YEAR = 365 * 24 * 3600


def securing(settings: Settings) -> Callable[[Message, Scope], Awaitable[None]]:
    """A hook that sets the headers of every response, however it came about."""

    async def secure(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Content-Security-Policy", _policy(settings, scope))
        if is_https(settings, scope):
            headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}")
        if scope.get("user", ANYBODY) is not ANYBODY or _opt(scope).keys() & {PAGE, SIGNING_IN}:
            headers.setdefault("Cache-Control", "no-store")

    return secure


def cors(settings: Settings) -> CORSConfig | None:
    """Pages of the centre's own sites may call; without credentials of the browser's own, which stay ours alone."""
    if not settings.sites:
        return None
    return CORSConfig(
        allow_origins=list(settings.sites),
        allow_methods=["GET", "POST"],
        allow_headers=["Accept", "Authorization", "Content-Type"],
        expose_headers=["Retry-After"],
    )


def is_https(settings: Settings, scope: Scope) -> bool:
    """Whether people reach this service by https."""
    return (settings.public_url or scope.get("scheme", "http")).startswith("https")


def _policy(settings: Settings, scope: Scope) -> str:
    if scope["path"].rstrip("/").startswith("/schema"):
        return _SWAGGER
    framed = " ".join(("'self'", *settings.sites)) if _opt(scope).get(FRAMED) else "'none'"
    return _STRICT.format(framed=framed)


def _opt(scope: Scope) -> dict[str, object]:
    """What the route says of itself; nothing where no route was found."""
    handler = scope.get("route_handler")
    return handler.opt if handler is not None else {}

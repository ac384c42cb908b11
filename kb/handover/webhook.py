"""One post to the centre's webhook: signed, bounded in time and size, led nowhere else; and its reply, checked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

from kb.config import Paths, Settings
from kb.handover.secrets import secret_of

HEADER, IDEMPOTENCY = "Kb-Signature", "Idempotency-Key"
SECONDS = 5.0
"""How long one try may take, from the first byte to the last."""
_LARGEST = 64 * 1024
_REFUSED = {400, 410, 413, 415, 422}
"""What no repetition mends."""
_MARKUP = re.compile(r"<[^>]*>|!?\[([^\]]*)\]\([^)]*\)|[`*_#<>]|[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?")


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the webhook says for the customer's eyes."""

    reference: str | None = None
    waiting_minutes: int | None = None
    closed_until: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try: a `reply`, or a `trouble` that is for good or may pass, `after` so many seconds at least."""

    reply: Reply | None = None
    trouble: str | None = None
    for_good: bool = False
    after: float = 0.0


class Webhook:
    """The centre's webhook; safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        """Raises StoreError."""
        self._url = settings.handover_url or ""
        secret = settings.handover_secret or secret_of(paths.handover_key, secrets.token_hex(32).encode()).decode()
        self._secret = secret.encode()
        # No proxy of the environment: what customers said goes to the address that was named, and nowhere else.
        self._client = httpx2.Client(timeout=SECONDS, follow_redirects=False, trust_env=False)

    def post(self, id_: str, body: bytes) -> Outcome:
        """One try; never raises for what the other side does."""
        headers = {
            "Content-Type": "application/json",
            HEADER: signature(self._secret, int(time.time()), body),
            IDEMPOTENCY: id_,
        }
        until = time.monotonic() + SECONDS
        try:
            with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                content = b""
                for part in response.iter_bytes():
                    content += part
                    if len(content) > _LARGEST or time.monotonic() > until:
                        break
        except httpx2.HTTPError as error:
            return Outcome(trouble=type(error).__name__)
        return _outcome(response.status_code, content, response.headers.get("Retry-After", ""))

    def close(self) -> None:
        """Frees its connections."""
        self._client.close()


def signature(secret: bytes, at: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: the HMAC-SHA-256 of `SECONDS.body`."""
    return f"t={at},v1={hmac.new(secret, f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


def _outcome(status: int, content: bytes, after: str) -> Outcome:
    if 200 <= status < 300:
        return Outcome(reply=read_reply(content))
    wait = min(float(after), 3_600.0) if after.isdigit() else 0.0
    return Outcome(trouble=f"HTTP {status}", for_good=status in _REFUSED, after=wait)


def read_reply(content: bytes) -> Reply:
    """What is fit to be shown of a reply; whatever is not is left out, for it was taken all the same."""
    try:
        found = msgspec.json.decode(content) if len(content) <= _LARGEST else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    given: dict[str, Any] = found if isinstance(found, dict) else {}
    minutes, until = given.get("waiting_minutes"), given.get("closed_until")
    return Reply(
        reference=_shown(given.get("reference"), 64),
        waiting_minutes=minutes if type(minutes) is int and 0 <= minutes <= 10_080 else None,
        closed_until=until if isinstance(until, str) and _TIME.fullmatch(until) else None,
        message=_shown(given.get("message"), 500),
    )


def _shown(text: object, most: int) -> str | None:
    if not isinstance(text, str):
        return None
    return " ".join(_MARKUP.sub(lambda m: m[1] or " ", text).split())[:most] or None

"""Which settings can be, where a type does not say it: told when they are read, not when they are needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kb.errors import SettingsError

if TYPE_CHECKING:
    from kb.config import Settings

METRICS = ("admin", "loopback")
"""What the setting `metrics` may say."""
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_WEBHOOK = re.compile(
    r"https://[A-Za-z0-9.\-\[\]:]+(/[^\s#]*)?|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/[^\s#]*)?"
)


def check_model(settings: Settings) -> None:
    """Of a language model. Raises SettingsError."""
    if settings.llm_url is not None:
        named = urlsplit(settings.llm_url)
        is_local = named.scheme == "http" and named.hostname in ("localhost", "127.0.0.1", "::1")
        if not named.hostname or not (named.scheme == "https" or is_local) or named.username or named.query:
            raise SettingsError(
                "llm_url: accepted is an address such as https://llm.example/v1, or http:// on this machine alone; a"
                " key belongs into KB_LLM_KEY"
            )
    for name in ("llm_timeout_s", "llm_requests"):
        if not getattr(settings, name) > 0:
            raise SettingsError(f"{name}: {getattr(settings, name)} is not positive")


def check_access(settings: Settings) -> None:
    """Of who may call and sign in. Raises SettingsError."""
    for name, least in (
        ("key_requests", 0),
        ("address_requests", 0),
        ("sms_characters", 0),
        ("ivr_characters", 0),
        ("signin_attempts", 1),
        ("session_idle_minutes", 1),
        ("session_hours", 1),
    ):
        if (found := getattr(settings, name)) < least:
            raise SettingsError(f"{name}: {found} is too small; accepted is {least} or more")
    if settings.metrics not in METRICS:
        raise SettingsError(f"metrics: {settings.metrics!r} is none of {', '.join(METRICS)}")
    for name, url in (*(("sites", site) for site in settings.sites), ("public_url", settings.public_url)):
        if url is not None and not _ORIGIN.fullmatch(url):
            raise SettingsError(f"{name}: {url!r} is no origin such as https://www.example.com (no path, no slash)")
    if settings.framed_sessions and not (settings.sites and (settings.public_url or "").startswith("https://")):
        raise SettingsError("framed_sessions: needs `sites`, and a `public_url` that begins with https://")
    given = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_roles)
    if any(given) and not all(given):
        raise SettingsError("oidc_issuer, oidc_client_id, oidc_roles: give all of them, or none")


def check_handover(settings: Settings) -> None:
    """Of hand-overs. Raises SettingsError."""
    for name, least in (
        ("handover_turns", 0),
        ("handover_minutes", 0),
        ("handover_wait_ms", 0),
        ("handover_hours", 1),
        ("envelope_hours", 1),
    ):
        if (found := getattr(settings, name)) < least:
            raise SettingsError(f"{name}: {found} is too small; accepted is {least} or more")
    if settings.handover_retry_seconds <= 0:
        raise SettingsError(f"handover_retry_seconds: {settings.handover_retry_seconds} is no pause")
    if settings.handover_url is not None and not _WEBHOOK.fullmatch(settings.handover_url):
        raise SettingsError(
            f"handover_url: {settings.handover_url!r} is neither https://HOST/… nor http:// on this machine: what"
            " customers said must not travel in the clear"
        )

"""Signing in through an OpenID Connect issuer: Authorization Code with PKCE, and an ID token checked in every part."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from kb.access.callers import ROLES, Role, role_of
from kb.access.groups import checked_groups
from kb.config import Settings
from kb.errors import IssuerError, SettingsError, SignInRefused, UsageError
from kb.store.sessions import Begun

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signatures alone: `none` and shared secrets are no proof of who issued a token."""
_LEEWAY_SECONDS = 60
_TIMEOUT_SECONDS = 10
_KEPT_SECONDS = 600
"""How long an issuer's own description and keys are used before they are read again."""


@dataclass(frozen=True, slots=True)
class Given:
    """A role and groups that the value of a claim gives; `value` `*` is any."""

    claim: str
    value: str
    role: Role
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """One whom the issuer vouches for, and what that gives them here."""

    identity: str
    name: str
    role: Role
    groups: tuple[str, ...]


def read_roles(lines: Sequence[str]) -> tuple[Given, ...]:
    """The setting `oidc_roles`: `CLAIM:VALUE=ROLE` or `CLAIM:VALUE=ROLE+GROUP`. Raises SettingsError."""
    return tuple(map(_read_role, lines))


def _read_role(line: str) -> Given:
    left, equals, right = line.rpartition("=")
    claim, colon, value = left.rpartition(":")
    role, *groups = right.split("+")
    if not (equals and colon and claim and value):
        raise SettingsError(f"oidc_roles: {line!r}: accepted is CLAIM:VALUE=ROLE, such as groups:support=agent")
    try:
        return Given(claim.strip(), value.strip(), role_of(role.strip()), checked_groups(g.strip() for g in groups))
    except UsageError as error:
        raise SettingsError(f"oidc_roles: {line!r}: {error}") from error


class Issuer:
    """The issuer that the settings name."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError."""
        self.url = (settings.oidc_issuer or "").rstrip("/")
        if not self.url.startswith("https://") and urlsplit(self.url).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise SettingsError(f"oidc_issuer: {self.url!r} must begin with https://")
        self._id, self._secret = settings.oidc_client_id or "", settings.oidc_client_secret
        self._roles = read_roles(settings.oidc_roles)
        self._described: tuple[float, dict[str, Any], KeySet] | None = None

    async def begin(self, back: str, next_: str) -> tuple[str, str, Begun]:
        """Where to send a browser, the state that its answer carries, and what that answer must fit.

        Raises IssuerError.
        """
        described, _ = await self._describe()
        begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(48), next_, time.time())
        async with self._client(back) as client:
            url, state = client.create_authorization_url(
                described["authorization_endpoint"],
                state=secrets.token_urlsafe(32),
                code_verifier=begun.verifier,
                nonce=begun.nonce,
            )
        return url, state, begun

    async def identify(self, code: str, begun: Begun, back: str) -> Identity:
        """Who comes back from the issuer with a code. Raises IssuerError, SignInRefused."""
        described, keys = await self._describe()
        try:
            async with self._client(back) as client:
                token = await client.fetch_token(
                    described["token_endpoint"],
                    code=code,
                    code_verifier=begun.verifier,
                    grant_type="authorization_code",
                )
                claims = self._checked(token, keys, begun.nonce)
                if not self._given(claims) and "userinfo_endpoint" in described:
                    claims = {**await _userinfo(client, described["userinfo_endpoint"], claims["sub"]), **claims}
        except (HTTPError, AuthlibBaseError, JoseError, KeyError, ValueError) as error:
            self._described = None  # it may have other keys by now
            said = f"the issuer's answer does not hold: {type(error).__name__}: {error}"
            raise SignInRefused(said, "not_holding") from error
        return self._identity(claims)

    def _checked(self, token: Mapping[str, Any], keys: KeySet, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that is signed, for us, by the issuer, now, and for this sign-in alone."""
        read = jwt.decode(token["id_token"], keys, algorithms=_ALGORITHMS)
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "values": [self.url, self.url + "/"]},
            aud={"essential": True, "value": self._id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(read.claims)
        others = CodeIDToken(
            read.claims, read.header, params={"client_id": self._id, "access_token": token.get("access_token")}
        )
        others.validate_azp()
        others.validate_at_hash()
        return dict(read.claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])[:100]
        if not (given := self._given(claims)):
            said = "the issuer knows you, but nothing that it says of you gives you a role here"
            raise SignInRefused(said, "no_role")
        best = max(given, key=lambda one: ROLES.index(one.role))
        groups = tuple(sorted({group for one in given for group in one.groups}))
        return Identity(f"{self.url} {claims['sub']}", name, best.role, groups)

    def _given(self, claims: Mapping[str, Any]) -> list[Given]:
        held = {one.claim: _values(claims.get(one.claim)) for one in self._roles}
        return [one for one in self._roles if one.value in held[one.claim] or (one.value == "*" and held[one.claim])]

    async def _describe(self) -> tuple[dict[str, Any], KeySet]:
        """What the issuer says of itself, and its keys. Raises IssuerError."""
        now = time.monotonic()
        if self._described is None or now - self._described[0] > _KEPT_SECONDS:
            try:
                async with self._client("") as client:
                    described = await _fetched(client, f"{self.url}/.well-known/openid-configuration")
                    if str(described["issuer"]).rstrip("/") != self.url:
                        raise IssuerError(f"oidc_issuer: {self.url} calls itself {described['issuer']!r}")
                    keys = KeySet.import_key_set(await _fetched(client, described["jwks_uri"]))
            except (HTTPError, JoseError, KeyError, ValueError) as error:
                raise IssuerError(f"oidc_issuer: {self.url} cannot be asked: {error!r}") from error
            self._described = now, described, keys
        return self._described[1], self._described[2]

    def _client(self, back: str) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self._id,
            self._secret,
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
            scope="openid profile email",
            redirect_uri=back,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
        )


async def _fetched(client: AsyncOAuth2Client, url: str) -> Any:
    answer = await client.request("GET", url, withhold_token=True)
    answer.raise_for_status()
    return answer.json()


async def _userinfo(client: AsyncOAuth2Client, url: str, subject: str) -> dict[str, Any]:
    """What the issuer says besides, of the same person alone."""
    answer = await client.get(url)
    answer.raise_for_status()
    said: dict[str, Any] = answer.json()
    return said if said.get("sub") == subject else {}


def _values(claim: object) -> list[str]:
    return [str(value) for value in claim] if isinstance(claim, list) else [] if claim is None else [str(claim)]

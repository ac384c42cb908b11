"""A small real OpenID Connect issuer, for tests: authlib's provider side over http.server, in a process of its own.

`python oidc_issuer.py PORT`. It lets in whoever it is told to (`POST /told` with JSON: `person`, the claims of the one
who sits before the browser, or null to refuse; `token`, claims that are put into the ID token in place of the right
ones; `signed_by`, `itself` or `another`; `says`, what it says of people at `/userinfo`). Everything else is checked as
an issuer does: client and secret, redirect address, PKCE, each code once.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback only

from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import RSAKey

CLIENT, SECRET = "kb", "a secret of the client"
KEYS = {name: RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"}) for name in ("itself", "another")}


@dataclass
class Told:
    """How the issuer was told to behave."""

    person: dict[str, Any] | None = None
    token: dict[str, Any] = field(default_factory=dict)
    signed_by: str = "itself"
    says: dict[str, Any] = field(default_factory=dict)


@dataclass
class Code:
    """One authorization code, and what it was given for."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    person: dict[str, Any]

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Client(ClientMixin):  # type: ignore[misc]
    """The one client: kb."""

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return urlsplit(redirect_uri).path == "/signin/oidc/callback"

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


TOLD = Told()
CODES: dict[str, Code] = {}
TOKENS: dict[str, dict[str, Any]] = {}


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012 - as authlib declares it

    def save_authorization_code(self, code: str, request: OAuth2Request) -> Code:
        data = request.payload.data
        CODES[code] = Code(
            code, data["redirect_uri"], data["scope"], data.get("nonce"), data.get("code_challenge"),
            data.get("code_challenge_method"), request.user,
        )  # fmt: skip
        return CODES[code]

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return CODES.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del CODES[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
        return authorization_code.person


class IdToken(OpenIDCode):  # type: ignore[misc]
    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return any(code.nonce == nonce for code in CODES.values())

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        return KEYS[TOLD.signed_by]

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": "RS256", "kid": "1"}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": ISSUER, "aud": [CLIENT]}

    def generate_user_info(self, user: dict[str, Any], scope: str) -> UserInfo:
        return UserInfo({**user, **TOLD.token})


class Asked(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, uri: str, form: dict[str, str], headers: dict[str, str]) -> None:
        super().__init__(method, uri, headers=headers)
        self._form = form
        self.payload = BasicOAuth2Payload(dict(parse_qsl(urlsplit(uri).query)) | form)
        self.payload._datalist = defaultdict(list, self.payload._datalist)

    @property
    def args(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.uri).query))

    @property
    def form(self) -> dict[str, str]:
        return self._form


class Authorization(AuthorizationServer):  # type: ignore[misc]
    def query_client(self, client_id: str) -> Client | None:
        return Client() if client_id == CLIENT else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        TOKENS[token["access_token"]] = request.user

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        return None

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, dict[str, str]]:
        return status, body, dict(headers)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/.well-known/openid-configuration":
            places = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
            described = {f"{name}_endpoint": f"{ISSUER}/{place}" for name, place in places.items()}
            self._send(200, {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", **described}, {})
        elif path == "/jwks":
            self._send(200, {"keys": [KEYS["itself"].as_dict(private=False)]}, {})
        elif path == "/userinfo":
            person = TOKENS[self.headers["Authorization"].removeprefix("Bearer ")]
            self._send(200, {"sub": person["sub"], **TOLD.says}, {})
        elif path == "/authorize":
            request = self._asked({})
            grant = SERVER.get_consent_grant(request, end_user=TOLD.person)
            self._send(*SERVER.create_authorization_response(request, grant_user=TOLD.person, grant=grant))

    def do_POST(self) -> None:
        global TOLD
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/told":
            TOLD = Told(**json.loads(body))
            self._send(200, {}, {})
        elif self.path == "/token":
            self._send(*SERVER.create_token_response(self._asked(dict(parse_qsl(body)))))

    def _asked(self, form: dict[str, str]) -> Asked:
        return Asked(self.command, ISSUER + self.path, form, dict(self.headers))

    def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
        written = (json.dumps(body) if isinstance(body, dict) else body or "").encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_: Any) -> None:
        return None


SERVER = Authorization()
SERVER.register_token_generator("default", BearerTokenGenerator(lambda **_: os.urandom(24).hex()))
SERVER.register_grant(CodeGrant, [CodeChallenge(required=True), IdToken(require_nonce=True)])

if __name__ == "__main__":
    ISSUER = f"http://127.0.0.1:{sys.argv[1]}"
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

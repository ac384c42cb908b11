"""Signing in through a real OpenID Connect issuer, and what of its answers is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from conftest import Centre, Shell, tiny_settings, write_article
from oidc_issuer import CLIENT, SECRET
from server_process import Server, free_port, serving, until

from kb.access.oidc import Issuer, read_roles
from kb.config import Settings, load_settings
from kb.errors import SettingsError
from kb.search.embedding import Embedder

ANNA = {"sub": "a-1", "preferred_username": "Anna", "groups": ["support", "staff"]}
CALLBACK = "/signin/oidc/callback"


@dataclass
class Issued:
    """The issuer, and a service that trusts it."""

    url: str
    server: Server

    def told(self, person: dict[str, Any] | None = ANNA, **how: Any) -> None:
        httpx.post(f"{self.url}/told", json={"person": person, **how}).raise_for_status()


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Issued]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    home = tmp_path_factory.mktemp("oidc") / "home"
    write_article(home, "vip.md", "---\naudience: vip\n---\n# Lamp vip\n\nThe lamp is gold.\n")
    (home / "kb.toml").write_text(
        f'oidc_issuer = "{url}"\noidc_client_id = "{CLIENT}"\n'
        'oidc_roles = ["groups:support=agent+vip", "groups:boss=admin", "department:it=editor"]\n'
    )
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    issuer = subprocess.Popen([sys.executable, str(Path(__file__).with_name("oidc_issuer.py")), str(port)])
    try:
        with serving(home, tiny_model, environment={"KB_OIDC_CLIENT_SECRET": SECRET}) as server:
            until(lambda: _listens(url))
            yield Issued(url, server)
    finally:
        issuer.terminate()
        issuer.wait()


def _listens(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/jwks").status_code == 200
    return False


@pytest.fixture
def browser(issued: Issued) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=issued.server.client.base_url, timeout=30, follow_redirects=True) as client:
        yield client


def sign_in(browser: httpx.Client) -> httpx.Response:
    """Follows every redirect, as a browser does; whoever is told signs in at the issuer without a word."""
    return browser.get("/signin/oidc", params={"next": "/api/session"})


def to_the_callback(browser: httpx.Client) -> str:
    """As far as the issuer's answer, which the browser has not yet brought back."""
    here = browser.get("/signin/oidc", params={"next": "/api/session"}, follow_redirects=False)
    return browser.get(here.headers["location"], follow_redirects=False).headers["location"]


def assert_refused(browser: httpx.Client, answer: httpx.Response, why: str) -> None:
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert why in unescape(answer.text)
    assert "kb_session" not in browser.cookies


def test_the_issuers_word_signs_in_with_the_role_and_groups_that_it_maps_to(
    issued: Issued, browser: httpx.Client, shell: Shell
) -> None:
    issued.told()
    done = sign_in(browser)
    assert done.status_code == 200
    assert [urlsplit(str(one.url)).path for one in done.history] == ["/signin/oidc", "/authorize", CALLBACK]
    me = done.json()
    assert (me["name"], me["role"], me["groups"]) == ("Anna", "agent", ["vip"])
    hits = browser.get("/api/search", params={"q": "lamp"}).json()["hits"]
    assert [hit["document_id"] for hit in hits] == ["vip"]
    people = json.loads(shell(issued.server.home, "user", "list", "--json").stdout)["people"]
    assert [(p["name"], p["identity"]) for p in people] == [("Anna", f"{issued.url} a-1")]


def test_the_request_is_a_code_flow_with_pkce_state_and_nonce(browser: httpx.Client) -> None:
    here = browser.get("/signin/oidc", follow_redirects=False)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(here.headers["location"]).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert all(len(asked[name]) >= 32 for name in ("state", "nonce", "code_challenge"))
    assert SECRET not in here.headers["location"]


def test_a_change_at_the_issuer_counts_at_the_next_sign_in_and_the_highest_role_wins(
    issued: Issued, browser: httpx.Client
) -> None:
    issued.told()
    first = sign_in(browser).json()
    issued.told({**ANNA, "groups": ["boss", "support"]})
    second = sign_in(browser).json()
    assert (first["id"], first["role"]) == (second["id"], "agent")
    assert (second["role"], second["groups"]) == ("admin", ["vip"])


def test_what_the_issuer_says_of_a_person_may_come_from_userinfo(issued: Issued, browser: httpx.Client) -> None:
    issued.told({"sub": "u-1"}, says={"department": "it", "preferred_username": "Uma"})
    me = sign_in(browser).json()
    assert (me["name"], me["role"]) == ("Uma", "editor")


def test_userinfo_of_somebody_else_gives_nothing(issued: Issued, browser: httpx.Client) -> None:
    issued.told({"sub": "u-2"}, says={"sub": "u-1", "department": "it"})
    assert_refused(browser, sign_in(browser), "nothing that it says of you gives you a role here")


def test_no_role_no_way_in_and_the_page_says_so(issued: Issued, browser: httpx.Client) -> None:
    issued.told({"sub": "z-1", "groups": ["strangers"], "role": "admin"})
    assert_refused(browser, sign_in(browser), "nothing that it says of you gives you a role here")


def test_whom_the_issuer_refuses_is_not_signed_in(issued: Issued, browser: httpx.Client) -> None:
    issued.told(None)
    assert_refused(browser, sign_in(browser), "the issuer did not let you in")


def test_a_disabled_person_comes_in_by_no_issuer(issued: Issued, browser: httpx.Client, shell: Shell) -> None:
    issued.told({**ANNA, "sub": "d-1", "preferred_username": "Dora"})
    id_ = sign_in(browser).json()["id"]
    assert shell(issued.server.home, "user", "disable", id_).returncode == 0
    assert browser.get("/api/search", params={"q": "lamp"}).status_code == 401
    assert_refused(browser, sign_in(browser), "was disabled here")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ({"nonce": "of another sign-in"}, "'nonce'"),
        ({"nonce": None}, "'nonce'"),
        ({"aud": ["another-client"]}, "'aud'"),
        ({"aud": [CLIENT, "other"]}, "'azp'"),
        ({"azp": "another-client"}, "'azp'"),
        ({"iss": "https://issuer.example"}, "'iss'"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"iat": int(time.time()) + 3600}, "in the future"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "'at_hash'"),
        ({"sub": None}, "'sub'"),
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    issued: Issued, browser: httpx.Client, token: dict[str, Any], why: str
) -> None:
    issued.told(token=token)
    answer = sign_in(browser)
    assert_refused(browser, answer, "the issuer's answer does not hold")
    assert why in unescape(answer.text)


def test_an_id_token_signed_by_somebody_else_is_refused(issued: Issued, browser: httpx.Client) -> None:
    issued.told(signed_by="another")
    assert_refused(browser, sign_in(browser), "the issuer's answer does not hold")
    issued.told()
    assert sign_in(browser).status_code == 200


def test_a_state_that_this_browser_did_not_begin_with_is_refused(issued: Issued, browser: httpx.Client) -> None:
    issued.told()
    back = to_the_callback(browser)
    tampered = back.replace("state=", "state=x")
    assert_refused(browser, browser.get(tampered), "did not begin in this browser")
    with httpx.Client(base_url=browser.base_url) as victim:
        to_the_callback(victim)  # they have begun a sign-in of their own
        assert_refused(victim, victim.get(back), "did not begin in this browser")
    assert_refused(browser, browser.get(CALLBACK, params={"code": "x"}), "did not begin in this browser")


def test_an_answer_counts_once(issued: Issued, browser: httpx.Client) -> None:
    issued.told()
    back = to_the_callback(browser)
    state = browser.cookies["kb_signin"]
    assert browser.get(back).status_code == 200
    browser.cookies.clear()
    browser.cookies.set("kb_signin", state, domain="127.0.0.1")
    assert_refused(browser, browser.get(back), "is over already")


def test_a_code_of_another_sign_in_is_refused_by_pkce(issued: Issued, browser: httpx.Client) -> None:
    issued.told()
    back = to_the_callback(browser)
    with httpx.Client(base_url=browser.base_url) as other:
        code = parse_qs(urlsplit(to_the_callback(other)).query)["code"][0]
    mine = parse_qs(urlsplit(back).query)["code"][0]
    assert_refused(browser, browser.get(back.replace(mine, code)), "Code challenge failed")


def test_refused_sign_ins_are_noted(issued: Issued, browser: httpx.Client, shell: Shell) -> None:
    issued.told({"sub": "z-2"})
    sign_in(browser)
    event = json.loads(shell(issued.server.home, "audit", "--json").stdout)["events"][-1]
    assert (event["action"], event["subject"]) == ("sign_in_refused", "openid connect")


def test_without_an_issuer_there_is_no_such_way_in(centre: Centre, tiny_model: Path) -> None:
    for settings, why in (
        ({"oidc_issuer": "https://i.example"}, "give all of them, or none"),
        ({"oidc_issuer": "https://i.example", "oidc_client_id": "kb"}, "give all of them, or none"),
    ):
        with pytest.raises(SettingsError, match=why):
            load_settings(centre.home, settings, {})
    with pytest.raises(SettingsError, match="must begin with https"):
        Issuer(Settings(oidc_issuer="http://i.example", oidc_client_id="kb", oidc_roles=("a:b=agent",)))


@pytest.mark.parametrize(
    "line", ["support=agent", "groups:support", "groups:support=root", "groups:=agent", "g:s=agent+admin"]
)
def test_a_mapping_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(SettingsError, match="oidc_roles"):
        read_roles([line])


def test_a_mapping_may_name_a_claim_by_its_address_and_any_value() -> None:
    (one, other) = read_roles(["https://i.example/claims/roles:kb=editor+a+b", "email:*=public"])
    assert (one.claim, one.value, one.role, one.groups) == (
        "https://i.example/claims/roles",
        "kb",
        "editor",
        ("a", "b"),
    )
    assert (other.claim, other.value, other.role) == ("email", "*", "public")

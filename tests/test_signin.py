"""People: signed in, seen as what they are, protected from other sites, and out at once when disabled."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import argon2
import httpx
import pytest
from conftest import ROOT, Centre, Shell, clean_environment, tiny_settings, write_article
from litestar.testing import TestClient
from server_process import Server, serving

from kb.access import people, sessions
from kb.access.keys import create_key, hash_of
from kb.access.people import SHORTEST, Passwords, create_person, set_password
from kb.access.reception import Reception
from kb.access.sessions import Sessions
from kb.config import Paths, Settings
from kb.errors import UsageError
from kb.search.embedding import Embedder
from kb.service import Service
from kb.store import audit, database
from kb.store import sessions as stored
from kb.store.journal_migrations import migrations
from kb.web.admission import Admission
from kb.web.api import create_app

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("people") / "home"
    write_article(home, "public.md", "# Lamp\n\nThe lamp is on.\n")
    write_article(home, "vip.md", "---\naudience: vip\n---\n# Lamp vip\n\nThe lamp is gold.\n")
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    for name, role in (("zhang", "agent"), ("wang", "editor"), ("li", "agent"), ("zhao", "agent")):
        create_person(Paths(home), name, PASSWORD, role, ["vip"] if name == "zhang" else [])  # type: ignore[arg-type]
    many = {"KB_SIGNIN_ATTEMPTS": "1000"}
    with serving(home, tiny_model, environment=many) as running:
        yield running


@pytest.fixture
def browser(server: Server) -> Iterator[httpx.Client]:
    """A browser of its own: it keeps cookies."""
    with httpx.Client(base_url=server.client.base_url, timeout=30) as client:
        yield client


def signed_in(browser: httpx.Client, name: str, password: str = PASSWORD) -> str:
    """Signs somebody in; their CSRF token."""
    answer = browser.post("/api/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["csrf_token"])


def seen(browser: httpx.Client) -> set[str]:
    hits = browser.get("/api/search", params={"q": "lamp", "k": 100}).json()["hits"]
    return {hit["document_id"] for hit in hits}


def test_who_signed_in_sees_what_their_role_and_groups_may_and_nobody_else_does(browser: httpx.Client) -> None:
    assert seen(browser) == {"public"}
    csrf = signed_in(browser, " ZHANG ")
    assert seen(browser) == {"public", "vip"}
    me = browser.get("/api/session").json()
    assert (me["name"], me["role"], me["groups"], me["csrf_token"]) == ("zhang", "agent", ["vip"], csrf)
    assert browser.delete("/api/session", headers={"X-CSRF-Token": csrf}).status_code == 204
    assert "kb_session" not in browser.cookies
    assert seen(browser) == {"public"}
    assert browser.get("/api/session").json()["id"] == ""


def test_the_cookie_is_for_this_service_alone_and_no_script_reads_it(browser: httpx.Client) -> None:
    answer = browser.post("/api/session", json={"name": "zhang", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    assert "secure" not in cookie
    assert answer.headers["cache-control"] == "no-store"
    by_https = httpx.post(
        str(browser.base_url.join("/api/session")),
        json={"name": "zhang", "password": PASSWORD},
        headers={"X-Forwarded-Proto": "https"},
    )
    assert "secure" in by_https.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("name", "password"), [("zhang", "wrong password"), ("nobody", PASSWORD), ("zhang", PASSWORD + "x"), ("li'--", "x")]
)
def test_a_wrong_password_and_an_unknown_name_are_told_in_the_same_words(
    browser: httpx.Client, name: str, password: str
) -> None:
    refused = browser.post("/api/session", json={"name": name, "password": password})
    assert refused.status_code == 401
    assert refused.json()["detail"] == "name and password do not belong together"
    assert "set-cookie" not in refused.headers


def test_an_unknown_name_costs_a_hash_as_a_known_one_does(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_person(Paths(home), "zhang", PASSWORD, "agent")
    passwords, verified = Passwords(Paths(home)), []

    def verify(self: argon2.PasswordHasher, hashed: str, password: str) -> bool:
        verified.append(argon2.extract_parameters(hashed))
        raise argon2.exceptions.VerifyMismatchError

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    people.disable(Paths(home), "zhang")
    for name in ("zhang", "nobody"):
        assert passwords.person(name, "wrong") is None
    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_a_change_by_a_session_needs_its_own_csrf_token_and_a_key_needs_none(
    server: Server, browser: httpx.Client
) -> None:
    csrf = signed_in(browser, "wang")
    with httpx.Client(base_url=browser.base_url) as other:
        others = signed_in(other, "li")
    question = {"question": "lamp"}
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": others}, {"X-CSRF-Token": csrf[:-1]}):
        for method, path in (("POST", "/api/answers"), ("DELETE", "/api/session"), ("POST", "/api/session/password")):
            refused = browser.request(method, path, json=question, headers=headers)
            assert refused.status_code == 403, (method, path)
            assert refused.headers["content-type"] == "application/problem+json"
    assert browser.post("/api/answers", json=question, headers={"X-CSRF-Token": csrf}).status_code == 200
    key = create_key(Paths(server.home), "agent").key
    assert browser.post("/api/answers", json=question, headers={"Authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_another_site_signs_nobody_in(browser: httpx.Client, headers: dict[str, str]) -> None:
    given = {"name": "zhang", "password": PASSWORD}
    for refused in (
        browser.post("/api/session", json=given, headers=headers),
        browser.post("/signin", data=given, headers=headers),
    ):
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers


def test_a_page_of_this_service_signs_in_and_leads_on(browser: httpx.Client) -> None:
    page = browser.get("/signin", params={"next": '/agent?q="><script>'})
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert page.headers["cache-control"] == "no-store"
    own = {"Origin": str(browser.base_url).rstrip("/")}
    done = browser.post("/signin", data={"name": "zhang", "password": PASSWORD, "next": "/agent?x=1"}, headers=own)
    assert (done.status_code, done.headers["location"]) == (303, "/agent?x=1")
    assert seen(browser) == {"public", "vip"}
    wrong = browser.post("/signin", data={"name": "zhang", "password": "wrong", "next": "/agent"})
    assert wrong.status_code == 401
    assert "do not belong together" in wrong.text


@pytest.mark.parametrize(
    "next_",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n/evil.example"],
)
def test_signing_in_leads_to_no_other_site(browser: httpx.Client, next_: str) -> None:
    done = browser.post("/signin", data={"name": "zhang", "password": PASSWORD, "next": next_})
    assert (done.status_code, done.headers["location"]) == (303, "/")


def test_a_disabled_persons_sessions_end_at_once_and_they_sign_in_no_more(
    server: Server, browser: httpx.Client, shell: Shell
) -> None:
    signed_in(browser, "zhao")
    assert browser.get("/api/session").json()["name"] == "zhao"
    assert shell(server.home, "user", "disable", "zhao").returncode == 0
    over = browser.get("/api/search", params={"q": "lamp"})
    assert over.status_code == 401
    assert "kb_session" not in browser.cookies
    refused = browser.post("/api/session", json={"name": "zhao", "password": PASSWORD})
    assert refused.status_code == 401
    assert shell(server.home, "user", "enable", "zhao").returncode == 0
    signed_in(browser, "zhao")


def test_a_changed_password_ends_the_other_sessions_and_the_old_one(browser: httpx.Client) -> None:
    new = "another horse, another battery"
    csrf = signed_in(browser, "li")
    with httpx.Client(base_url=browser.base_url) as other:
        signed_in(other, "li")
        head = {"X-CSRF-Token": csrf}
        wrong = browser.post("/api/session/password", json={"password": "wrong", "new_password": new}, headers=head)
        assert wrong.status_code == 403
        short = browser.post("/api/session/password", json={"password": PASSWORD, "new_password": "x"}, headers=head)
        assert short.status_code == 400
        done = browser.post("/api/session/password", json={"password": PASSWORD, "new_password": new}, headers=head)
        assert done.status_code == 200
        assert browser.get("/api/session").json()["name"] == "li"
        assert other.get("/api/search", params={"q": "lamp"}).status_code == 401
        assert other.post("/api/session", json={"name": "li", "password": PASSWORD}).status_code == 401
        signed_in(other, "li", new)


def test_a_session_that_is_over_stands_in_nobodys_way(browser: httpx.Client) -> None:
    browser.cookies.set("kb_session", "made up", domain="127.0.0.1")
    assert browser.get("/signin").status_code == 200
    assert browser.get("/api/session").json()["id"] == ""
    signed_in(browser, "zhang")


def test_an_idle_session_ends_and_so_does_an_old_one(home: Path) -> None:
    paths, settings = Paths(home), Settings(session_idle_minutes=10, session_hours=2)
    person = create_person(paths, "zhang", PASSWORD, "agent")
    now = 1_000_000.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions.time, "time", lambda: now)
        kept = Sessions(paths, settings)
        token = kept.open(person)
        for _ in range(12):  # used every nine minutes, it goes on
            now += 9 * 60
            assert kept.caller(token) is not None
        now += 11 * 60
        assert kept.caller(token) is None, "idle"
        token = kept.open(person)
        for _ in range(13):
            now += 9 * 60
            assert kept.caller(token) is not None
        now += 9 * 60
        assert kept.caller(token) is None, "old"


def test_another_worker_knows_the_session_and_only_a_hash_of_it_is_stored(home: Path) -> None:
    paths = Paths(home)
    person = create_person(paths, "zhang", PASSWORD, "agent")
    token = Sessions(paths, Settings()).open(person)
    other = Sessions(paths, Settings())
    caller = other.caller(token)
    assert caller is not None
    assert caller.id == person.id
    other.end(token)
    assert Sessions(paths, Settings()).caller(token) is None
    token = other.open(person)
    written = b"".join(file.read_bytes() for file in (home / "data").iterdir())
    assert hash_of(token).encode() in written
    assert token.encode() not in written
    assert PASSWORD.encode() not in written


def test_ended_sessions_are_not_kept(home: Path) -> None:
    paths = Paths(home)
    person = create_person(paths, "zhang", PASSWORD, "agent")
    with closing(database.open_for_writing(paths.journal, shape=migrations)) as journal:
        stored.add(journal, stored.Session("old", person.id, 1.0, 1.0))
        Sessions(paths, Settings()).open(person)
        assert journal.execute("SELECT count(*) FROM sessions").fetchone()[0] == 1


def test_sign_ins_are_tried_so_often_a_minute_by_name_and_ten_times_that_from_an_address(home: Path) -> None:
    one, other = (Reception(Paths(home), Settings(signin_attempts=3)) for _ in range(2))
    waits = [worker.must_wait(f"10.0.0.{n}", "zhang") for n, worker in enumerate((one, other, one, other, one))]
    assert [wait > 0 for wait in waits] == [False, False, False, True, True]
    assert all(wait <= 60 for wait in waits)
    by_address = [other.must_wait("10.1.1.1", f"name {n}") > 0 for n in range(32)]
    assert by_address == [False] * 30 + [True] * 2
    assert other.must_wait("10.1.1.1") > 0
    assert other.must_wait("10.1.1.2") == 0


def test_beyond_that_a_sign_in_is_told_when_to_come_again(home: Path) -> None:
    settings = Settings(signin_attempts=1)
    create_person(Paths(home), "zhang", PASSWORD, "agent")
    client = TestClient(create_app(Service(Paths(home), settings, ""), Reception(Paths(home), settings), Admission(1)))
    tried = [client.post("/api/session", json={"name": "zhang", "password": "wrong"}) for _ in range(2)]
    assert [answer.status_code for answer in tried] == [401, 429]
    assert 1 <= int(tried[1].headers["retry-after"]) <= 60
    assert client.post("/signin", data={"name": "zhang", "password": PASSWORD}).status_code == 429


def test_sign_ins_are_noted_and_what_was_typed_as_a_name_is_not(server: Server, browser: httpx.Client) -> None:
    csrf = signed_in(browser, "wang")
    browser.delete("/api/session", headers={"X-CSRF-Token": csrf})
    browser.post("/api/session", json={"name": "wang", "password": "wrong password"})
    browser.post("/api/session", json={"name": "my secret password", "password": "x"})
    with closing(database.open_for_reading(Paths(server.home).database)) as db:
        events = audit.read(db)[-4:]
    wang = events[0].actor
    assert [(e.actor, e.action, e.subject) for e in events] == [
        (wang, "sign_in", wang),
        (wang, "sign_out", wang),
        ("", "sign_in_refused", wang),
        ("", "sign_in_refused", "nobody"),
    ]
    assert events[0].detail == {"address": "127.0.0.1"}
    assert "secret password" not in json.dumps([e.detail for e in events])
    assert "wrong password" not in server.log.read_text("utf-8")


def test_a_person_is_made_in_the_shell_by_a_password_on_standard_input(home: Path, shell: Shell) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "kb", "--home", str(home), "user", "create", "Zhang", "--role", "editor", "--group",
         "vip", "--password-stdin"],
        input=PASSWORD + "\n", text=True, capture_output=True, env=clean_environment(PYTHONPATH=str(ROOT)), timeout=60,
        check=True,
    )  # fmt: skip
    assert "zhang may sign in as editor+vip" in made.stdout
    (listed,) = json.loads(shell(home, "user", "list", "--json").stdout)["people"]
    assert (listed["name"], listed["role"], listed["groups"]) == ("zhang", "editor", ["vip"])
    assert "password" not in listed
    assert Passwords(Paths(home)).person("ZHANG", PASSWORD) is not None


def test_names_are_once_each_and_passwords_long_enough(home: Path) -> None:
    paths = Paths(home)
    create_person(paths, "Zhang", PASSWORD, "agent")
    with pytest.raises(UsageError, match="known already"):
        create_person(paths, "ｚｈａｎｇ", PASSWORD, "agent")
    with pytest.raises(UsageError, match="10 to 256 characters"):
        create_person(paths, "li", "x" * (SHORTEST - 1), "agent")
    with pytest.raises(UsageError, match="nobody's name"):
        set_password(paths, "nobody", PASSWORD)
    with pytest.raises(UsageError, match="no name"):
        create_person(paths, " ", PASSWORD, "agent")

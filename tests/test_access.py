"""Keys: whoever holds one sees exactly what its role and groups may, and nobody else sees anything of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from itertools import product
from pathlib import Path

import pytest
from conftest import Centre, Shell, found, tiny_settings, write_article
from litestar.testing import TestClient
from server_process import Server, serving, until

from kb.access.callers import Caller, Role, role_of
from kb.access.keys import PREFIX, create_key, ensure_admin_key, expiry, hash_of, list_keys, revoke_key
from kb.access.reception import Reception
from kb.config import Paths, Settings
from kb.errors import UsageError
from kb.model import EVERY
from kb.search.embedding import Embedder
from kb.service import Service
from kb.store import database, keys
from kb.store.keys import StoredKey
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.web.entrance import AS_ANYBODY, OPEN

AUDIENCES = ("public", "agent", "vip", "billing", "editor")
TICKET = {
    "kind": "ticket", "id": "T-1", "subject": "Lamp", "status": "solved", "resolution": "Changed the lamp.",
    "messages": [{"author": "customer", "text": "lamp?", "at": "2026-10-01T09:00:00Z"}],
    "closed_at": "2026-11-02T09:00:00Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Path:
    """An article for each audience, one for two of them, and a ticket."""
    home = tmp_path_factory.mktemp("access") / "home"
    for audience in AUDIENCES:
        write_article(home, f"{audience}.md", f"---\naudience: {audience}\n---\n# Lamp {audience}\n\nThe lamp is on.\n")
    write_article(home, "both.md", "---\naudience: [vip, billing]\n---\n# Lamp both\n\nThe lamp is on.\n")
    (home / "kb.toml").write_text("min_confidence = 0.0\n", "utf-8")
    (home / "tickets.jsonl").write_text(json.dumps(TICKET), "utf-8")
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.reindex()
    centre.import_(home / "tickets.jsonl")
    return home


@pytest.fixture(scope="module")
def server(content: Path, tiny_model: Path) -> Iterator[Server]:
    with serving(content, tiny_model) as running:
        yield running


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def expected(role: Role, groups: tuple[str, ...]) -> set[str]:
    """The documents that a role with groups may see, said anew here."""
    if role in ("editor", "admin"):
        return {*AUDIENCES, "both", "T-1"}
    seen = {"public", *groups} | ({"agent", "T-1"} if role == "agent" else set())
    return seen | ({"both"} if seen & {"vip", "billing"} else set())


def searched(server: Server, headers: dict[str, str]) -> set[str]:
    body = server.client.get("/api/search", params={"q": "lamp", "k": 100}, headers=headers).json()
    return {hit["document_id"] for lane in ("hits", "tickets") for hit in body[lane]} | {
        other for hit in body["hits"] for other in hit["also"]
    }


def cited(server: Server, question: str, headers: dict[str, str]) -> set[str]:
    body = server.client.post("/api/answers", json={"question": question}, headers=headers).json()
    return {citation["document_id"] for citation in body["citations"]}


GROUPS: tuple[tuple[str, ...], ...] = ((), ("vip",), ("billing", "vip"))


@pytest.mark.parametrize(("role", "groups"), list(product(("public", "agent", "editor", "admin"), GROUPS)))
def test_a_key_sees_exactly_the_audiences_of_its_role_and_groups(
    server: Server, role: Role, groups: tuple[str, ...]
) -> None:
    headers = bearer(create_key(Paths(server.home), role, groups).key)
    allowed = expected(role, groups)
    assert searched(server, headers) == allowed
    answered = set().union(*(cited(server, f"Lamp {name}", headers) for name in (*AUDIENCES, "both")))
    assert answered == allowed - {"T-1"}


def test_nobody_sees_more_than_the_public_without_a_key(server: Server) -> None:
    assert searched(server, {}) == {"public"}


def test_an_editor_sees_an_audience_that_is_new(server: Server) -> None:
    headers = bearer(create_key(Paths(server.home), "editor").key)
    file = write_article(server.home, "new.md", "---\naudience: brand-new\n---\n# Lamp new\n\nThe lamp is on.\n")
    until(lambda: "new" in searched(server, headers))
    assert "new" not in searched(server, bearer(create_key(Paths(server.home), "agent").key))
    file.unlink()
    until(lambda: "new" not in searched(server, headers))


@pytest.mark.parametrize("role", ["editor", "admin"])
def test_the_shell_as_an_editor_sees_every_audience_also_through_the_running_server(
    server: Server, shell: Shell, role: str
) -> None:
    done = shell(server.home, "search", "lamp", "-k", "100", "--audience", role, "--json")
    body = json.loads(done.stdout)
    assert {hit["document_id"] for hit in (*body["hits"], *body["tickets"])} | {
        other for hit in body["hits"] for other in hit["also"]
    } == expected("editor", ())


def test_every_is_no_name_of_an_audience(centre: Centre) -> None:
    centre.article("all.md", "---\naudience: '*'\n---\n# Lamp\n\nThe lamp is on.\n")
    centre.article("vip.md", "---\naudience: vip\n---\n# Lamp\n\nThe lamp is on.\n")
    assert "accepted is one name" in str(centre.reindex().problems[0])
    kb = centre.open()
    assert found(kb) == {}
    assert set(found(kb, EVERY)) == {"vip"}


# What is no key


def refused_everywhere(server: Server, secret: str) -> None:
    """Each route refuses it, whatever it is for, and says how to be known."""
    for method, path in (
        ("GET", "/api/search?q=lamp"), ("POST", "/api/answers"), ("GET", "/api/audit"), ("GET", "/api/session"),
        ("POST", "/api/session"), ("DELETE", "/api/session"), ("POST", "/api/session/password"), ("GET", "/signin"),
    ):  # fmt: skip
        refused = server.client.request(method, path, headers=bearer(secret))
        assert refused.status_code == 401, (method, path)
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["status"] == 401


def test_a_wrong_key_is_401_on_every_route_of_the_service(content: Path) -> None:
    app = create_app(Service(Paths(content), Settings(), ""), Reception(Paths(content), Settings()), Admission(1))
    routes = {
        (method, route.path)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if not route.path.startswith(OPEN) and method != "OPTIONS"
        if not any(handler.opt.get(AS_ANYBODY) for handler in getattr(route, "route_handlers", ()))
    }
    assert len(routes) >= 10
    client = TestClient(app)  # without a start of the service: nothing gets so far
    for method, path in routes:
        refused = client.request(method, re.sub(r"\{\w+:int\}", "1", path), headers=bearer("kb_wrong"))
        assert refused.status_code == 401, (method, path)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer kb_wrong",
        "Bearer",
        "kb_wrong",
        "",
        "Basic YTpi",
        f"Bearer {PREFIX}",
        f"Bearer kb_{'x' * 60_000}",
        "Bearer 键",
    ],
)
def test_what_is_no_key_is_refused_and_never_taken_for_none(server: Server, header: str) -> None:
    refused = server.client.get("/api/search", params={"q": "lamp"}, headers=[(b"Authorization", header.encode())])
    assert refused.status_code == 401
    assert "kb_wrong" not in refused.text


def test_a_revoked_key_is_refused_by_the_running_server(server: Server, shell: Shell) -> None:
    made = json.loads(shell(server.home, "key", "create", "--role", "agent", "--json").stdout)
    headers = bearer(made["key"])
    assert searched(server, headers) == expected("agent", ())
    assert shell(server.home, "key", "revoke", made["id"]).returncode == 0
    until(lambda: server.client.get("/api/search?q=lamp", headers=headers).status_code == 401, seconds=5)
    refused_everywhere(server, made["key"])
    again = shell(server.home, "key", "revoke", made["id"])
    assert again.returncode == 2
    assert "kb key list" in again.stderr


def test_an_expired_key_is_refused_everywhere(server: Server) -> None:
    secret = PREFIX + "expired" * 6
    with closing(database.open_for_writing(Paths(server.home).database)) as db:
        keys.add(db, StoredKey("kold", "old", "admin", (), 1.0, 2.0), hash_of(secret))
    refused_everywhere(server, secret)


def test_health_and_the_schema_are_open_also_to_a_wrong_key(server: Server) -> None:
    for path in ("/health/live", "/health/ready", "/schema", "/schema/openapi.json"):
        assert server.client.get(path).status_code == 200
        assert server.client.get(path, headers=bearer("kb_wrong")).status_code == 200


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("public", 403), ("agent", 403), ("editor", 403)])
def test_the_audit_log_is_for_admins_alone(server: Server, role: Role | None, status: int) -> None:
    headers = bearer(create_key(Paths(server.home), role).key) if role else {}
    refused = server.client.get("/api/audit", headers=headers)
    assert refused.status_code == status
    assert ("www-authenticate" in refused.headers) == (status == 401)


def test_an_admin_reads_what_was_done_to_keys(server: Server, shell: Shell) -> None:
    admin = Paths(server.home).admin_key.read_text().strip()
    made = create_key(Paths(server.home), "agent", ["vip"], name="console")
    revoke_key(Paths(server.home), made.id)
    events = server.client.get("/api/audit", headers=bearer(admin)).json()["events"]
    mine = [(e["actor"], e["action"], e["detail"]) for e in events if e["subject"] == made.id]
    said = {"name": "console", "role": "agent", "groups": ["vip"], "expires_at": None}
    assert mine == [("shell", "key_created", said), ("shell", "key_revoked", {})]
    assert json.loads(shell(server.home, "audit", "--json").stdout)["events"] == events
    assert json.loads(shell(server.home, "audit", "--json", "--since", "2999-01-01").stdout)["events"] == []


# The first key, and making them


def test_the_first_server_makes_an_admin_key_and_never_tells_it(server: Server) -> None:
    file = Paths(server.home).admin_key
    secret = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    log = server.log.read_text("utf-8")
    assert f"written to {file}" in log
    assert secret not in log
    me = server.client.get("/api/session", headers=bearer(secret)).json()
    assert (me["role"], me["csrf_token"]) == ("admin", None)


def test_a_home_with_an_admin_key_that_holds_gets_no_other(home: Path) -> None:
    paths = Paths(home)
    assert ensure_admin_key(paths)
    first = paths.admin_key.read_text()
    assert not ensure_admin_key(paths)
    revoke_key(paths, list_keys(paths)[0].id)
    assert ensure_admin_key(paths)
    assert paths.admin_key.read_text() != first


def test_a_key_is_made_in_a_fresh_home_and_printed_as_json(home: Path, shell: Shell) -> None:
    assert shell(home, "key", "list").stdout == ""
    done = shell(home, "key", "create", "--role", "agent", "--group", "vip", "--expires", "2999-01-31", "--json")
    made = json.loads(done.stdout)
    assert set(made) == {"id", "key", "role", "groups", "expires_at"}
    assert (made["role"], made["groups"]) == ("agent", ["vip"])
    assert made["expires_at"].startswith("2999-0")
    assert len(made["key"]) == len(PREFIX) + 43
    listed = json.loads(shell(home, "key", "list", "--json").stdout)["keys"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert made["key"] not in json.dumps(listed)


def test_a_key_is_nowhere_in_what_is_stored_logged_or_audited(server: Server) -> None:
    made = create_key(Paths(server.home), "agent")
    searched(server, bearer(made.key))
    refused_everywhere(server, made.key + "x")
    files = [file for file in (server.home / "data").iterdir() if file.name != "admin.key"]
    written = b"".join(file.read_bytes() for file in (*files, server.log))
    assert made.id.encode() in written
    assert made.key.encode() not in written
    assert made.key.removeprefix(PREFIX).encode() not in written
    assert hash_of(made.key).encode() in written


@pytest.mark.parametrize("group", ["agent", "editor", "admin", "public", "*", "a b", "a,b", ""])
def test_a_group_is_no_role_and_nothing_that_an_article_cannot_name(home: Path, group: str) -> None:
    with pytest.raises(UsageError, match="--group"):
        create_key(Paths(home), "public", [group])
    assert list_keys(Paths(home)) == []


@pytest.mark.parametrize("text", ["soon", "0d", "2020-01-01", "-3d", "90", "2027-13-01"])
def test_an_end_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--expires"):
        expiry(text, UTC)


def test_roles_hold_what_those_before_them_may() -> None:
    assert Caller(role="public", groups=frozenset({"g"})).audiences == {"public", "g"}
    assert Caller(role="agent").audiences == {"public", "agent"}
    assert Caller(role="editor").audiences == Caller(role="admin").audiences == {"public", "agent", EVERY}
    with pytest.raises(UsageError, match="no role"):
        role_of("root")

"""`POST /api/tickets`: what was acknowledged is never lost, never stored unredacted, and found within seconds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import REFUND, Centre, tiny_settings
from server_process import Server, serving, until

from kb.access.keys import create_key
from kb.config import Paths
from kb.deliveries import Deliveries
from kb.journal import Journal
from kb.retention import forget
from kb.search.embedding import Embedder

SECRET = "a secret of the help desk"
ZENDESK = {
    "ticket": {
        "id": 35436, "subject": "Zebra broken", "status": "solved", "requester_id": 20978, "description": "zebra?",
        "tags": ["zebra"], "updated_at": "2026-11-02T09:00:00Z",
        "comments": [
            {"author_id": 20978, "body": "My zebra, call 13812345678", "public": True},
            {"author_id": 235, "body": "Zebra replaced.", "public": True},
            {"author_id": 235, "body": "internal grumble", "public": False},
        ],
    },
    "users": [{"id": 20978, "name": "Ann Lee", "role": "end-user"}, {"id": 235, "name": "Bo", "role": "agent"}],
}  # fmt: skip
FRESHDESK = {
    "freshdesk_webhook": {
        "ticket_id": 7, "ticket_subject": "Yak stuck", "ticket_status": "Closed", "ticket_description": "<p>My yak</p>",
        "ticket_latest_public_comment": "<div>Yak&nbsp;freed.<br>Done.</div>", "ticket_tags": "yak, farm",
        "ticket_requester_email": "ann@example.com",
    }
}  # fmt: skip
INTERCOM = {
    "type": "notification_event", "topic": "conversation.admin.closed",
    "data": {"item": {
        "id": "991", "state": "closed", "source": {"body": "<p>Walrus noise</p>", "author": {"name": "Ann Lee"}},
        "conversation_parts": {"conversation_parts": [
            {"body": "<p>Walrus muted.</p>", "author": {"type": "admin"}}, {"body": None, "author": {"type": "bot"}},
        ]},
    }},
}  # fmt: skip
OWN = {"单号": 12, "标题": "纸箱破损", "状态": "办妥", "描述": "纸箱破了", "处理": "已补发纸箱。"}


def ticket(id_: str, word: str = "lamp", **others: Any) -> dict[str, Any]:
    return {
        "id": id_, "subject": f"A {word}", "status": "solved", "resolution": f"Changed the {word}.",
        "messages": [{"author": "customer", "text": f"{word}? call 13812345678"}],
    } | others  # fmt: skip


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Path:
    home = tmp_path_factory.mktemp("tickets") / "home"
    (home / "articles").mkdir(parents=True)
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.article("refund.md", REFUND)
    centre.reindex()
    return home


@pytest.fixture(scope="module")
def keys(content: Path) -> dict[str, str]:
    """Keys by role; the one called `desk` is an agent's that the settings allow to send tickets."""
    made = {role: create_key(Paths(content), role) for role in ("agent", "editor")}  # type: ignore[arg-type]
    desk = create_key(Paths(content), "agent")
    (content / "kb.toml").write_text(
        f'tickets_keys = ["{desk.id}"]\n[sources.crm]\nprefix = "crm-"\nid = "单号"\nsubject = "标题"\n'
        'question = "描述"\nresolution = "处理"\nstatus = { from = "状态", values = { "办妥" = "solved" } }\n',
        "utf-8",
    )
    return {role: key.key for role, key in made.items()} | {"desk": desk.key}


@pytest.fixture(scope="module")
def server(content: Path, tiny_model: Path, keys: dict[str, str]) -> Iterator[Server]:
    """Two workers, so that deliveries come to one that does not write, too."""
    with serving(content, tiny_model, "--workers", "2", key=keys["editor"]) as running:
        yield running


def send(server: Server, body: Any, key: str | None = None, source: str = "tickets") -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return server.client.post("/api/tickets", params={"source": source}, json=body, headers=headers)


def finds(server: Server, question: str, id_: str) -> bool:
    return any(hit["document_id"] == id_ for hit in server.search(question, k=100)["tickets"])


def test_a_ticket_is_acknowledged_redacted_and_found_within_seconds_once_however_often_it_comes(
    server: Server, content: Path
) -> None:
    for _ in range(6):
        sent = send(server, ticket("T-1", customer={"name": "Ann Lee"}, customer_ref="c-1"))
        assert sent.status_code == 202
        assert sent.json() == {"taken": ["T-1"], "skipped": [], "refused": [], "repeated": False}
    until(lambda: finds(server, "lamp", "T-1"), seconds=10)
    until(lambda: not rows(content, "journal", "SELECT 1 FROM inbox"), seconds=10)
    assert rows(content, "kb", "SELECT revision, source FROM documents WHERE id = 'T-1'") == [(1, "tickets")]
    for file in (content / "data").glob("*.sqlite*"):
        assert b"13812345678" not in file.read_bytes()


def rows(home: Path, database: str, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{home}/data/{database}.sqlite?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def test_a_batch_takes_the_good_and_tells_field_and_reason_of_the_bad(server: Server) -> None:
    batch = [
        ticket("B-1", "mop"), {"id": "B-2"}, ticket("B-3", closed_at="yesterday"), ticket("B-4", status="open"),
        ticket("B-5", "broom"), ticket("refund"),
    ]  # fmt: skip
    told = send(server, {"tickets": batch}).json()
    assert told["taken"] == ["B-1", "B-5"]
    assert [unused["id"] for unused in told["skipped"]] == ["B-4"]
    problems = {(problem["number"], problem["field"]) for problem in told["refused"]}
    assert problems == {(2, "subject"), (2, "status"), (2, "messages"), (3, "closed_at"), (6, "id")}
    until(lambda: finds(server, "mop", "B-1") and finds(server, "broom", "B-5"), seconds=10)


def test_a_ticket_that_is_opened_again_is_found_no_more(server: Server) -> None:
    send(server, ticket("O-1", "quilt"))
    until(lambda: finds(server, "quilt", "O-1"), seconds=10)
    assert send(server, ticket("O-1", "quilt", status="open")).json()["skipped"][0]["id"] == "O-1"
    until(lambda: not finds(server, "quilt", "O-1"), seconds=10)


@pytest.mark.parametrize(
    ("source", "body", "id_", "told"),
    [
        ("zendesk", ZENDESK, "zendesk-35436", "Zebra replaced."),
        ("freshdesk", FRESHDESK, "freshdesk-7", "Yak freed.\nDone."),
        ("intercom", INTERCOM, "intercom-991", "Walrus muted."),
        ("crm", OWN, "crm-12", "已补发纸箱。"),
    ],
)
def test_a_help_desks_own_message_is_read_by_its_mapping(
    server: Server, content: Path, source: str, body: Any, id_: str, told: str
) -> None:
    sent = send(server, body, source=source)
    assert (sent.status_code, sent.json()["taken"]) == (202, [id_]), sent.text
    until(lambda: finds(server, told, id_), seconds=10)
    query = f"SELECT content FROM revisions WHERE document_id = '{id_}'"
    assert json.loads(rows(content, "kb", query)[0][0])["resolution"] == told
    assert "Ann" not in rows(content, "kb", query)[0][0]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[1]", b'"x"', b"null", b"[" * 100_000, b'{"kind":"article"}'])
def test_a_body_without_a_good_ticket_is_refused_with_its_reason(server: Server, body: bytes) -> None:
    refused = server.client.post("/api/tickets", content=body)
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"]


def test_editors_and_the_named_keys_may_send_and_nobody_else(server: Server, keys: dict[str, str]) -> None:
    assert send(server, ticket("K-1"), keys["desk"]).status_code == 202
    assert send(server, ticket("K-1"), keys["agent"]).status_code == 403
    assert httpx.post(f"{server.client.base_url}/api/tickets", json=ticket("K-1")).status_code == 401


def signed(
    body: bytes, stamp: str, secret: str = SECRET, names: tuple[str, str] = ("Kb-Signature", "Kb-Timestamp")
) -> dict[str, str]:
    made = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {names[0]: base64.b64encode(made).decode(), names[1]: stamp, "Content-Type": "application/json"}


def test_a_secret_demands_signatures_and_what_was_acknowledged_outlives_kill_9(
    tmp_path: Path, content: Path, tiny_model: Path, keys: dict[str, str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "articles").mkdir()
    key = create_key(Paths(home), "editor").key
    secret = {"KB_TICKETS_SECRET": SECRET}
    body, now = json.dumps(ticket("S-1", "kettle")).encode(), datetime.now(UTC).isoformat()
    zendesk = ("X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp")
    with serving(home, tiny_model, environment=secret, key=key, wait=False) as server:
        until(server.listening, seconds=60)

        def post(headers: dict[str, str], content: bytes = body) -> int:
            return server.client.post("/api/tickets", content=content, headers=headers).status_code

        assert post({}) == 401
        assert post(signed(body, now, "another")) == 401
        assert post(signed(body, now), body + b" ") == 401
        assert post(signed(body, str(time.time() - 400))) == 401
        assert post(signed(body, "x")) == 401
        assert post(signed(body, now, names=zendesk)) == 202
        assert post(signed(body, now)) == 200
        other = json.dumps(ticket("S-2", "teapot")).encode()
        assert post(signed(other, str(time.time())), other) == 202
        os.kill(server.pid, signal.SIGKILL)
    with serving(home, tiny_model, environment=secret, key=key) as server:
        until(lambda: finds(server, "kettle", "S-1") and finds(server, "teapot", "S-2"), seconds=15)


def test_a_ticket_that_nobody_publishes_expires_by_the_setting_and_its_bytes_go(
    two: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    settings = tiny_settings(Path(two.settings.model), inbox_days=2)
    with closing(Journal(two.paths, settings)) as journal:
        Deliveries(two.paths, settings, journal).take(json.dumps(ticket("T-9", "zebra")).encode(), "x")
    files = [two.paths.journal, Path(f"{two.paths.journal}-wal")]
    assert any(b"zebra" in file.read_bytes() for file in files if file.exists())
    assert forget(two.paths, settings, now=time.time() + 1.9 * 86_400) == 0
    assert forget(two.paths, settings, now=time.time() + 2.1 * 86_400) == 1
    assert "1 tickets of help desks were deleted" in caplog.text
    assert not any(b"zebra" in file.read_bytes() for file in files if file.exists())

"""Live calls on a real server with two workers: what was said reaches every console that may see it, and no other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Centre, tiny_settings, write_article
from server_process import Server, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from kb.access.keys import create_key, revoke_key
from kb.access.people import create_person
from kb.calls import NUMBER, Calls, Said
from kb.config import Paths
from kb.journal import Journal, Origin
from kb.retention import forget
from kb.search.embedding import Embedder

LAMP = (
    "---\nlanguage: en\n---\n# The lamp does not work\n\n"
    "Turn the green knob of the lamp twice.\n\n::: agent\nNever say why.\n:::\n"
)
QUESTION = "The lamp does not work"
SECRET = "---\nlanguage: en\naudience: agent\n---\n# Refund tricks\n\nA refund of the kettle needs the manager.\n"

VIP = "---\nlanguage: en\naudience: vip\n---\n# Zeppelin rides\n\nA zeppelin ride is free for the best.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("calls") / "home"
    write_article(home, "lamp.md", LAMP)
    write_article(home, "secret.md", SECRET)
    write_article(home, "vip.md", VIP)
    (home / "kb.toml").write_text("min_confidence = 0.0\n", "utf-8")
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    create_person(Paths(home), "zhang", "a long password", "agent")
    with serving(home, tiny_model, "--workers", "2", key=create_key(Paths(home), "agent").key) as running:
        yield running


@contextmanager
def console(server: Server, path: str, key: str | None = None, **headers: str) -> Iterator[ClientConnection]:
    named = headers | ({"Authorization": f"Bearer {key}"} if key else {})
    with connect(f"ws://127.0.0.1:{server.port}{path}", additional_headers=named, proxy=None) as socket:
        yield socket


def key_of(server: Server) -> str:
    return server.client.headers["Authorization"].removeprefix("Bearer ")


def said(server: Server, call: str, sequence: int, text: str, **more: Any) -> dict[str, Any]:
    body = {"sequence": sequence, "speaker": "customer", "text": text} | more
    answer = server.client.post(f"/api/calls/{call}/utterances", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def told(socket: ClientConnection, kind: str, seconds: float = 10) -> dict[str, Any]:
    """The next message of a kind."""
    until = time.monotonic() + seconds
    while True:
        message = json.loads(socket.recv(timeout=until - time.monotonic()))
        if message["type"] == kind:
            return dict(message)


def test_consoles_on_any_worker_are_told_what_any_worker_heard(server: Server) -> None:
    key = key_of(server)
    with console(server, "/api/calls/a", key) as one, console(server, "/api/calls/a", key) as two:
        for socket in (one, two):
            assert told(socket, "state")["utterances"] == []
        with console(server, "/api/calls/a", key) as three:  # of six connections some are the other worker's
            for sequence in range(4):
                server.client.headers["Connection"] = "close"  # each may come to another worker
                said(server, "a", sequence, f"the tower is high {sequence}")
            assert [told(one, "utterance")["sequence"] for _ in range(4)] == [0, 1, 2, 3]
            assert [told(two, "utterance")["sequence"] for _ in range(4)] == [0, 1, 2, 3]
            assert {row["sequence"] for row in told(three, "state")["utterances"]} <= {0, 1, 2, 3}
    del server.client.headers["Connection"]


def test_an_utterance_counts_once_in_whatever_order_it_comes_and_its_final_text_stays(server: Server) -> None:
    said(server, "b", 2, "second", final=True)
    first = said(server, "b", 1, "fir", final=False)
    final = said(server, "b", 1, "first")
    assert final["stored"]
    assert final["number"] > first["number"]
    assert said(server, "b", 1, "first") == final | {"stored": False}
    assert said(server, "b", 1, "another")["stored"] is False
    with console(server, "/api/calls/b", key_of(server)) as socket:
        assert [row["text"] for row in told(socket, "state")["utterances"]] == ["first", "second"]


def test_a_suggestion_says_why_what_to_say_and_how_long_it_took(server: Server) -> None:
    with console(server, "/api/calls/c", key_of(server)) as socket:
        told(socket, "state")
        socket.send(json.dumps({"utterance": {"sequence": 1, "speaker": "customer", "text": "My lamp does not work"}}))
        shown = told(socket, "suggestions")
    best = next(s for s in shown["suggestions"] if s["document_id"] == "lamp")
    assert "lamp" in best["why"]["words"]
    assert best["why"]["sequence"] == 1
    assert "green knob" in best["say"]
    assert all(c["quote"] in LAMP for c in best["citations"])
    assert "Never say why" not in best["say"]
    assert [n["text"] for n in best["notes"]] == ["Never say why."]
    assert shown["latency_ms"] >= shown["took_ms"] > 0
    assert shown["budget_ms"] == 60
    assert shown["in_time"] == (shown["latency_ms"] <= 60)


def test_nothing_internal_is_ready_to_say(server: Server) -> None:
    with console(server, "/api/calls/d", key_of(server)) as socket:
        told(socket, "state")
        said(server, "d", 1, "I want a refund of the kettle from the manager")
        shown = told(socket, "suggestions")["suggestions"]
    secret = next(s for s in shown if s["document_id"] == "secret")
    assert secret["say"] is None
    assert secret["citations"] == []
    assert secret["public"] is False


def test_of_two_consoles_on_one_call_each_is_shown_what_its_own_key_may_see(server: Server) -> None:
    vip = create_key(Paths(server.home), "agent", ["vip"]).key
    with console(server, "/api/calls/v", key_of(server)) as plain, console(server, "/api/calls/v", vip) as more:
        told(plain, "state")
        told(more, "state")
        said(server, "v", 1, "How much is a zeppelin ride")
        assert "vip" in [s["document_id"] for s in told(more, "suggestions")["suggestions"]]
        said(server, "v", 2, "My lamp does not work")
        shown = []
        while "lamp" not in shown:
            shown += [s["document_id"] for s in told(plain, "suggestions")["suggestions"]]
        assert "vip" not in shown


def test_a_console_that_comes_back_is_told_what_it_missed_and_no_more(server: Server) -> None:
    said(server, "e", 1, "My lamp does not work")
    with console(server, "/api/calls/e", key_of(server)) as socket:
        state = told(socket, "state")
    assert [s["sequence"] for s in state["suggestions"]] == [1]
    missed = said(server, "e", 2, "the tower is high")
    with console(server, f"/api/calls/e?after={state['number']}", key_of(server)) as socket:
        again = told(socket, "state")
    assert [row["sequence"] for row in again["utterances"]] == [2]
    assert again["suggestions"] == []
    assert again["number"] == missed["number"]


def test_a_revoked_key_ends_its_socket(server: Server) -> None:
    made = create_key(Paths(server.home), "agent")
    with console(server, "/api/calls/f", made.key) as socket, console(server, "/api/typing", made.key) as typing:
        told(socket, "state")
        revoke_key(Paths(server.home), made.id)
        for ended in (socket, typing):
            with pytest.raises(ConnectionClosed) as closed:
                ended.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize("path", ["/api/calls/b", "/api/typing"])
def test_a_public_key_and_nobody_read_no_call(server: Server, path: str) -> None:
    public = create_key(Paths(server.home), "public").key
    with pytest.raises(InvalidStatus) as refused, console(server, path, public):
        pass
    assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus) as wrong, console(server, path, "kb_wrong"):
        pass
    assert wrong.value.response.status_code in (401, 403)
    for first, code in (({"key": public}, 4403), ({"key": "kb_wrong"}, 4401), ({"utterance": {}}, 4401)):
        with console(server, path) as socket:
            socket.send(json.dumps(first))
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code
    answer = server.client.post(
        "/api/calls/b/utterances", headers={"Authorization": f"Bearer {public}"},
        json={"sequence": 9, "speaker": "agent", "text": "x"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_a_browser_sends_its_key_first_or_has_a_session_on_a_page_of_our_own(server: Server) -> None:
    with console(server, "/api/calls/b") as socket:
        socket.send(json.dumps({"key": key_of(server)}))
        assert len(told(socket, "state")["utterances"]) == 2
    own = f"http://127.0.0.1:{server.port}"
    signed = httpx.post(f"{own}/api/session", json={"name": "zhang", "password": "a long password"})
    cookie = signed.headers["set-cookie"].partition(";")[0]
    with console(server, "/api/calls/b", Cookie=cookie, Origin=own) as socket:
        assert len(told(socket, "state")["utterances"]) == 2
    with pytest.raises(InvalidStatus), console(server, "/api/calls/b", Cookie=cookie, Origin="https://evil.example"):
        pass


def test_of_what_is_typed_the_newest_alone_is_answered(server: Server) -> None:
    with console(server, "/api/typing", key_of(server)) as socket:
        for query, text in enumerate(["la", "lam", "lamp"]):
            socket.send(json.dumps({"query": query, "text": text}))
        first = told(socket, "results")
        assert first["query"] == 2
        assert "lamp" in [hit["document_id"] for hit in first["hits"]]
        socket.send(json.dumps({"query": 3, "text": "kettle", "k": 0}))
        assert "k" in told(socket, "error")["detail"]
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)


def test_metrics_count_what_calls_do(server: Server) -> None:
    admin = (Paths(server.home).admin_key).read_text("utf-8").strip()
    text = server.client.get("/metrics", headers={"Authorization": f"Bearer {admin}"}).text
    assert 'kb_utterances_total{result="stored",speaker="customer"}' in text
    assert "kb_suggestion_seconds_count" in text
    assert 'kb_typed_queries_total{outcome="stale"} 2' in text


def test_a_second_after_an_edit_nobody_is_told_the_old_text_and_consoles_that_relied_on_it_know(server: Server) -> None:
    key, admin = key_of(server), (Paths(server.home).admin_key).read_text("utf-8").strip()
    vip = create_key(Paths(server.home), "agent", ["vip"]).key
    server.client.post("/api/answers", json={"question": QUESTION, "conversation": True})
    with console(server, "/api/calls/g", key) as one, console(server, "/api/calls/other", vip) as other:
        told(other, "state")
        told(one, "state")
        said(server, "g", 1, "My lamp does not work")
        assert "green" in json.dumps(told(one, "suggestions"))
        assert all("green knob" in text for text in everything(server))  # whatever keeps answers has them now
        write_article(server.home, "lamp.md", LAMP.replace("green", "amber"))
        changed = told(one, "changed")
        time.sleep(1)
        for _ in range(4):  # both workers
            assert [("green" in text, "amber knob" in text) for text in everything(server)] == [(False, True)] * 3
        write_article(server.home, "lamp.md", LAMP.replace("---\n#", "status: retired\n---\n#"))
        gone = told(one, "changed")
        with pytest.raises(TimeoutError):
            told(other, "changed", 0.2)
    assert (changed["document_id"], changed["old_revision"], changed["new_revision"]) == ("lamp", 1, 2)
    assert (gone["document_id"], gone["old_revision"], gone["new_revision"]) == ("lamp", 2, None)
    with console(server, "/api/calls/g", key) as again:
        state = told(again, "state")
    assert "green" not in json.dumps(state)

    path = "/api/articles/lamp/impact"
    found = server.client.get(path, headers={"Authorization": f"Bearer {admin}"}, params={"revision": 1}).json()
    assert found["told"] >= 3
    assert len(found["conversations"]) == 1
    assert server.client.get(path).status_code == 403
    unknown = server.client.get("/api/articles/no%2Fsuch/impact", headers={"Authorization": f"Bearer {admin}"})
    assert (unknown.status_code, "'no/such'" in unknown.json()["detail"]) == (404, True)


def everything(server: Server) -> list[str]:
    """What is told of the lamp by a search, by an answer, and to a client of OpenAI's."""
    messages = {"model": "kb", "messages": [{"role": "user", "content": QUESTION}]}
    return [
        server.client.get("/api/search", params={"q": QUESTION}).text,
        server.client.post("/api/answers", json={"question": QUESTION}).text,
        server.client.post("/v1/chat/completions", json=messages).text,
    ]


@pytest.fixture
def calls(two: Centre) -> Iterator[Calls]:
    journal = Journal(two.paths, two.settings)
    with closing(journal), closing(Calls(two.paths, two.settings, journal)) as made:
        yield made


def heard(calls: Calls, sequence: int, text: str, **more: Any) -> None:
    calls.hear("c1", Said(sequence, more.get("speaker", "customer"), text, final=True, at=0.0), Origin("k1"))


def texts(calls: Calls) -> list[str]:
    return [row.text for row in sorted(calls.after(calls.name("c1"), 0), key=lambda row: row.sequence)]


def test_what_is_said_is_kept_without_personal_data_even_where_it_comes_in_pieces(calls: Calls) -> None:
    heard(calls, 1, "请问您的姓名？我叫", speaker="agent")
    heard(calls, 2, "王小明")
    heard(calls, 3, "我的手机是幺三八零零幺三八零零零")
    for sequence, breath in enumerate(["one three eight", "zero zero one three", "eight zero zero zero"], 4):
        heard(calls, sequence, breath)
    kept = texts(calls)
    assert "王小明" not in kept[1]
    assert "幺三八" not in kept[2]
    assert set(kept[3:]) <= {NUMBER, "[phone]"}


def test_an_error_code_read_aloud_is_kept(calls: Calls) -> None:
    heard(calls, 1, "E 四零二一")
    heard(calls, 2, "F two")
    assert texts(calls) == ["E 四零二一", "F two"]


def test_what_was_said_expires_and_no_byte_of_it_is_left(two: Centre, calls: Calls) -> None:
    heard(calls, 1, "my aardvark is purple")
    files = [two.paths.journal, Path(f"{two.paths.journal}-wal")]
    assert any(b"aardvark" in file.read_bytes() for file in files if file.exists())
    assert forget(two.paths, two.settings, now=time.time() + 23 * 3600) == 0
    assert forget(two.paths, two.settings, now=time.time() + 25 * 3600) == 1
    assert texts(calls) == []
    assert not any(b"aardvark" in file.read_bytes() for file in files if file.exists())

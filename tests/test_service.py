"""The running service: real processes, real ports, real files saved while it answers."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from conftest import Centre, Shell, clean_environment, tiny_settings, write_article
from kb_process import KbProcess
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from scraping import OPEN, scraped, total
from server_process import Server, serving, until

from kb import handing
from kb.access.keys import create_key
from kb.access.reception import Reception
from kb.config import Paths, Settings, deciding
from kb.errors import IndexMismatch, StoreBusy
from kb.handing import _LOOK_SECONDS, run_job
from kb.jobs import server_file
from kb.progress import silent
from kb.search.embedding import Embedder, describe
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.writer import Writer, writer_lock

HIT = {
    "passage_id": str, "document_id": str, "kind": str, "revision": int, "title": str, "heading": list,
    "url": (str, type(None)), "text": str, "highlights": list, "score": float, "confidence": float, "audience": list,
    "language": str, "foreign": bool, "answer_span": (list, type(None)), "sections": list, "also": list,
    "contradicts": list,
}  # fmt: skip
CITATION = {
    "document_id": str, "revision": int, "title": str, "heading": list, "start": int, "end": int, "quote": str,
    "url": (str, type(None)),
}  # fmt: skip
ANSWER = {
    "answer_id", "outcome", "text", "citations", "actions", "confidence", "reason", "handover", "language", "foreign",
    "options", "explain", "skipped", "statements", "urgent", "conversation_id", "form", "generated", "label",
    "not_generated",
}  # fmt: skip
KETTLE_BODY = (
    "# Kettle\n\nThe kettle stops when the lid is open. Close the lid until it clicks.\n\n## 除垢\n\n用柠檬酸煮一次。\n"
)
TICKET = {
    "kind": "ticket", "id": "T-1", "subject": "Kettle leaks", "status": "solved",
    "messages": [{"author": "customer", "text": "My kettle leaks.", "at": "2026-10-01T09:00:00Z"}],
    "resolution": "Replaced the kettle seal.", "closed_at": "2026-10-02T09:00:00Z",
}  # fmt: skip
KETTLE = {"question": "how does the kettle stop"}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Path:
    """An indexed home: a public article, an internal one, and a ticket. Answers whatever it finds."""
    home = tmp_path_factory.mktemp("service") / "home"
    write_article(home, "kettle.md", f"---\nactions:\n  - label: Order a seal\n    link: /seals\n---\n{KETTLE_BODY}")
    write_article(
        home,
        "fraud.md",
        "---\naudience: agent\n---\n# Kettle fraud signs\n\nThree kettle claims a month are one too many.\n",
    )
    (home / "kb.toml").write_text("min_confidence = 0.0\n", "utf-8")
    (home / "tickets.jsonl").write_text(json.dumps(TICKET), "utf-8")
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.reindex()
    centre.import_(home / "tickets.jsonl")
    return home


@pytest.fixture(scope="module")
def server(content: Path, tiny_model: Path) -> Iterator[Server]:
    """That home, served to the public; tests may add articles of their own."""
    with serving(content, tiny_model) as running:
        until(server_file(Paths(content).index).exists)
        yield running


def lock_holders(home: Path) -> list[int]:
    """The pids that the operating system says hold the writer's lock."""
    inode = (home / "index" / "writer.lock").stat().st_ino
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return [int(lock[4]) for lock in locks if lock[1] == "FLOCK" and lock[5].endswith(f":{inode}")]


def has_shape(value: dict[str, Any], shape: dict[str, Any]) -> bool:
    return value.keys() == shape.keys() and all(isinstance(value[name], kind) for name, kind in shape.items())


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert body["title"]
    assert body["detail"]


# What callers see


def test_a_search_gives_two_lanes_and_every_field_of_a_hit(server: Server) -> None:
    body = server.search("kettle lid", k=3)
    assert body.keys() == {"query_id", "hits", "tickets", "took_ms", "explain", "skipped"}
    assert body["hits"]
    assert all(has_shape(hit, HIT) for hit in body["hits"])
    first = body["hits"][0]
    assert (first["document_id"], first["kind"], first["url"]) == ("kettle", "article", "/articles/kettle")
    assert {first["text"][start:end].lower() for start, end in first["highlights"]} == {"kettle", "lid"}
    assert 0 <= first["confidence"] <= 1
    assert body["took_ms"] > 0


def test_an_answer_quotes_its_article_and_offers_its_actions(server: Server) -> None:
    answer = server.client.post("/api/answers", json=KETTLE | {"channel": "web", "conversation": ["Hello"]})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.keys() == ANSWER
    assert (body["language"], body["foreign"]) == ("en", False)
    assert (body["outcome"], body["reason"]) == ("answered", None)
    assert body["actions"] == [{"label": "Order a seal", "link": "/seals"}]
    assert body["citations"]
    for citation in body["citations"]:
        assert has_shape(citation, CITATION)
        assert citation["quote"] == KETTLE_BODY[citation["start"] : citation["end"]]
        assert citation["quote"] in body["text"]


def test_an_explanation_adds_up_to_the_score_and_the_confidence_that_were_given(server: Server) -> None:
    assert server.search("kettle lid")["explain"] is None
    body = server.search("kettle lid", explain="true", language="en")
    why = body["explain"]
    assert (why["meant"], why["speaks"], why["language"], why["audiences"][-1]) == ("kettle lid", "en", "en", "public")
    assert [hit["passage_id"] for hit in why["hits"]] == [hit["passage_id"] for hit in body["hits"]]
    for told, hit in zip(why["hits"], body["hits"], strict=True):
        assert sum(sign["contribution"] for sign in told["ranking"]) == pytest.approx(hit["score"])
        z = told["intercept"] + sum(sign["contribution"] for sign in told["judging"])
        assert told["probability"] == pytest.approx(1 / (1 + math.exp(-z)), abs=1e-3)
        assert told["rule"] == "ranked"
    assert why["best"] == max(hit["confidence"] for hit in body["hits"][:1] + body["tickets"][:1])


def test_an_answer_explains_itself_where_asked_to(server: Server) -> None:
    plain = server.client.post("/api/answers", json=KETTLE).json()
    told = server.client.post("/api/answers", json=KETTLE | {"explain": True}).json()
    assert plain["explain"] is None
    assert told["text"] == plain["text"]
    assert (told["explain"]["outcome"], told["explain"]["best"]) == ("answered", told["confidence"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/search", 400), ("GET", "/api/search?q=", 400), ("GET", "/api/search?q=%20%0a", 400),
        ("GET", "/api/search?q=x&k=0", 400), ("GET", "/api/search?q=x&k=101", 400),
        ("GET", "/api/search?q=x&k=many", 400),
        ("GET", f"/api/search?q={'x' * 2001}", 400), ("POST", "/api/search", 405), ("GET", "/api/answers", 405),
        ("GET", "/nowhere", 404), ("GET", "/schema-files/nothing.js", 404),
        ("GET", "/schema-files/..%2f..%2fapi.py", 404),
    ],
)  # fmt: skip
def test_a_wrong_call_gets_a_problem(server: Server, method: str, path: str, status: int) -> None:
    assert_problem(server.client.request(method, path), status)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"\xff", b"{}", b'{"question": ""}', b'{"question": "  "}', b'{"question": 1}',
        b'{"question": "x", "nonsense": 1}', b'{"question": "x", "conversation": "y"}', b'{"question": "\\ud800"}',
        b'{"question": "' + b"x" * 2001 + b'"}',
    ],
)  # fmt: skip
def test_a_malformed_question_gets_a_problem(server: Server, body: bytes) -> None:
    assert_problem(server.client.post("/api/answers", content=body, headers={"content-type": "application/json"}), 400)


@pytest.mark.parametrize("query", ["!!!", "AND OR (", '"', "a%00b", "%ff", "%ed%a0%80", "：*~^[]{}", "x" * 2000])
def test_any_text_is_a_question(server: Server, query: str) -> None:
    assert server.client.get(f"/api/search?q={query}").status_code == 200


def send_headers(connection: socket.socket, count: int) -> None:
    for number in range(count):
        connection.sendall(f"X-{number}: {'x' * 1_000}\r\n".encode())
        time.sleep(0.001)


def test_a_head_without_end_is_refused_and_the_others_are_answered(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as endless:
        endless.sendall(b"GET /health/live HTTP/1.1\r\nHost: kb\r\n")
        with pytest.raises(ConnectionError):
            send_headers(endless, 1_000)
    with socket.create_connection(("127.0.0.1", server.port)) as long:
        long.sendall(b"GET /health/live HTTP/1.1\r\nHost: kb\r\n" + b"X-Long: " + b"x" * 70_000)
        assert long.recv(15).startswith(b"HTTP/1.1 400")
    assert server.get("/health/live").status_code == 200


def test_a_body_over_the_limit_is_refused_whether_or_not_it_says_its_length(server: Server) -> None:
    big = b'{"question": "' + b"x" * 300_000 + b'"}'
    assert_problem(server.client.post("/api/answers", content=big), 413)
    assert_problem(server.client.post("/api/answers", content=iter([big[:150_000], big[150_000:]])), 413)


def test_the_schema_page_asks_no_other_host(server: Server) -> None:
    page = server.get("/schema").text
    links = re.findall(r"""(?:src|href|url)\s*[=:(]\s*["']?([^"'\s>)]+)""", re.sub(r"spec: \{.*\},", "", page))
    assert len(links) >= 4
    for link in links:
        assert link.startswith("/schema-files/"), link
        assert server.get(link).status_code == 200, link
    styles = server.get(next(link for link in links if link.endswith(".css"))).text
    assert not re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", styles)


def _is_described(handler: HTTPRouteHandler) -> bool:
    """Pages, and what a browser asks before it calls, have no place in OpenAPI."""
    return handler.http_methods != {"OPTIONS"} and handler.resolve_include_in_schema()


def test_the_schema_lists_every_route(server: Server) -> None:
    described = server.get("/schema/openapi.json").json()["paths"]
    paths, settings = Paths(server.home), Settings()
    app = create_app(Service(paths, settings, ""), Reception(paths, settings), Admission(1))
    undescribed = ("/schema", "/mcp")
    http = [route for route in app.routes if isinstance(route, HTTPRoute)]  # sockets have no place in OpenAPI
    shown = [route for route in http if any(_is_described(handler) for handler in route.route_handlers)]
    routes = {route.path_format for route in shown if not route.path.startswith(undescribed)}
    assert set(described) == routes >= {"/api/search", "/api/answers", "/health/live", "/health/ready"}
    assert all(operation["summary"] for path in described.values() for operation in path.values())


def test_the_public_sees_neither_internal_articles_nor_tickets(server: Server) -> None:
    for question in ("kettle", "kettle fraud signs", "Replaced the kettle seal", "claims a month"):
        body = server.search(question, k=100)
        assert body["tickets"] == []
        assert {tuple(hit["audience"]) for hit in body["hits"]} == {("public",)}
        answer = server.client.post("/api/answers", json={"question": question}).json()
        assert {citation["document_id"] for citation in answer["citations"]} <= {"kettle"}
    assert "WARNING" not in server.log.read_text("utf-8")


# Files that change while it runs


def test_a_saved_an_edited_and_a_deleted_file_are_live_within_two_seconds(server: Server) -> None:
    took: dict[str, list[float]] = {"saved": [], "edited": [], "deleted": []}
    for number in range(4):
        id_ = f"live/{number}"
        file = write_article(server.home, f"{id_}.md", f"# Toaster {number}\n\nThe toaster number {number} is azure.\n")
        took["saved"].append(until(lambda id_=id_: server.finds("azure toaster", id_), seconds=10))
        file.write_text(f"# Toaster {number}\n\nThe toaster number {number} is crimson.\n", "utf-8")
        said = f"number {number} is crimson"
        took["edited"].append(
            until(lambda said=said: said in json.dumps(server.search("crimson toaster", k=100)), seconds=10)
        )
        assert f"number {number} is azure" not in json.dumps(server.search("azure toaster", k=100))
        file.unlink()
        took["deleted"].append(until(lambda id_=id_: not server.finds("crimson toaster", id_), seconds=10))
    print({name: [round(seconds, 2) for seconds in all_] for name, all_ in took.items()})  # noqa: T201 - a figure to see
    assert statistics.median(seconds for all_ in took.values() for seconds in all_) < 2


def test_articles_are_followed_after_the_folder_was_replaced(server: Server) -> None:
    articles, aside = server.home / "articles", server.home / "articles-before"
    articles.rename(aside)
    aside_copy = [(file.relative_to(aside), file.read_bytes()) for file in aside.rglob("*.md")]
    for path, data in aside_copy:
        write_article(server.home, str(path), data.decode())
    time.sleep(1)
    write_article(server.home, "after.md", "# Afterwards\n\nThe periwinkle kettle.\n")
    until(lambda: server.finds("periwinkle", "after"), seconds=10)
    assert server.finds("kettle lid", "kettle")


# Commands handed over


def test_a_reindex_while_it_runs_is_done_by_the_server(server: Server, shell: Shell) -> None:
    before = server.get("/health/ready").json()["generation"]
    done = shell(server.home, "reindex", "--full", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["generation"] == before + 1
    assert server.get("/health/ready").json()["generation"] == before + 1
    assert lock_holders(server.home) == [server.pid]
    plain = shell(server.home, "reindex")
    assert plain.returncode == 0
    assert "0 added, 0 changed" in plain.stdout


def test_an_import_while_it_runs_is_found_at_once(server: Server, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    records = [
        {"kind": "article", "id": f"batch/{n}", "title": f"Blender {n}", "body": f"Ultramarine blender {n}."}
        for n in range(5)
    ]
    file.write_text("\n".join([*map(json.dumps, records), '{"kind": "article", "id": "batch/bad"}']), "utf-8")
    done = shell(server.home, "import", str(file), "--json")
    assert server.finds("ultramarine blender", "batch/4")
    assert done.returncode == 3, done.stderr
    assert (json.loads(done.stdout)["added"], json.loads(done.stdout)["refused"]) == (5, 1)
    assert lock_holders(server.home) == [server.pid]


def test_what_a_handed_job_refuses_is_told_as_if_it_ran_here(server: Server, shell: Shell, tmp_path: Path) -> None:
    done = shell(server.home, "import", str(tmp_path / "absent.jsonl"))
    assert done.returncode == 1
    assert "absent.jsonl: cannot be read" in done.stderr


def test_a_job_from_a_shell_with_another_model_is_refused(server: Server, shell: Shell) -> None:
    done = shell(server.home, "reindex", environment={"KB_PASSAGE_PROMPT": "other: "})
    assert done.returncode == 2
    assert "passage_prompt: this command has 'other: ', the running server None" in done.stderr


def test_a_job_with_a_wrong_token_is_refused_and_harms_nothing(server: Server, shell: Shell) -> None:
    file = server_file(Paths(server.home).index)
    assert file.stat().st_mode & 0o777 == 0o600
    address = ("127.0.0.1", json.loads(file.read_bytes())["port"])
    with socket.create_connection(address):  # says nothing, all the while
        with pytest.raises((AuthenticationError, EOFError, OSError)):
            Client(address, authkey=b"guessed")
        with socket.create_connection(address) as rude:
            rude.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
        assert shell(server.home, "reindex", timeout=30).returncode == 0
    assert server.finds("kettle lid", "kettle")


def test_doctor_says_that_a_server_runs(server: Server, shell: Shell) -> None:
    done = shell(server.home, "doctor", "--json")
    assert {"part": "server", "ok": True, "detail": "running"} in json.loads(done.stdout)
    assert done.returncode == 0, done.stdout


# Without a server


@pytest.mark.parametrize("stale_file", [False, True])
def test_a_reindex_waits_for_another_shell_and_says_so(home: Path, tiny_model: Path, stale_file: bool) -> None:
    write_article(home, "a.md", "---\nstatus: draft\n---\n# Draft\n\nNothing to embed.\n")
    (home / "index").mkdir()
    if stale_file:
        leave_stale_file(home)
    log = home.with_name("reindex.log")
    log.touch()
    with writer_lock(Paths(home)):
        environment = clean_environment(KB_MODEL=str(tiny_model))
        waiting = KbProcess(("--home", str(home), "reindex"), environment, log)
        until(lambda: "another kb process is writing: waiting" in log.read_text("utf-8"))
        time.sleep(3 * _LOOK_SECONDS)
        assert waiting.poll() is None
    assert waiting.wait(30) == 0
    assert "1 added" in log.read_text("utf-8")


def test_a_reindex_gives_up_on_another_shell_after_a_while(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "_PATIENCE_SECONDS", 0.3)
    with writer_lock(centre.paths), pytest.raises(StoreBusy, match="another kb process is writing: wait"):
        run_job(centre.paths, centre.settings, "reindex", {"full": False}, silent)


def leave_stale_file(home: Path) -> None:
    """What a killed server leaves: a port that nobody listens on."""
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    (home / "index").mkdir(exist_ok=True)
    server_file(home / "index").write_text(
        json.dumps({"pid": 1, "port": port, "token": "t", "url": "http://127.0.0.1:1"})
    )


# From start to end


@dataclass
class Life:
    """One server from an index-less home with a stale server.json to its SIGTERM, as its callers saw it."""

    early: list[tuple[int, int]]
    early_search: httpx.Response
    hits: dict[str, Any]
    late_answer: str
    exit_code: int
    seconds: float
    file_before: bool
    file_after: bool
    log: str


@pytest.fixture(scope="module")
def life(content: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Life:
    home = tmp_path_factory.mktemp("life") / "home"
    write_article(home, "fraud.md", (content / "articles" / "fraud.md").read_text("utf-8"))
    leave_stale_file(home)
    key = create_key(Paths(home), "agent").key
    with serving(home, tiny_model, key=key, wait=False) as server:
        until(server.listening, seconds=60)
        early_search = server.get("/api/search", q="kettle")
        early: list[tuple[int, int]] = []
        until(
            lambda: (
                early.append((server.get("/health/live").status_code, server.get("/health/ready").status_code))
                or early[-1][1] == 200
            ),
            seconds=60,
        )
        until(lambda: server.finds("kettle", "fraud"))
        hits = server.search("kettle fraud")
        file_before = json.loads(server_file(home / "index").read_bytes())["pid"] == server.pid
        late, exit_code, seconds = finish_with_a_request_at_hand(server)
        after = server_file(home / "index").exists()
        return Life(
            early, early_search, hits, late, exit_code, seconds, file_before, after, server.log.read_text("utf-8")
        )


def finish_with_a_request_at_hand(server: Server) -> tuple[str, int, float]:
    """Sends half a request, then SIGTERM, then the rest: the answer, the exit code, and the seconds it took to end."""
    body = json.dumps(KETTLE).encode()
    head = f"POST /api/answers HTTP/1.1\r\nHost: kb\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + body[:10])
        time.sleep(0.3)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(body[10:])
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    return received.decode(), server.process.wait(30), time.monotonic() - started


def test_nothing_indexed_is_alive_but_not_ready_until_the_first_reindex(life: Life) -> None:
    assert_problem(life.early_search, 503)
    assert {live for live, _ in life.early} == {200}
    statuses = [ready for _, ready in life.early]
    assert statuses[0] == 503
    assert sorted(set(statuses)) == [200, 503]


def test_a_key_made_before_anything_was_indexed_shows_what_agents_see(life: Life) -> None:
    assert [hit["document_id"] for hit in life.hits["hits"]] == ["fraud"]
    assert life.hits["hits"][0]["audience"] == ["agent"]


def test_sigterm_finishes_the_request_at_hand_and_exits_with_0(life: Life) -> None:
    assert life.late_answer.startswith("HTTP/1.1 200")
    assert '"outcome"' in life.late_answer
    assert life.exit_code == 0
    assert life.seconds < 8


def test_server_json_replaces_a_stale_one_and_goes_with_the_server(life: Life) -> None:
    assert life.file_before
    assert not life.file_after
    assert "Traceback" not in life.log


def test_an_index_whose_model_is_gone_is_refused_and_then_made_anew(centre: Centre, tmp_path: Path) -> None:
    write_article(centre.home, "a.md", "# Lamp\n\nThe lamp is green.\n")
    copy = str(shutil.copytree(centre.settings.model, tmp_path / "gone"))  # of the same weights, converted already
    gone = msgspec.structs.replace(centre.settings, model=copy, passage_prompt="other: ")
    Centre(centre.home, gone, Embedder(describe(copy, query_prompt="q: ", passage_prompt="other: "))).reindex()
    shutil.rmtree(gone.model)
    service = Service(centre.paths, centre.settings, "http://127.0.0.1:1")
    with writer_lock(centre.paths):
        service.start()
        with pytest.raises(IndexMismatch, match="kb reindex"):
            _ = service.knowledge
    try:
        until(lambda: service._following.knowledge is not None, seconds=60)
        assert service.knowledge.reader.view.manifest.generation == 2
        assert len(service.knowledge.reader.view.catalogue.ids) == 1
    finally:
        service.stop()


def test_a_job_that_comes_while_the_server_stops_is_told_to_come_again(centre: Centre) -> None:
    service = Service(centre.paths, centre.settings, "http://127.0.0.1:1")
    writer = Writer(centre.paths, centre.settings, embedder=centre.embedder)
    job = service.turns.job("reindex", writer, lambda *_: pytest.fail("it ran"))
    service.stop()
    writer.close()
    with pytest.raises(StoreBusy, match="stopping"):
        job({"full": False, "settings": deciding(centre.settings)}, silent)


# Several processes


def test_a_second_server_follows_and_takes_over_when_the_first_ends(centre: Centre, tiny_model: Path) -> None:
    write_article(centre.home, "a.md", "# Lamp\n\nThe lamp is green.\n")
    centre.reindex()
    home = centre.home
    with serving(home, tiny_model, wait=False) as first, serving(home, tiny_model, wait=False) as second:
        until(lambda: first.ready() and second.ready(), seconds=60)
        until(lambda: lock_holders(centre.home) == [first.pid] or lock_holders(centre.home) == [second.pid])
        writer, follower = (first, second) if lock_holders(centre.home) == [first.pid] else (second, first)
        write_article(centre.home, "b.md", "# Lamp shade\n\nThe shade is ochre.\n")
        assert until(lambda: follower.finds("ochre", "b")) < 4
        until(lambda: writer.finds("ochre", "b"), seconds=1)
        assert writer.terminate() == 0
        write_article(centre.home, "c.md", "# Lamp foot\n\nThe foot is vermilion.\n")
        until(lambda: follower.finds("vermilion", "c"))
        assert lock_holders(centre.home) == [follower.pid]


def test_workers_answer_alike_one_writes_a_killed_one_is_replaced_and_all_end_together(
    centre: Centre, tiny_model: Path
) -> None:
    file = write_article(centre.home, "a.md", "# Lamp\n\nThe lamp is green.\n")
    centre.reindex()
    with serving(centre.home, tiny_model, "--workers", "2", preloaded=False, environment=OPEN) as server:
        until(lambda: len(server.children()) == 2)
        workers = server.children()
        until(lambda: len(listening_on(server.port, workers)) == 2, seconds=60)
        until(lambda: len(lock_holders(centre.home)) == 1)
        assert set(lock_holders(centre.home)) <= set(workers)
        file.write_text("# Lamp\n\nThe lamp is scarlet.\n", "utf-8")

        def told() -> set[str]:
            apart = {"connection": "close"}  # each request may meet either worker
            asked = (server.client.get("/api/search?q=lamp", headers=apart) for _ in range(30))
            return {answer.json()["hits"][0]["text"] for answer in asked}

        until(lambda: told() == {"The lamp is scarlet."})
        assert shared_megabytes(workers[0]) > 40
        asked = searches(server)
        assert told() == {"The lamp is scarlet."}
        assert searches(server) == {asked.pop() + 30}

        asked = searches(server)
        (writer,) = lock_holders(centre.home)
        os.kill(writer, signal.SIGSTOP)
        time.sleep(1)  # uvicorn asks each half second whether it lives, and would wait a minute for what it says
        os.kill(writer, signal.SIGKILL)
        until(lambda: writer not in server.children() and len(server.children()) == 2, seconds=30)
        workers = server.children()
        until(lambda: len(listening_on(server.port, workers)) == 2, seconds=60)
        until(lambda: len(lock_holders(centre.home)) == 1)
        file.write_text("# Lamp\n\nThe lamp is violet.\n", "utf-8")
        assert searches(server) == asked, "what the killed one had counted stays counted"
        assert not list((centre.home / "index" / "metrics").glob(f"*/*_{writer}.db"))
        until(lambda: told() == {"The lamp is violet."})
        samples = scraped(server)
        assert searches(server) == {total(samples, "kb_searches_total")}
        assert total(samples, "kb_build_info") == total(samples, "kb_ready", check="database") == 1
        assert server.terminate() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
        assert "leaked" not in server.log.read_text("utf-8")


def shared_megabytes(pid: int) -> int:
    """Memory that a process has from the one that it was forked from, and neither has written to since."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Shared_Dirty:\s+(\d+)", rollup)[1]) // 1024


def searches(server: Server) -> set[float]:
    """How many were answered, as several scrapes tell, whichever worker each of them meets."""
    named = {"route": "/api/search", "status": "200"}
    return {total(scraped(server), "kb_http_request_seconds_count", **named) for _ in range(8)}


def listening_on(port: int, pids: list[int]) -> list[int]:
    """Those of `pids` whose event loop waits on the listening socket of a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    return [pid for pid in pids if any(waits_on(pid, inode) for inode in inodes)]


def leads_to(link: Path) -> str:
    """What a link of /proc leads to; nothing once its file is closed."""
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


def read(file: Path) -> str:
    """What a file of /proc says; nothing once it is gone."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def waits_on(pid: int, inode: str) -> bool:
    sockets = {link.name for link in Path(f"/proc/{pid}/fd").iterdir() if leads_to(link) == f"socket:[{inode}]"}
    polls = [text for link in Path(f"/proc/{pid}/fdinfo").iterdir() if "tfd:" in (text := read(link))]
    return any(re.search(rf"tfd:\s+{number}\b", text) for number in sockets for text in polls)

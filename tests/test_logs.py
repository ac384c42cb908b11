"""A service's log: JSON, a line a request, one id through all of them, and not a byte of what a caller said."""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import sys
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REFUND, Centre, tiny_settings, write_article
from litestar.testing import TestClient
from server_process import Server, serving, until

from kb import logs
from kb.access.reception import Reception
from kb.config import Paths, load_settings
from kb.errors import SettingsError, StoreError
from kb.logs import FIELDS, Json, Lines, fields
from kb.search.embedding import Embedder
from kb.service import Service
from kb.web.admission import Admission
from kb.web.api import create_app
from kb.web.metrics import Metrics
from kb.web.requests import Requests

NAME, PHONE = "张伟明", "13812345678"
PLANTED = f"{NAME} {PHONE}"
QUOTED = urllib.parse.quote(PLANTED)
TRACES = (NAME, PHONE, urllib.parse.quote(NAME), json.dumps(NAME)[1:-1], NAME.encode("utf-8").hex())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    """A server that says all it can, over one article."""
    home = tmp_path_factory.mktemp("logs") / "home"
    write_article(home, "refund.md", REFUND)
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    with serving(home, tiny_model, environment={"KB_LOG_LEVEL": "debug", "KB_MIN_CONFIDENCE": "0"}) as running:
        yield running


ELSEWHERE = {"written"}
"""Told where a language model writes: see test_generation."""


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text("utf-8").splitlines()]


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    """The line of a request."""
    found = [line for line in lines(server) if line.get("request_id") == request_id and line["event"] == "request"]
    assert len(found) == 1
    return found[0]


def test_every_request_has_a_line_that_says_what_became_of_it(server: Server) -> None:
    found = server.get("/api/search", q="refund")
    line = line_of(server, found.headers["x-request-id"])
    assert (line["level"], line["logger"], line["route"], line["method"]) == ("info", "kb.web", "/api/search", "GET")
    assert (line["status"], line["outcome"], line["caller"]) == (200, "found", "")
    assert (line["query_id"], line["generation"]) == (found.json()["query_id"], 1)
    assert line["ms"] > 0
    told = server.client.post("/api/answers", json={"question": "when do refunds arrive"})
    line = line_of(server, told.headers["x-request-id"])
    assert (line["outcome"], line["reason"], line["answer_id"]) == ("answered", None, told.json()["answer_id"])
    wrong = server.get("/nowhere/at/all")
    line = line_of(server, wrong.headers["x-request-id"])
    assert (line["status"], line["route"]) == (404, "unmatched")
    health = server.get("/health/live")
    assert line_of(server, health.headers["x-request-id"])["level"] == "debug"


def test_an_id_from_outside_is_kept_where_it_can_be_nothing_else_and_stands_in_the_problem(server: Server) -> None:
    for given in (str(uuid.uuid4()), uuid.uuid4().hex, uuid.uuid4().hex.upper()):
        answer = server.client.get("/api/search", headers={"X-Request-Id": given})
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == given
        assert line_of(server, given)["status"] == 400
    for given in (PHONE, "a" * 33, "6222020200112233445", "order-1", ""):
        answer = server.client.get("/nowhere", headers={"X-Request-Id": given})
        assert answer.headers["x-request-id"] == answer.json()["request_id"] != given
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_nothing_that_a_caller_says_is_in_the_log_at_any_level(server: Server) -> None:
    client = server.client
    headers = {
        "User-Agent": PHONE, "Referer": f"http://x/{QUOTED}", "Cookie": f"name={PHONE}",
        "Authorization": f"Bearer {PHONE}", "X-Request-Id": PHONE, "Origin": f"http://{PHONE}",
        "Accept": PHONE, "Accept-Language": PHONE, PHONE: PHONE,
    }  # fmt: skip
    for name in ("q", "product", "language", "tag", "k", "explain", PLANTED):
        client.get("/api/search", params={"q": "refund"} | {name: PLANTED})
    client.get("/api/search", params={"q": PLANTED * 200})
    client.get("/api/search", params={"q": "refund"}, headers=headers)
    for name in ("question", "channel", "language", "explain", "conversation", PLANTED):
        client.post("/api/answers", json={"question": "refund"} | {name: PLANTED}, headers=headers)
    client.post("/api/answers", json={"question": PLANTED, "conversation": [PLANTED, PLANTED], "channel": PLANTED})
    for body in (PLANTED.encode(), b'{"question": "' + PLANTED.encode() + b"\\ud800" + b'"}', b"\xff" + PHONE.encode()):
        client.post("/api/answers", content=body, headers={"content-type": "application/json"})
    client.post(f"/{QUOTED}", content=PLANTED.encode())
    client.request("PROPFIND", f"/articles/{QUOTED}?{QUOTED}")
    client.get("/metrics", headers=headers)
    client.get(f"/schema-files/{QUOTED}")
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"GET /{QUOTED} HTTP/1.1\r\nHost: {PHONE}\r\n{PHONE}\r\n\r\n{PHONE}".encode())
        raw.recv(4096)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"POST /api/answers HTTP/1.1\r\nHost: {PHONE}\r\nContent-Length: 90\r\n\r\n{PHONE}".encode())
    last = client.get("/health/live").headers["x-request-id"]
    until(lambda: last in server.log.read_text("utf-8"))
    assert sum(line["event"] == "request" for line in lines(server)) > 25
    assert any(line["level"] == "debug" for line in lines(server))
    text = server.log.read_text("utf-8")
    assert [trace for trace in TRACES if trace in text] == []


def test_every_line_is_json_and_the_fields_are_those_of_the_table(server: Server) -> None:
    moved = Paths(server.home).database
    aside = moved.rename(moved.with_suffix(".aside"))
    until(lambda: server.get("/health/ready").status_code == 503, seconds=5)
    aside.rename(moved)
    until(server.ready, seconds=5)
    seen = {name for line in lines(server) for name in line} | json.loads(formatted(Json(), raised())).keys()
    assert seen == FIELDS.keys() - ELSEWHERE
    for line in lines(server):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])


def test_what_is_logged_after_an_answer_carries_its_request(
    home: Path, tiny_model: Path, tiny_embedder: Embedder
) -> None:
    write_article(home, "goodwill.md", "---\naudience: agent\n---\n# Goodwill\n\nGoodwill is up to 200 yuan.\n")
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    with serving(home, tiny_model, environment={"KB_MIN_CONFIDENCE": "0"}) as server:
        answer = server.client.post("/api/answers", json={"question": "goodwill"})
        mine = answer.headers["x-request-id"]
        until(lambda: mine in server.log.read_text("utf-8"))
        until(lambda: "goodwill would answer it" in server.log.read_text("utf-8"))
        about = [line for line in lines(server) if line.get("request_id") == mine]
    assert [line["logger"] for line in about] == ["kb.web", "kb.withheld"]


def raised() -> logging.LogRecord:
    """A record of an error with values in its text, in its cause's and in its frames."""
    try:
        try:
            int(PLANTED)
        except ValueError as error:
            raise KeyError(PLANTED) from error
    except KeyError:
        return logging.LogRecord("kb.web", logging.ERROR, __file__, 1, "unexpected", None, sys.exc_info())


def formatted(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.format(record)


@pytest.mark.parametrize("formatter", [Json(), Lines()])
def test_an_exception_is_told_by_class_and_place_without_values(formatter: logging.Formatter) -> None:
    text = formatted(formatter, raised())
    assert "KeyError < ValueError" in text
    assert re.search(r"test_logs\.py:\d+ raised", text)
    assert "\n" not in text
    assert [trace for trace in TRACES if trace in text] == []


def test_a_library_is_quoted_without_its_values_and_kb_with_them() -> None:
    for name, expected in (("asyncio", "socket of %s failed"), ("kb.web", f"socket of {PHONE} failed")):
        record = logging.LogRecord(name, logging.WARNING, __file__, 1, "socket of %s failed", (PHONE,), None)
        assert json.loads(formatted(Json(), record))["event"] == expected


def test_a_field_that_the_table_lacks_does_not_get_out() -> None:
    record = logging.makeLogRecord({"name": "kb", "msg": "x", **fields(status=200, question=PLANTED)})
    told = json.loads(formatted(Json(), record))
    assert told["status"] == 200
    assert PLANTED not in told.values()


def test_a_defect_in_a_request_is_logged_with_its_id_and_without_its_values(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(_: Service) -> None:
        raise ValueError(PLANTED)

    service, metrics = Service(centre.paths, centre.settings, "http://127.0.0.1:1"), Metrics()
    stream, handler = io.StringIO(), logging.StreamHandler()
    handler.setStream(stream)
    handler.setFormatter(Json())
    logging.getLogger("kb").addHandler(handler)
    try:
        app = create_app(service, Reception(centre.paths, centre.settings), Admission(1))
        with TestClient(app=Requests(app, metrics)) as client:  # type: ignore[arg-type]
            monkeypatch.setattr(Service, "knowledge", property(defect))
            answer = client.get("/api/search", params={"q": PLANTED})
    finally:
        logging.getLogger("kb").removeHandler(handler)
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    (line,) = [line for line in told if line.get("error") == "ValueError"]
    assert line["request_id"] == answer.json()["request_id"] == answer.headers["x-request-id"]
    assert any("kb" in frame or "web/api.py" in frame for frame in line["stack"])
    assert [trace for trace in TRACES if trace in stream.getvalue()] == []


def test_the_form_and_the_level_of_the_log_are_settings(tmp_path: Path) -> None:
    for name, known in (("log", logs.FORMATS), ("log_level", logs.LEVELS)):
        with pytest.raises(SettingsError, match=f"{name}: 'loud' is none of {', '.join(known)}"):
            load_settings(tmp_path, {}, {f"KB_{name.upper()}": "loud"})


def test_text_is_for_people(home: Path, tiny_model: Path) -> None:
    write_article(home, "refund.md", REFUND)
    with serving(home, tiny_model, environment={"KB_LOG": "text"}) as server:
        server.search("refund")
        until(lambda: "route=/api/search status=200" in server.log.read_text("utf-8"))
    assert all(line.startswith("kb: ") for line in server.log.read_text("utf-8").splitlines())


def test_kbs_own_message_of_an_error_is_told() -> None:
    record = logging.LogRecord("kb", logging.ERROR, __file__, 1, "%s", (StoreError("disk full: free some"),), None)
    assert json.loads(formatted(Json(), record))["event"] == "disk full: free some"

"""More questions than can be answered: refused at once, told when to come again, and never at the cost of health."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from conftest import Centre, write_article
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Scope
from scraping import OPEN, scraped, total
from server_process import free_port, serving, until

from kb.access.reception import Reception
from kb.config import load_settings
from kb.errors import SettingsError
from kb.service import Service
from kb.slots import lent
from kb.web import admission
from kb.web.admission import Admission
from kb.web.api import create_app

BODY = json.dumps({"question": "how does the lamp shine"}).encode()
HEAD = f"POST /api/answers HTTP/1.1\r\nHost: kb\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()


@pytest.fixture
def lamp(centre: Centre) -> Centre:
    """An indexed home with one article."""
    write_article(centre.home, "lamp.md", "# Lamp\n\nThe lamp is green.\n")
    centre.reindex()
    return centre


@contextmanager
def served(centre: Centre, given: Admission) -> Iterator[httpx.Client]:
    """That home, served by this process with an admission of the test's own."""
    port = free_port()
    reception = Reception(centre.paths, centre.settings)
    app = create_app(Service(centre.paths, centre.settings, "http://127.0.0.1:1"), reception, given)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def assert_told_to_come_again(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (answer.json()["status"], answer.json()["title"]) == (503, "Unavailable")
    assert f"ask again in {answer.headers['retry-after']} s" in answer.json()["detail"]


def test_beyond_the_limit_a_question_is_refused_at_once_and_health_never(lamp: Centre, tiny_model: Path) -> None:
    limit = {"KB_MAX_REQUESTS": "2"}
    with serving(lamp.home, tiny_model, environment=limit | OPEN) as server, ExitStack() as opened:
        address = ("127.0.0.1", server.port)
        holding = [opened.enter_context(socket.create_connection(address)) for _ in range(2)]
        for connection in holding:
            connection.sendall(HEAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            assert connection.recv(100).startswith(b"HTTP/1.1 100"), "it is let in, and its body awaited"
        assert_told_to_come_again(server.get("/api/search", q="lamp"))
        assert_told_to_come_again(server.client.post("/api/answers", content=BODY))
        assert {server.get(path).status_code for path in ("/health/live", "/health/ready", "/schema")} == {200}
        samples = scraped(server)
        assert total(samples, "kb_admission_refusals_total", why="full") == 2
        assert (total(samples, "kb_questions_at_hand"), total(samples, "kb_questions_waiting")) == (2, 2)
        for connection in holding:
            connection.sendall(BODY)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        until(lambda: server.get("/api/search", q="lamp").status_code == 200)


def test_a_question_that_waited_too_long_for_a_thread_is_told_to_come_again(lamp: Centre) -> None:
    given = Admission(8, wait_seconds=0.0)
    with served(lamp, given) as client:
        assert_told_to_come_again(client.get("/api/search?q=lamp"))
        assert_told_to_come_again(client.post("/api/answers", content=BODY))
        assert client.get("/health/ready").status_code == 200
    assert (given.refused, given.at_hand, given.waiting) == ({"late": 2}, 0, 0)


def test_a_body_that_does_not_come_gives_its_place_back(lamp: Centre) -> None:
    given = Admission(1, body_seconds=0.3)
    with served(lamp, given) as client:
        with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as slow:
            slow.sendall(HEAD + BODY[:5])
            received = b"".join(iter(lambda: slow.recv(65536), b"")).decode()
        assert received.startswith("HTTP/1.1 408")
        assert '"title":"Request Timeout"' in received
        assert given.refused == {"slow_body": 1}
        assert client.get("/api/search?q=lamp").status_code == 200


def test_sixty_four_questions_are_in_threads_at_once(lamp: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for all the others, as questions do that wait for a shared run of the model."""
    together = threading.Barrier(64)
    checked: Callable[[Admission], None] = Admission.check_wait

    def waiting(self: Admission) -> None:
        checked(self)
        with lent():
            together.wait(60)

    monkeypatch.setattr(Admission, "check_wait", waiting)
    with served(lamp, Admission(256, wait_seconds=60)) as client:

        async def ask() -> list[int]:
            limits = httpx.Limits(max_connections=64)
            async with httpx.AsyncClient(base_url=client.base_url, timeout=60, limits=limits) as many:
                answers = await asyncio.gather(*(many.get("/api/search?q=lamp") for _ in range(64)))
            return [answer.status_code for answer in answers]

        assert asyncio.run(ask()) == [200] * 64


def test_retry_after_is_the_number_at_hand_times_the_mean_time_of_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(admission.time, "monotonic", lambda: now[0])
    given, scope = Admission(2), {"type": "http"}

    async def seven_seconds(*_: Any) -> None:
        now[0] += 7.0

    async def told() -> str:
        await run(given, scope, seven_seconds)
        may_end = asyncio.Event()

        async def waiting(*_: Any) -> None:
            await may_end.wait()

        at_hand = [asyncio.create_task(run(given, scope, waiting)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(HTTPException) as refused:
            await run(given, scope, waiting)
        may_end.set()
        await asyncio.gather(*at_hand)
        return (refused.value.headers or {})["Retry-After"]

    assert asyncio.run(told()) == "14"


async def run(given: Admission, scope: Any, app: Any) -> None:
    """One request through `given` to an application."""

    async def nothing(*_: Any) -> Any:
        return {}

    asgi: ASGIApp = app
    typed: Scope = scope
    await given.handle(typed, nothing, nothing, asgi)


def test_the_schema_describes_the_refusal_and_its_header(lamp: Centre) -> None:
    with served(lamp, Admission(1)) as client:
        paths = client.get("/schema/openapi.json").json()["paths"]
    for operation in (paths["/api/search"]["get"], paths["/api/answers"]["post"]):
        refusal = operation["responses"]["503"]
        assert refusal["headers"]["Retry-After"]["schema"]["type"] == "integer"
        assert list(refusal["content"]) == ["application/problem+json"]
        assert {"200", "400"} <= set(operation["responses"])
    assert "503" in paths["/health/ready"]["get"]["responses"]


@pytest.mark.parametrize("name", ["max_requests", "budget_ms"])
def test_a_limit_that_no_service_can_keep_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{name}: -1 "):
        load_settings(tmp_path, {}, {f"KB_{name.upper()}": "-1"})
    assert load_settings(tmp_path, {}, {"KB_BUDGET_MS": "0"}).budget_ms == 0

"""How often who may call: counted for all workers together, and told when to come again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from litestar.exceptions import ClientException
from litestar.testing import TestClient

from kb.access import limits
from kb.access.keys import create_key
from kb.access.limits import WINDOW_SECONDS, Limits
from kb.access.reception import Reception
from kb.config import Paths, Settings, load_settings
from kb.errors import SettingsError
from kb.service import Service
from kb.web import entrance
from kb.web.admission import Admission
from kb.web.api import create_app


class Clock:
    """A time that a test moves."""

    now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "time", made)
    return made


def let_in(one: Limits, who: str, limit: int, tries: int) -> int:
    return sum(one.wait(who, limit) == 0 for _ in range(tries))


@pytest.mark.parametrize("limit", [1, 7, 50, 60, 1000])
def test_within_a_minute_exactly_so_many_are_let_in_and_then_as_many_again(
    home: Path, clock: Clock, limit: int
) -> None:
    counted = Limits(Paths(home))
    assert let_in(counted, "a", limit, limit + 20) == limit
    seconds = counted.wait("a", limit)
    assert 1 <= seconds <= WINDOW_SECONDS
    clock.now += seconds
    assert let_in(counted, "a", limit, limit + 20) == limit


def test_each_caller_has_a_count_of_its_own(home: Path, clock: Clock) -> None:
    counted = Limits(Paths(home))
    assert let_in(counted, "a", 5, 9) == 5
    assert let_in(counted, "b", 5, 9) == 5


def test_workers_share_one_count_and_never_let_in_more(home: Path, clock: Clock) -> None:
    workers = [Limits(Paths(home)) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        many = [pool.submit(let_in, workers[n % 4], "a", 200, 100) for n in range(8)]
        total = sum(one.result() for one in many)
    assert 200 - 4 * (200 // 50) <= total <= 200


def test_most_calls_cost_no_write(home: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, taken = Limits(Paths(home)), []
    real = limits.limits.take
    monkeypatch.setattr(limits.limits, "take", lambda *a, **k: taken.append(a[1]) or real(*a, **k))
    assert let_in(counted, "a", 1_000, 900) == 900
    assert len(taken) == 45
    let_in(counted, "a", 1_000, 100)
    taken.clear()
    assert let_in(counted, "a", 1_000, 50) == 0
    assert len(taken) <= 1, "who is refused until the minute ends needs no write to be refused"


def test_what_is_over_is_not_kept(home: Path, clock: Clock) -> None:
    counted = Limits(Paths(home))
    for number in range(20):
        counted.wait(f"address {number}", 5)
    clock.now += WINDOW_SECONDS + 1
    counted.wait("address last", 5)
    assert counted._journal is not None
    assert counted._journal.execute("SELECT count(*) FROM limits").fetchone()[0] == 1


@pytest.fixture
def client(home: Path) -> TestClient[Any]:
    settings = Settings(key_requests=5, address_requests=3)
    reception = Reception(Paths(home), settings)
    create_key(Paths(home), "admin")
    return TestClient(create_app(Service(Paths(home), settings, ""), reception, Admission(8)))


def test_beyond_the_limit_anybody_and_a_key_are_told_when_to_come_again(home: Path, client: TestClient[Any]) -> None:
    key, other = ({"Authorization": f"Bearer {create_key(Paths(home), 'agent').key}"} for _ in range(2))
    assert [client.get("/api/session").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [client.get("/api/session", headers=key).status_code for _ in range(7)] == [200] * 5 + [429] * 2
    assert client.get("/api/session", headers=other).status_code == 200
    refused = client.get("/api/session", headers=key)
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.json()["status"], refused.json()["title"]) == (429, "Too Many Requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert f"come again in {refused.headers['retry-after']} s" in refused.json()["detail"]
    assert {client.get(path).status_code for path in ("/health/live", "/schema/openapi.json")} == {200}


def test_guessing_keys_counts_against_the_address(client: TestClient[Any]) -> None:
    guesses = [client.get("/api/session", headers={"Authorization": f"Bearer kb_{n}"}).status_code for n in range(5)]
    assert guesses == [401, 401, 401, 429, 429]


def test_no_limit_is_none(home: Path) -> None:
    settings = Settings(address_requests=0)
    client = TestClient(create_app(Service(Paths(home), settings, ""), Reception(Paths(home), settings), Admission(8)))
    assert {client.get("/api/session").status_code for _ in range(100)} == {200}
    with pytest.raises(SettingsError, match="key_requests: -1 is too small"):
        load_settings(home, {"key_requests": -1}, {})


def test_a_body_that_does_not_come_is_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "BODY_SECONDS", 0.01)

    async def never() -> Any:
        await asyncio.sleep(30)

    async def whole_then_late() -> Any:
        if not came:
            came.append(True)
            return {"type": "http.request", "body": b"x", "more_body": False}
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    came: list[bool] = []

    async def both() -> Any:
        with pytest.raises(ClientException) as told:
            await entrance.in_time(never)()
        receive = entrance.in_time(whole_then_late)
        return told.value.status_code, (await receive())["type"], (await receive())["type"]

    assert asyncio.run(both()) == (408, "http.request", "http.disconnect")


def test_the_body_of_a_sign_in_is_bounded(client: TestClient[Any]) -> None:
    assert client.post("/api/session", json={"name": "a", "password": "x" * 300_000}).status_code == 413

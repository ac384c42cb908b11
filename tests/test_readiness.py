"""Ready is what can answer: a service under which something breaks says which, and says so again when it is mended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Centre, write_article
from server_process import Server, serving, until
from test_admission import lamp, served

from kb import readiness
from kb.config import Paths
from kb.errors import StoreError
from kb.following import Following
from kb.readiness import Probe
from kb.search import generation
from kb.service import Service
from kb.web import health
from kb.web.admission import Admission

__all__ = ["lamp"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Server]:
    """A running server over an article that it indexed by itself."""
    home = tmp_path_factory.mktemp("ready") / "home"
    with serving_empty(home, tiny_model) as running:
        assert running.get("/health/live").json() == {"status": "ok", "generation": None, "failed": []}
        assert set(running.get("/health/ready").json()["failed"]) <= {"indexed", "database"}
        write_article(home, "lamp.md", "# Lamp\n\nThe lamp is green.\n")
        until(running.ready)
        until(lambda: running.finds("lamp", "lamp"))
        yield running


@contextmanager
def serving_empty(home: Path, model: Path) -> Iterator[Server]:
    (home / "articles").mkdir(parents=True)
    with serving(home, model, wait=False) as running:
        until(running.listening, seconds=90)
        yield running


def failed(server: Server) -> set[str]:
    """The checks that fail."""
    answer = server.get("/health/ready")
    assert (answer.status_code == 200) == (answer.json()["status"] == "ok") == (answer.json()["failed"] == [])
    return set(answer.json()["failed"])


def database(home: Path) -> Path:
    return Paths(home).database


def built(name: str) -> Callable[[Path], Path]:
    """A file of the live generation."""

    def find(home: Path) -> Path:
        index = Paths(home).index
        folder = generation.folder(index, generation.read_manifest(index).generation)
        return sorted(folder.rglob(name))[0]

    return find


def manifest(home: Path) -> Path:
    return generation.manifest_file(Paths(home).index)


DAMAGES = [
    pytest.param(find, check, damage, id=f"{name} {damage}")
    for name, find, check, damages in (
        ("database", database, "database", ("gone", "empty", "garbage")),
        ("vectors", built("vectors.*"), "files", ("gone", "empty")),
        ("keywords", built("*.term"), "files", ("gone", "empty")),
        ("manifest", manifest, "files", ("gone", "garbage")),
    )
    for damage in damages
]


@pytest.mark.parametrize(("find", "check", "damage"), DAMAGES)
def test_what_breaks_under_a_server_is_named_until_it_is_mended(
    server: Server, find: Callable[[Path], Path], check: str, damage: str
) -> None:
    file = find(server.home)
    until(lambda: failed(server) == set())
    aside = file.with_name(file.name + ".aside")
    file.rename(aside)
    if damage != "gone":
        file.write_bytes(b"" if damage == "empty" else b"nonsense" * 4096)
    try:
        until(lambda: failed(server) == {check}, seconds=5)
        assert server.get("/health/live").status_code == 200
    finally:
        aside.rename(file)
    until(lambda: failed(server) == set(), seconds=5)
    assert server.finds("lamp", "lamp")


def test_a_database_put_in_place_of_the_one_that_is_read_is_noticed(server: Server) -> None:
    file = database(server.home)
    aside = file.with_name("aside.sqlite")
    file.rename(aside)
    file.write_bytes(aside.read_bytes())
    try:
        until(lambda: failed(server) == {"database"}, seconds=5)
    finally:
        file.unlink()
        aside.rename(file)
    until(lambda: failed(server) == set(), seconds=5)


@pytest.fixture
def service(lamp: Centre) -> Iterator[Service]:
    """A service in this process."""
    running = Service(lamp.paths, lamp.settings, "http://127.0.0.1:1")
    running.start()
    try:
        yield running
    finally:
        running.stop()


def test_a_journal_that_cannot_be_written_makes_a_service_unready(service: Service) -> None:
    trouble: list[str | None] = ["the disk is full", None]
    probe = Probe(service, lambda: trouble[0])
    assert dict(probe.look().failed) == {"journal": "the disk is full"}
    trouble.pop(0)
    until(lambda: probe.look().ok, seconds=5)


def test_a_follower_that_cannot_look_for_long_makes_a_service_unready(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Probe(service)
    assert probe.look().ok
    monkeypatch.setattr(readiness, "FOLLOWING_SECONDS", 0.5)

    def cannot(_: Following) -> None:
        raise StoreError("the disk does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(Following, "look", cannot)
        until(lambda: set(probe.look().failed) == {"following"}, seconds=5)
        assert service.lost == (), "it goes on trying"
    until(lambda: probe.look().ok, seconds=5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_follower_that_a_defect_has_ended_leaves_a_process_neither_ready_nor_alive(
    lamp: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(lamp, Admission(8)) as client:
        assert client.get("/health/live").status_code == 200

        def defect(_: Following) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(Following, "look", defect)
        until(lambda: client.get("/health/live").status_code == 503, seconds=5)
        until(lambda: client.get("/health/ready").json()["failed"] == ["following"], seconds=5)


def test_health_is_told_while_every_thread_has_a_question(lamp: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    release, admission = threading.Event(), Admission(256)
    monkeypatch.setattr(Admission, "check_wait", lambda _: release.wait(60))
    with served(lamp, admission) as client, ThreadPoolExecutor(66) as callers:
        asked = [callers.submit(httpx.get, f"{client.base_url}/api/search?q=lamp", timeout=60) for _ in range(66)]
        try:
            until(lambda: admission.at_hand == 66)
            assert {client.get(f"/health/{what}").status_code for what in ("live", "ready")} == {200}
        finally:
            release.set()
        assert {answer.result().status_code for answer in asked} == {200}


def test_a_look_that_hangs_is_answered_within_a_bound(lamp: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.2)
    with served(lamp, Admission(8)) as client:
        looked = Probe.look

        def hanging(probe: Probe) -> Any:
            release.wait(60)
            return looked(probe)

        monkeypatch.setattr(Probe, "look", hanging)
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["failed"]) == (503, ["probe"])
        release.set()
        until(lambda: client.get("/health/ready").status_code == 200, seconds=5)

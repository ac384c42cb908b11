"""Background work stands still while questions are at hand, goes on between them, and always comes to its end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from server_process import until

from kb.config import Settings
from kb.courtesy import Courtesy
from kb.errors import UsageError
from kb.service import Service
from kb.web.metrics import Metrics
from kb.web.switchboard import Switchboard


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A child process that works without end."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


def stands_still(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_child_stands_still_while_a_question_is_at_hand_and_goes_on_after_it(
    worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.courtesy._STANDING", 1.0)
    courtesy = Courtesy()
    with courtesy.shown_by(worker.pid):
        assert not stands_still(worker.pid)
        courtesy.came()
        courtesy.came()
        until(lambda: stands_still(worker.pid))
        courtesy.went()
        assert stands_still(worker.pid)
        courtesy.went()
        until(lambda: not stands_still(worker.pid))


def test_under_questions_without_end_a_child_works_some_of_the_time(worker: subprocess.Popen[bytes]) -> None:
    courtesy = Courtesy()
    courtesy.came()
    with courtesy.shown_by(worker.pid):
        for _ in range(3):
            until(lambda: stands_still(worker.pid))
            until(lambda: not stands_still(worker.pid))


def test_a_child_goes_on_when_nobody_stops_it_any_more(worker: subprocess.Popen[bytes]) -> None:
    courtesy = Courtesy()
    courtesy.came()
    with courtesy.shown_by(worker.pid):
        until(lambda: stands_still(worker.pid))
    until(lambda: not stands_still(worker.pid))
    courtesy.went()


def test_a_child_that_ends_meanwhile_is_no_trouble(worker: subprocess.Popen[bytes]) -> None:
    courtesy = Courtesy()
    with courtesy.shown_by(worker.pid):
        worker.kill()
        worker.wait()
        courtesy.came()
        courtesy.went()


def test_questions_of_many_threads_are_counted_right() -> None:
    courtesy = Courtesy()

    def ask() -> None:
        for _ in range(1_000):
            courtesy.came()
            courtesy.went()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert courtesy.at_hand == 0


def test_what_is_looked_up_for_a_call_or_as_somebody_types_is_at_hand_too() -> None:
    courtesy, seen = Courtesy(), []

    async def run() -> None:
        board = Switchboard(cast(Service, None), Settings(), cast(Metrics, None), courtesy)
        await board.look_up(lambda: seen.append(courtesy.at_hand))
        with pytest.raises(UsageError):
            await board.look_up(fail)
        board.close()

    asyncio.run(run())
    assert seen == [1]
    assert courtesy.at_hand == 0


def fail() -> None:
    raise UsageError("nothing")

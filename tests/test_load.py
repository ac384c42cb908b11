"""Under the load of two hundred sessions nothing fails and nothing grows; killed under it, it loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from conftest import SAMPLE
from sample_files import read_lines
from server_process import serving, until
from sessions import Report, Sessions

from kb.access.keys import create_key
from kb.config import Paths

QUESTIONS = [golden["question"] for golden in read_lines(SAMPLE / "golden.jsonl")]
SECONDS, SATURATING, SHARE = 30, 4, 0.7
CLIENTS = 32
"""Enough to keep the service busy without end, and so few that none is told to come again."""
GROWTH = 1.05
UNLIMITED = {"KB_KEY_REQUESTS": "0", "KB_ADDRESS_REQUESTS": "0"}


@pytest.fixture
def home(sample_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_home, tmp_path / "home"))


def agent(home: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(Paths(home), 'agent').key}"}


def memory(pid: int) -> int:
    """Kilobytes that a process has in memory, its share of what it has in common with others (PSS)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def test_two_hundred_sessions_at_seven_tenths_of_what_it_can_do_get_no_error_and_nothing_grows(home: Path) -> None:
    with serving(home, "bundled", environment=UNLIMITED) as server:
        sessions = Sessions(f"http://127.0.0.1:{server.port}", agent(home), QUESTIONS)
        most = sessions.closed(SATURATING, CLIENTS)
        sessions.open(SHARE * most.rate, SECONDS / 3)  # caches fill up to their bounds
        before = memory(server.pid)
        report = sessions.open(SHARE * most.rate, SECONDS)
        after = memory(server.pid)
    assert not report.failures
    assert len(report.ms) > SECONDS
    assert after <= GROWTH * before


def test_killed_under_load_it_comes_back_and_all_that_was_acknowledged_is_there(home: Path) -> None:
    found: list[Report] = []
    headers = agent(home)
    with serving(home, "bundled", environment=UNLIMITED) as server:
        sessions = Sessions(f"http://127.0.0.1:{server.port}", headers, QUESTIONS)
        load = threading.Thread(target=lambda: found.append(sessions.closed(6, 32)))
        load.start()
        until(lambda: len(told_of(home)) > 20)
        os.kill(server.pid, signal.SIGKILL)
        load.join()
    (report,) = found
    assert report.failures, "it was killed while they asked"
    assert len(report.acknowledged) > 10
    assert set(report.acknowledged) <= told_of(home)
    with serving(home, "bundled", environment=UNLIMITED) as again:
        assert again.search(QUESTIONS[0])["hits"]
        assert not sessions_of(again.port, headers).open(20, 2).failures


def sessions_of(port: int, headers: dict[str, str]) -> Sessions:
    return Sessions(f"http://127.0.0.1:{port}", headers, QUESTIONS, sessions=8)


def told_of(home: Path) -> set[str]:
    """The ids of the feedback that is on the disk."""
    if not Paths(home).journal.exists():
        return set()
    with closing(sqlite3.connect(Paths(home).journal)) as db:
        try:
            return {row[0] for row in db.execute("SELECT id FROM signals")}
        except sqlite3.OperationalError:
            return set()  # not made yet

"""The measuring itself: what the load's clients count, what they ask, and what plots are drawn from."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "bench"))

import rows  # noqa: E402
from crowd import Fresh, clients  # noqa: E402 - bench/ is no package: its scripts are run from there
from rows import SHARES, built, rows_home  # noqa: E402
from scaled import Source  # noqa: E402

from kb.config import Paths, load_settings  # noqa: E402
from kb.progress import silent  # noqa: E402
from kb.reader import Reader  # noqa: E402
from kb.search.embedding import describe  # noqa: E402
from kb.writer import Writer, writer_lock  # noqa: E402


class Scripted(BaseHTTPRequestHandler):
    """Answers 503 to every tenth question, and 200 to the others, once `gate` is open."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[str]] = Counter()
    gate: ClassVar = threading.Event()

    def do_GET(self) -> None:
        self.gate.wait(10)
        self.asked[parse_qs(urlsplit(self.path).query)["q"][0]] += 1
        self.send_response(503 if self.asked.total() % 10 == 0 else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Roomy(ThreadingHTTPServer):
    """Room for all clients to connect at once: one turned away tries again after a second."""

    request_queue_size = 64


@contextmanager
def scripted() -> Iterator[int]:
    """The port of a server that answers as `Scripted` does."""
    Scripted.asked.clear()
    Scripted.gate.clear()
    server = Roomy(("127.0.0.1", 0), Scripted)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        Scripted.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_question_is_asked_twice_in_a_run() -> None:
    assert max(Counter(Fresh().take(20_000)).values()) == 1


def test_clients_ask_each_question_once_and_count_every_failure() -> None:
    with scripted() as port, clients(port, Fresh()) as crowd:
        Scripted.gate.set()
        replies = crowd.closed(8, 0.5)
        more = crowd.closed(2, 0.2)
    assert len(replies.ms) + len(more.ms) == Scripted.asked.total() == len(Scripted.asked)
    assert replies.failed + more.failed == Scripted.asked.total() // 10
    assert set(filter(None, replies.failures + more.failures)) == {"status 503"}


def test_a_question_that_waited_for_a_busy_server_is_timed_from_when_it_was_due() -> None:
    with scripted() as port, clients(port, Fresh()) as crowd:
        Scripted.gate.set()
        crowd.closed(1, 0.1)  # its process runs from here on
        Scripted.gate.clear()
        crowd.begin(50, 1.0)
        threading.Timer(3.0, Scripted.gate.set).start()
        replies = crowd.ended()
    answered = replies.due + replies.ms / 1000
    assert len(replies.ms) > 20
    assert replies.ms.min() > 1_000  # all were due in the first second, none could be answered before three had passed
    assert np.ptp(answered) < np.ptp(replies.due)


def test_a_reindex_finds_nothing_to_do_in_a_home_of_rows_written_straight_into_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(1)
    axes = chance.normal(size=(5, describe("bundled").dim)).astype(np.float32)
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    made_of = [Source(f"d{n}", "a filter", f"the filter {n} is changed twice a year", "en", axes[n]) for n in range(5)]
    monkeypatch.setattr(rows, "sources", lambda _: made_of)
    home = rows_home(tmp_path, 500)
    assert built(home) > 0
    settings = load_settings(home, {}, {})
    assert len(Reader(Paths(home), describe(settings.model)).view.vectors) == 500
    with writer_lock(Paths(home)):
        summary = Writer(Paths(home), settings).reindex(silent)
    assert (summary.searchable, summary.passages, summary.embedded, summary.removed) == (500, 0, 0, 0)
    with closing(sqlite3.connect(Paths(home).database)) as db:
        counted = dict(db.execute("SELECT product, count(*) FROM passages WHERE product IS NOT NULL GROUP BY product"))
    assert counted == {product: round(500 * share) for product, share in SHARES.items()}

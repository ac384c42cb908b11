"""`kb serve` as a real process on a real port, for tests: started, waited for, and always stopped by its own pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from conftest import clean_environment
from kb_process import KbProcess

START_SECONDS = 90.0


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(claim: Callable[[], Any], *, seconds: float = 20.0, every: float = 0.02) -> float:
    """Seconds until `claim()` was true. Raises AssertionError where it did not become so."""
    started = time.monotonic()
    while not claim():
        assert time.monotonic() - started < seconds, f"not within {seconds} s: {claim}"
        time.sleep(every)
    return time.monotonic() - started


@dataclass
class Server:
    """A running `kb serve`; `log` is where its standard error goes."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | KbProcess
    log: Path
    client: httpx.Client = field(repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.client.get(path, params=parameters)

    def search(self, question: str, **parameters: Any) -> dict[str, Any]:
        """The body of a successful search."""
        answer = self.get("/api/search", q=question, **parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def finds(self, question: str, document_id: str) -> bool:
        """Whether a search's articles hold a document."""
        return any(hit["document_id"] == document_id for hit in self.search(question, k=100)["hits"])

    def ready(self) -> bool:
        """Whether /health/ready says so; False where nobody listens yet."""
        assert self.process.poll() is None, f"the server ended: {self.log.read_text('utf-8')}"
        try:
            return self.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def listening(self) -> bool:
        """Whether anything answers at its port."""
        try:
            return self.get("/health/live").status_code == 200
        except httpx.TransportError:
            return False

    def terminate(self) -> int:
        """Sends SIGTERM and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def children(self) -> list[int]:
        """The pids of its worker processes, all forked from one (see kb.web.ancestor)."""
        forked_from = [pid for pid in _children(self.pid) if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return [worker for pid in forked_from for worker in _children(pid)]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def serving(
    home: Path,
    model: Path | str,
    *arguments: str,
    wait: bool = True,
    preloaded: bool = True,
    environment: Mapping[str, str] | None = None,
    key: str | None = None,
) -> Iterator[Server]:
    """Serves `home` on a free port until the block ends; `wait` until it is ready to answer; `key` goes with each call.

    Unless `preloaded` (see kb_process), it is started as a person starts it.
    """
    port = free_port()
    log = home.with_name(f"{home.name}-{port}.log")
    command = ("--home", str(home), "serve", "--port", str(port), *arguments)
    settings = clean_environment(KB_MODEL=str(model), **(environment or {}))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=headers) as client:
        process = KbProcess(command, settings, log) if preloaded else _started(command, settings, log)
        try:
            server = Server(home, port, process, log, client)
            if wait:
                until(server.ready, seconds=START_SECONDS, every=0.05)
            yield server
        finally:
            _end(process)


def _started(command: tuple[str, ...], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "kb", *command],
            env=environment,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes] | KbProcess) -> None:
    """Ends a server and its workers: they are the only processes of the session that was made for them."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

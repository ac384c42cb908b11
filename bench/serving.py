"""`kb serve` as a real process on a real port, for measuring: its start, its workers, its memory; always stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

START_SECONDS = 300.0


@dataclass(frozen=True)
class Served:
    """A running server that is ready; `seconds` from its start until it said so."""

    home: Path
    port: int
    pid: int
    seconds: float

    def tree(self) -> list[int]:
        """Its process and all below it."""
        found, waiting = [], [self.pid]
        while waiting:
            found.append(waiting.pop())
            for task in Path(f"/proc/{found[-1]}/task").glob("*/children"):
                waiting += [int(pid) for pid in task.read_text().split()]
        return found

    def memory(self) -> dict[int, float]:
        """Megabytes of each process: its own pages, and its share of those that it has in common with others (PSS)."""
        return {pid: pss(pid) for pid in self.tree()}

    def connections(self, workers: int) -> dict[int, HTTPConnection]:
        """A connection to each worker process, by its pid: which one took it is read from the system's own tables.

        Raises RuntimeError where not all were met within minutes.
        """
        met: dict[int, HTTPConnection] = {}
        until = time.monotonic() + START_SECONDS
        while len(met) < workers:
            if time.monotonic() > until:
                raise RuntimeError(f"met {len(met)} of {workers} workers")
            several = [HTTPConnection("127.0.0.1", self.port, timeout=30) for _ in range(8)]
            for connection in (*several, *met.values()):  # those met too: a server closes one that is idle for seconds
                connection.request("GET", "/health/live")
            for connection in (*several, *met.values()):
                connection.getresponse().read()
            for connection in several:
                if met.setdefault(self._holder(connection), connection) is not connection:
                    connection.close()
        return met

    def _holder(self, connection: HTTPConnection) -> int:
        """The process at the other end."""
        ours = connection.sock.getsockname()[1]
        ends = rf":{self.port:04X} \w+:{ours:04X} .*"
        table = Path("/proc/net/tcp").read_text()
        line = next(line for line in table.splitlines() if re.search(ends, line))
        socket_name = f"socket:[{line.split()[9]}]"
        return next(pid for pid in self.tree() if socket_name in _open_files(pid))


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[Served]:
    """Serves `home`, all its workers ready, until the block ends, however it ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KB_") or k == "KB_MODEL_DIR"}
    command = [sys.executable, "-m", "kb", "--home", str(home), "serve", "--port", str(port), *arguments]
    command[3:3] = ["--set", "address_requests=0"]  # a crowd of strangers at one address is what is measured
    log = home / "serve.log"
    started = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    try:
        while not answers(port, "/health/ready"):
            if process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise RuntimeError(f"the server did not start: {log.read_text('utf-8')[-2_000:]}")
            time.sleep(0.02)
        yield Served(home, port, process.pid, time.monotonic() - started)
    finally:
        _end(process)


def answers(port: int, path: str) -> bool:
    """Whether a path gives 200 now."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def settled(served: Served) -> None:
    """Waits until the server holds the writer's lock and has done its own first reindex."""
    until = time.monotonic() + START_SECONDS
    while not (served.home / "index" / "server.json").exists() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(3)


def pss(pid: int) -> float:
    """Megabytes of a process by PSS; 0 where it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def _open_files(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            found.add(str(entry.readlink()))
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a server and its workers: they are the only processes of the session that was made for them."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

"""Many clients of one server in one lean process: keep-alive sockets and epoll, no HTTP library; run by crowd.py.

`client.py PORT KEY` reads orders from standard input, one JSON object a line, and answers each with one line:

- `{"do": "closed", "clients", "seconds", "questions"}`: each client asks its next question when it has its answer.
- `{"do": "open", "rate", "seconds", "seed", "questions"}`: questions arrive at random (Poisson, `rate` a second),
  however busy the server is; time is counted from the moment a question was due, so that one kept waiting counts as
  such. Any further input ends it early.

The answer holds `replies`, `[due, milliseconds, failure or null]` each, `due` in seconds of the monotonic clock, which
all processes share, and `cpu`, the seconds of processor time that this process took.
"""

from __future__ import annotations

import json
import os
import random
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

GIVE_UP_SECONDS = 30.0
MOST_CONNECTIONS = 512
STALE_SECONDS = 3.0
"""A server closes a connection that is idle for longer (uvicorn: 5 s); a question sent just then would be lost."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """One keep-alive connection, and the question that waits on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due, self.used, self._got = 0.0, time.monotonic(), b""

    def send(self, request: bytes, due: float) -> None:
        """Asks; the last answer must have been read."""
        self.due, self._got = due, b""
        self.socket.sendall(request)

    def read(self) -> int | None:
        """The status once the answer is whole. Raises ConnectionError where the server closed."""
        if not (part := self.socket.recv(1 << 18)):
            raise ConnectionResetError("closed by the server")
        self._got += part
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = _LENGTH.search(self._got, 0, end)
        if length is None or len(self._got) < end + 4 + int(length[1]):
            return None
        self.used = time.monotonic()
        return int(self._got[9:12])


class Crowd:
    """Sends requests in their order and notes what became of each; keeps its connections from run to run."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._requests: list[bytes] = []
        self._next = 0
        self._watched = selectors.DefaultSelector()
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._replies: list[tuple[float, float, str | None]] = []

    def obey(self, order: dict[str, Any]) -> list[tuple[float, float, str | None]]:
        """What became of each question of an order, in the order of the answers."""
        self._requests, self._next, self._replies = [], 0, []
        self._requests = [_request(question, self._key) for question in order["questions"]]
        if order["do"] == "closed":
            self._closed(order["clients"], order["seconds"])
        else:
            self._open(order["rate"], order["seconds"], order["seed"])
        return self._replies

    def _closed(self, clients: int, seconds: float) -> None:
        """Each of `clients` asks without a pause."""
        until = time.monotonic() + seconds
        for _ in range(clients):
            self._ask(time.monotonic())
        while self._busy:
            freed = self._collect(0.5)
            if (now := time.monotonic()) < until:
                for _ in range(freed):
                    self._ask(now)

    def _open(self, rate: float, seconds: float, seed: int) -> None:
        """Questions come when they come."""
        self._watched.register(0, selectors.EVENT_READ)
        for due in _arrivals(rate, seconds, seed):
            if self._next >= len(self._requests) or not self._waited(due):
                break
            self._ask(due)
        while self._busy:
            self._collect(0.5)
        self._watched.unregister(0)

    def _waited(self, due: float) -> bool:
        """Reads answers until `due`, and while all connections are taken; False where told to end."""
        while True:
            left = due - time.monotonic()
            if self._collect(max(0.0, left)) < 0:
                return False
            if left <= 0 and len(self._busy) < MOST_CONNECTIONS:
                return True

    def _ask(self, due: float) -> None:
        if self._next >= len(self._requests):
            return
        request = self._requests[self._next]
        self._next += 1
        try:
            connection = self._free() or self._connected()
            connection.send(request, due)
            self._busy.add(connection)
        except OSError as error:
            self._note(due, repr(error))

    def _free(self) -> Connection | None:
        """A connection that waits for a question, and not for so long that the server may be closing it."""
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - connection.used < STALE_SECONDS:
                return connection
            self._drop(connection)
        return None

    def _connected(self) -> Connection:
        connection = Connection(self._port)
        self._watched.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _collect(self, timeout: float) -> int:
        """Reads what has come within `timeout` seconds; how many clients are free again, or -1 where told to end."""
        freed = 0
        for key, _ in self._watched.select(timeout):
            if key.data is None:
                os.read(0, 1 << 16)
                return -1
            freed += self._read(key.data)
        now = time.monotonic()
        for connection in [c for c in self._busy if now - c.due > GIVE_UP_SECONDS]:
            self._lose(connection, "no answer")
            freed += 1
        return freed

    def _read(self, connection: Connection) -> int:
        """How many clients are free again: one where its answer is whole, or lost."""
        waited = connection in self._busy
        try:
            status = connection.read()
        except OSError as error:
            self._lose(connection, repr(error)) if waited else self._drop(connection)
            return int(waited)
        if status is None:
            return 0
        self._busy.discard(connection)
        self._idle.append(connection)
        self._note(connection.due, None if status == 200 else f"status {status}")
        return 1

    def _lose(self, connection: Connection, why: str) -> None:
        self._drop(connection)
        self._note(connection.due, why)

    def _note(self, due: float, failure: str | None) -> None:
        self._replies.append((due, 1000 * (time.monotonic() - due), failure))

    def _drop(self, connection: Connection) -> None:
        self._watched.unregister(connection.socket)
        connection.socket.close()
        self._busy.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


def _arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    chance, due = random.Random(seed), time.monotonic()
    until = due + seconds
    while (due := due + chance.expovariate(rate)) < until:
        yield due


def _request(question: str, key: str) -> bytes:
    head = "Host: 127.0.0.1\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "") + "\r\n"
    return f"GET /api/search?q={quote(question)}&k=10 HTTP/1.1\r\n{head}".encode()


def main() -> None:
    """Obeys orders until the input ends."""
    crowd = Crowd(int(sys.argv[1]), sys.argv[2])
    while line := _line():
        cpu = time.process_time()
        replies = crowd.obey(json.loads(line))
        print(json.dumps({"replies": replies, "cpu": time.process_time() - cpu}), flush=True)


def _line() -> bytes:
    """One line, and nothing after it: what follows ends a run that is under way."""
    got = bytearray()
    while not got.endswith(b"\n") and (part := os.read(0, 1 << 16)):
        got += part
    return bytes(got)


if __name__ == "__main__":
    main()

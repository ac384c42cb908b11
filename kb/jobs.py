"""Handing a job to the server that holds the lock, over loopback, told apart by a token.

The server writes `index/server.json` (mode 0600); who may read that file may write here and see all.

Messages are JSON.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import msgspec

from kb import errors
from kb.errors import KbError, StoreBusy
from kb.progress import Progress

Handler = Callable[[Mapping[str, Any], Progress], Any]
_LOOPBACK = "127.0.0.1"
_FAILURES = (OSError, EOFError, AuthenticationError)
_GREETING_SECONDS = 5.0
"""A server that does not even say so much hangs, or is none."""


class ServerFile(msgspec.Struct, frozen=True):
    """Where the server that holds the writer's lock listens for jobs, and where it serves HTTP."""

    pid: int
    port: int
    token: str
    url: str


def server_file(index: Path) -> Path:
    """The file that a running server leaves for the other commands of its home."""
    return index / "server.json"


class JobServer:
    """Takes jobs until closed, each on a thread of its own; `handlers` decide what runs at the same time."""

    def __init__(self, index: Path, url: str, handlers: Mapping[str, Handler]) -> None:
        token = secrets.token_hex(32)
        self._listener, self._key = Listener((_LOOPBACK, 0)), token.encode()
        self._handlers, self._file, self._closing = handlers, server_file(index), False
        _write_private(self._file, ServerFile(os.getpid(), self._listener.address[1], token, url))
        threading.Thread(target=self._listen, name="kb-jobs", daemon=True).start()

    def close(self) -> None:
        """Takes no more jobs."""
        self._closing = True
        self._file.unlink(missing_ok=True)
        self._listener.close()

    def _listen(self) -> None:
        while not self._closing:
            try:
                connection = self._listener.accept()
            except OSError:
                continue  # the asker left already, or the listener was closed
            if self._closing:
                connection.close()
                return
            threading.Thread(target=self._serve, args=(connection,), name="kb-job", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        """Here, not where connections are accepted, so that a silent stranger keeps nobody else waiting."""
        with connection, suppress(*_FAILURES):  # a stranger is turned away; an asker may leave, its job goes on
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            request = msgspec.json.decode(connection.recv_bytes())
            connection.send_bytes(msgspec.json.encode(self._run(request, connection)))

    def _run(self, request: Mapping[str, Any], connection: Connection) -> dict[str, Any]:
        def tell(stage: str, done: int, total: int) -> None:
            with suppress(*_FAILURES):
                connection.send_bytes(msgspec.json.encode({"progress": [stage, done, total]}))

        try:
            return {"result": self._handlers[request["job"]](request["arguments"], tell)}
        except KbError as error:
            known = next(one.__name__ for one in type(error).__mro__ if hasattr(errors, one.__name__))
            return {"error": known, "told": error.told}


def reach_server(index: Path) -> Connection | None:
    """A connection to the server of this home; None where none runs, whatever file a killed one left."""
    try:
        found = msgspec.json.decode(server_file(index).read_bytes(), type=ServerFile)
        connection = Client((_LOOPBACK, found.port))
    except (*_FAILURES, msgspec.DecodeError):
        return None
    try:
        return _greeted(connection, found.token.encode())
    except _FAILURES:
        connection.close()
        return None


def _greeted(connection: Connection, key: bytes) -> Connection:
    """Each side shows the other that it knows the key."""
    if not connection.poll(_GREETING_SECONDS):
        raise TimeoutError("the server does not greet")
    answer_challenge(connection, key)
    deliver_challenge(connection, key)
    return connection


def ask_server(
    connection: Connection,
    job: str,
    arguments: Mapping[str, Any],
    progress: Progress,
    *,
    patience: float | None = None,
) -> Any:
    """Runs a job in the server at the other end and returns its result as plain values.

    Raises what the job raised, or StoreBusy where the server ended before the job did, or said nothing for `patience`
    seconds.
    """
    try:
        with connection:
            connection.send_bytes(msgspec.json.encode({"job": job, "arguments": arguments}))
            return _result(connection, progress, patience)
    except _FAILURES as error:
        raise StoreBusy(
            f"the server broke off before this {job} was done: look at its log, then run the command again"
        ) from error


def _result(connection: Connection, progress: Progress, patience: float | None) -> Any:
    while True:
        if not connection.poll(patience):
            raise TimeoutError("the server says nothing")
        message = msgspec.json.decode(connection.recv_bytes())
        if "progress" in message:
            progress(*message["progress"])
        elif "error" in message:
            raise getattr(errors, message["error"])(*message["told"])
        else:
            return message["result"]


def _write_private(file: Path, content: ServerFile) -> None:
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(msgspec.json.encode(content))
    temporary.replace(file)

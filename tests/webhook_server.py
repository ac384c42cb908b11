"""A centre's webhook on the loopback interface, for tests: keeps what it is sent and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """What came, in order, with its headers; `status`, `reply` and `headers` are what the next is answered with."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.taken: list[dict[str, Any]] = []
        self.status, self.headers = 200, dict[str, str]()
        self.reply: Any = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/handovers"

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.got.append((headers, body))
        if self.status < 300:
            self.taken.append(json.loads(body))
        return self.status, json.dumps(self.reply).encode()


@contextmanager
def webhook(port: int = 0) -> Iterator[Webhook]:
    """Listens until the block ends."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, reply = hook.answer({k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

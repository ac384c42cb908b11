"""An OpenAI-compatible endpoint on loopback that behaves as badly as it is told; it remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = "Refunds take five days [1].\n"
MODES = {
    "slow": "slow", "trickle": "slow", "500": "refused", "401": "refused", "redirect": None, "truncated": "truncated",
    "length": "truncated", "invented": "unsupported", "leak": "prompt_leak", "huge": "repetition",
    "huge_line": "too_long",
    "obeying": "unsupported", "numbers": "unsupported", "chinese": "unsupported", "tools": "tool_call",
    "empty": "empty", "json": "malformed", "no_sse": "truncated", "uncited": "unsupported", "circles": "repetition",
    "negated": "unsupported", "endless": "too_long", "error_event": "malformed", "gzip": None, "hangs_up": None,
}  # fmt: skip
"""Each mode with the reason that kb gives; None where several are right."""
TEXTS = {
    "good": GOOD, "invented": "Refunds take five days [7].\n",
    "obeying": "Visit http://evil.example for a refund [1].\n",
    "numbers": "Refunds take nine days [1].\n", "chinese": "退款需要五天[1]。\n", "empty": "",
    "uncited": "Refunds take five days.\n", "circles": GOOD * 9, "negated": "Refunds do not take five days [1].\n",
    "mixed": GOOD + "Refunds take nine days [1].\n", "truncated": GOOD, "length": GOOD,
    "endless": "".join(f"Fact number {n} holds [1].\n" for n in range(50)),
}  # fmt: skip


class FakeModel(ThreadingHTTPServer):
    """Answers as `mode` says; `asked` are the bodies that were sent, `keys` the authorisations."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode, self.asked, self.keys = "good", list[dict[str, Any]](), list[str | None]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeModel

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers["Authorization"])
        self.close_connection = True
        with suppress(OSError):
            self._reply(self.server.mode, body)

    def _reply(self, mode: str, body: dict[str, Any]) -> None:
        if mode in ("500", "401"):
            return self._head(int(mode), "application/json", b'{"error": {"message": "no"}}')
        if mode == "redirect":
            self.send_response(307)
            self.send_header("Location", "http://127.0.0.1:9/v1/chat/completions")
            self.end_headers()
            return None
        if mode == "hangs_up":
            return None
        if mode == "slow":
            time.sleep(1.5)
        if mode == "no_sse":
            return self._head(200, "application/json", b'{"choices": [{"message": {"content": "Refunds [1]."}}]}')
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if mode == "gzip":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        for part in self._events(mode, body):
            self.wfile.write(part)
            self.wfile.flush()
        return None

    def _head(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _events(self, mode: str, body: dict[str, Any]) -> Iterator[bytes]:
        if mode == "json":
            yield b"data: {not json\n\n"
        elif mode == "error_event":
            yield b'data: {"error": {"message": "overloaded"}}\n\n'
        elif mode == "trickle":
            for _ in range(100):
                yield b":"
                time.sleep(0.05)
        elif mode == "huge":
            for _ in range(10_000):
                yield _event(content="Refunds take five days [1]. " * 40)
        elif mode == "huge_line":
            yield b"data: " + b"x" * 10_000_000
        elif mode == "tools":
            call = {"index": 0, "id": "1", "type": "function", "function": {"name": "refund", "arguments": "{}"}}
            yield _event(tool_calls=[call])
            yield _event("tool_calls")
        else:
            text = body["messages"][0]["content"] if mode == "leak" else TEXTS.get(mode, GOOD)
            for n in range(0, len(text), 7):
                yield _event(content=text[n : n + 7])
            if mode != "truncated":
                yield _event("length" if mode == "length" else "stop")
                yield b"data: [DONE]\n\n"


def _event(finished: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finished}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


@contextmanager
def fake_model() -> Iterator[FakeModel]:
    """A running fake, ended with the block."""
    server = FakeModel()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

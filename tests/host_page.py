"""Another site, for tests: pages that show the chat, with styles that would spoil it and scripts of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>* {{ all: unset !important; font-size: 90px !important; color: red !important; }}
head, script, style, title {{ display: none !important; }}</style>
<main><a href="/{language}/second">Next</a></main>
<script src="{service}/widget.js" async data-language="{language}"
  data-context="region:UK; plan:Gold"></script></html>"""


class Host:
    """A site at `port`; `service` is where its pages load the chat from."""

    def __init__(self, port: int) -> None:
        self.port, self.service = port, ""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def hosting() -> Iterator[Host]:
    """Serves until the block ends; the path begins with the page's language."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            language = self.path.split("/")[1] or "en"
            body = PAGE.format(language=language, service=host.service).encode()
            self.send_response(200 if language in ("en", "zh") else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host = Host(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The pages over loopback: how long until the first byte of each, and how much a browser loads without pictures.

The sample is served as a person starts it (`kb serve`). Each page is asked for as its reader asks: over a connection
that is open already, with their session's cookie. Weight counts what is sent of the page, its styles and all
scripts that they import.
"""

from __future__ import annotations

import argparse
import gzip
import re
import shutil
import statistics
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from serving import serving
from sets import ROOT

from kb.access.callers import Role
from kb.access.people import create_person
from kb.config import Paths, load_settings
from kb.progress import silent
from kb.writer import Writer, writer_lock

TIMES, WARM = 200, 5
PASSWORD = "correct horse battery"
PAGES: tuple[tuple[str, Role | None], ...] = (
    ("/", None), ("/?lang=zh", None), ("/articles/en/returns/refund-time", None), ("/signin", None), ("/widget", None),
    ("/agent", "agent"), ("/agent?lang=zh", "agent"), ("/edit", "editor"), ("/admin", "admin"),
)  # fmt: skip
_ASSET = re.compile(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"')
_IMPORT = re.compile(r'(?:from|import) *"\./([^"]+)"')


def main() -> None:
    """Prints a table: median, 95th percentile and most, in milliseconds; bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as temporary:
        home = _home(Path(temporary) / "home")
        with serving(home) as server:
            port = server.port
            cookies = {role: _signed_in(port, role) for role in ("agent", "editor", "admin")}
            print(f"## Pages over loopback: the first byte, {times} requests each\n")
            print("| page | p50 ms | p95 ms | most ms | bytes sent |\n|---|---|---|---|---|")
            for path, role in PAGES:
                _tell(port, path, cookies.get(role or ""), times)


def _home(home: Path) -> Path:
    home.mkdir()
    shutil.copytree(ROOT / "articles", home / "articles")
    for name in ("kb.toml", "synonyms.txt"):
        shutil.copy(ROOT / name, home / name)
    paths = Paths(home)
    with writer_lock(paths):
        writer = Writer(paths, load_settings(home, {}, {}))
        writer.reindex(silent)
        writer.close()
    for role in ("agent", "editor", "admin"):
        create_person(paths, role, PASSWORD, role)
    return home


def _signed_in(port: int, name: str) -> str:
    connection = HTTPConnection("127.0.0.1", port)
    body = f"name={name}&password={PASSWORD.replace(' ', '+')}&next=/"
    connection.request("POST", "/signin", body, {"Content-Type": "application/x-www-form-urlencoded"})
    reply = connection.getresponse()
    cookie = reply.headers["Set-Cookie"].partition(";")[0]
    connection.close()
    return cookie


def _tell(port: int, path: str, cookie: str | None, times: int) -> None:
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Accept": "text/html"} | ({"Cookie": cookie} if cookie else {})
    took = []
    for number in range(WARM + times):
        started = time.perf_counter()
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        first = reply.read(1)
        ended = time.perf_counter()
        page = first + reply.read()
        if reply.status != 200:
            print(f"| `{path}` | status {reply.status} | | | |")
            return
        if number >= WARM:
            took.append((ended - started) * 1000)
    took.sort()
    weight = len(page) + sum(_assets(connection, set(_ASSET.findall(page.decode()))).values())
    p95 = took[int(len(took) * 0.95)]
    print(f"| `{path}` | {statistics.median(took):.1f} | {p95:.1f} | {took[-1]:.1f} | {weight:,} |")


def _assets(connection: HTTPConnection, wanted: set[str]) -> dict[str, int]:
    """The bytes of each, and of what they import."""
    known: dict[str, int] = {}
    while wanted:
        path = wanted.pop()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        reply = connection.getresponse()
        sent = reply.read()
        known[path] = len(sent)
        text = (gzip.decompress(sent) if reply.headers["Content-Encoding"] == "gzip" else sent).decode()
        wanted |= {f"{path.rpartition('/')[0]}/{name}" for name in _IMPORT.findall(text)} - known.keys()
    return known


if __name__ == "__main__":
    main()

"""Edits and full rebuilds of a served home while questions arrive: how soon they are found, and what they cost.

- A file in `articles/` is changed and `kb reindex` is run against the server. Each worker process is asked again and
  again over a connection of its own, until it finds the edit; the time counts from the report of `kb reindex`, and is 0
  where it was found before (a server also watches the folder by itself).
- `kb reindex --full` builds the whole index anew and swaps it in; latency then, from the command's start to its end, is
  set against latency in the quiet seconds before.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from crowd import Clients, Fresh, Replies, clients
from serving import Served, serving, settled
from sets import kb, say

PATIENCE_SECONDS = 60.0
LONGEST_SECONDS = 900.0


def edits(home: Path, workers: int, fresh: Fresh, rate: float, count: int) -> dict[str, Any]:
    """Prints how long `count` edits took to reach all of `workers`, `rate` questions a second arriving meanwhile."""
    say(f"{count} edits, {workers} workers")
    article = home / "articles" / "edited.md"
    article.parent.mkdir(parents=True, exist_ok=True)
    with serving(home, "--workers", str(workers)) as served, clients(served.port, fresh, served.key) as crowd:
        settled(served)
        connections = list(served.connections(workers).values())
        crowd.begin(rate, LONGEST_SECONDS)
        try:
            taken = [_edited(article, number, connections) for number in range(count)]
        finally:
            replies = crowd.stop()
            article.unlink(missing_ok=True)
            kb(home, "reindex")
    reported, found = zip(*taken, strict=True)
    after = [max(0.0, all_found - said) for said, all_found in taken]
    under = f"{workers} worker{'s' * (workers > 1)}, {rate:.0f} questions a second"
    print(f"| {count} edits, {under}; seconds | median | max |\n|---|---:|---:|")
    for name, values in (
        ("saved until `kb reindex` reported it", reported),
        ("saved until every worker found it", found),
        ("**reported until every worker found it**", after),
    ):
        print(f"| {name} | {statistics.median(values):.2f} | {max(values):.2f} |")
    print(f"\n{replies.losses()} meanwhile.\n", flush=True)
    return {"reported": reported, "found": found, "after": after, "failed": replies.failed}


def _edited(article: Path, number: int, connections: Sequence[HTTPConnection]) -> tuple[float, float]:
    """Seconds from saving until the command reported the edit, and until the last worker found it."""
    word = f"zq{number:03d}x{time.time_ns() % 1_000_000:06d}"
    article.write_text(f"# Filter {word}\n\nThe filter {word} is changed twice a year.\n", "utf-8")
    saved = time.monotonic()
    found: list[float] = []
    reported = threading.Event()
    asking = [threading.Thread(target=_follow, args=(one, word, saved, found, reported)) for one in connections]
    for thread in asking:
        thread.start()
    try:
        kb(article.parent.parent, "reindex")
        said = time.monotonic() - saved
    finally:
        reported.set()
        for thread in asking:
            thread.join()
    if len(found) < len(connections):
        raise RuntimeError(f"{word}: {len(found)} of {len(connections)} workers found it in {PATIENCE_SECONDS:.0f} s")
    return said, max(found)


def _follow(connection: HTTPConnection, word: str, saved: float, found: list[float], reported: threading.Event) -> None:
    """Asks until the edit is found, then keeps the connection: a server closes an idle one after seconds."""
    while word not in _read(connection, f"/api/search?q={quote(f'filter {word}')}&k=3"):
        if time.monotonic() - saved > PATIENCE_SECONDS:
            return
        time.sleep(0.02)
    found.append(time.monotonic() - saved)
    while not reported.wait(1.0):
        _read(connection, "/health/live")


def _read(connection: HTTPConnection, path: str) -> str:
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def rebuilds(served: Served, crowd: Clients, rate: float, count: int, quiet: float) -> dict[str, Any]:
    """Prints what questions cost while everything is rebuilt, and before it."""
    under = f"{rate:.0f} questions a second"
    print(f"| `kb reindex --full`, {under} | took s | p95 quiet, ms | p95 during, ms | ratio | failed |")
    print("|---|---:|---:|---:|---:|---:|")
    ratios, failed = [], 0
    for number in range(count):
        say(f"rebuild {number + 1} of {count}")
        before, during, took = _rebuilt(served, crowd, rate, quiet)
        (calm,), (busy,) = before.at(95), during.at(95)
        ratios.append(busy / calm)
        failed += before.failed + during.failed
        cells = f"{took:.1f} | {calm:.1f} | {busy:.1f} | {busy / calm:.2f} | {during.failed}"
        print(f"| {number + 1} | {cells} |", flush=True)
    print(f"\nMedian ratio **{statistics.median(ratios):.2f}**, {failed} failed.\n", flush=True)
    return {"ratios": ratios, "failed": failed}


def _rebuilt(served: Served, crowd: Clients, rate: float, quiet: float) -> tuple[Replies, Replies, float]:
    crowd.begin(rate, LONGEST_SECONDS)
    time.sleep(quiet)
    started = time.monotonic()
    summary = json.loads(kb(served.home, "reindex", "--full", "--json").stdout)
    ended = time.monotonic() + 1.0  # the swap of readers that look for it
    time.sleep(1.0)
    replies = crowd.stop()
    say(f"generation {summary['generation']}, {summary['seconds']} s; {replies.losses()}")
    return replies.between(started - quiet, started), replies.between(started, ended), ended - 1.0 - started

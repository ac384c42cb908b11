"""A generated centre of short articles for measurements, and its watching server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PLACES = ("kitchen", "cellar", "garage", "attic", "garden")
STEPS = ("unplug it and wait", "press the reset button", "clean the filter", "close the valve", "tighten the hose")


def write_articles(home: Path, count: int) -> None:
    """`count` articles, Chinese and English in turn, each of a few sentences."""
    for number in range(count):
        write_article(home, number, "first")


def write_article(home: Path, number: int, word: str) -> None:
    """One article that holds `word`."""
    name, place, step = f"X{number:04d}", PLACES[number % 5], STEPS[number // 5 % 5]
    english = f"# Model {name}\n\nModel {name} is made for the {place}. If it stops, {step}. Edition {word}.\n"
    chinese = f"# 型号 {name}\n\n型号 {name} 适合家用。停机时先断电，再等 {number % 60 + 1} 秒。版本 {word}。\n"
    file = home / "articles" / f"x{number:04d}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(english if number % 2 else chinese, "utf-8")


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def watching_server(home: Path) -> Iterator[httpx.Client]:
    """`kb serve` on a free port, ready to answer and holding the writer's lock; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KB_") or k == "KB_MODEL_DIR"}
    command = [sys.executable, "-m", "kb", "--home", str(home), "serve", "--port", str(port)]
    command[3:3] = ["--set", "address_requests=0"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            while not (_ready(client) and (home / "index" / "server.json").exists()):
                time.sleep(0.1)
            time.sleep(2)  # its own first reindex
            yield client
    finally:
        process.terminate()
        process.wait()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False

"""Clients of a server, driven from here, and what became of their questions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scaled import questions

MOST_PER_SECOND = 1_000
"""More questions a second than any server here answers."""


class Fresh:
    """Questions of which none is asked twice."""

    def __init__(self) -> None:
        self._source, self._waiting = questions(), deque[str]()

    def coming(self, count: int) -> list[str]:
        """The next ones, not yet asked."""
        while len(self._waiting) < count:
            self._waiting.append(next(self._source))
        return [self._waiting[at] for at in range(count)]

    def asked(self, count: int) -> None:
        """The next ones are used up."""
        for _ in range(count):
            self._waiting.popleft()

    def take(self, count: int) -> list[str]:
        """The next ones, used up."""
        taken = self.coming(count)
        self.asked(count)
        return taken


@dataclass(frozen=True)
class Replies:
    """By question: when it was due (seconds of the monotonic clock), milliseconds until its answer, and its failure.

    `cpu` is what the clients themselves took, in seconds of processor time.
    """

    due: NDArray[np.float64]
    ms: NDArray[np.float64]
    failures: tuple[str | None, ...]
    cpu: float

    @property
    def failed(self) -> int:
        """How many got no answer, or another status than 200."""
        return sum(failure is not None for failure in self.failures)

    def losses(self) -> str:
        """How many failed, and of what."""
        reasons = Counter(failure for failure in self.failures if failure is not None)
        listed = "; ".join(f"{reason}: {count}" for reason, count in reasons.most_common(3))
        return f"{self.failed} of {len(self.ms)} questions failed{f' ({listed})' if listed else ''}"

    def rate(self, seconds: float) -> float:
        """Answers a second, from the tenth part of a run of `seconds` to its end."""
        start = float(self.due.min())
        ended = self.due + self.ms / 1000
        good = np.array([failure is None for failure in self.failures])
        return float(np.count_nonzero(good & (ended > start + 0.1 * seconds) & (ended <= start + seconds))) / (
            0.9 * seconds
        )

    def between(self, start: float, end: float) -> Replies:
        """Those that were due in `[start, end)`; the clients' own time is left as it is."""
        chosen = np.flatnonzero((self.due >= start) & (self.due < end))
        return Replies(self.due[chosen], self.ms[chosen], tuple(self.failures[at] for at in chosen), self.cpu)

    def share(self) -> float:
        """The part of one hardware thread that the clients took."""
        return self.cpu / float((self.due + self.ms / 1000).max() - self.due.min())

    def at(self, *percentiles: float) -> tuple[float, ...]:
        """Milliseconds."""
        return tuple(float(value) for value in np.percentile(self.ms, percentiles))


class Clients:
    """The process of the clients."""

    def __init__(self, process: subprocess.Popen[bytes], fresh: Fresh) -> None:
        self._process, self.fresh = process, fresh

    def closed(self, clients: int, seconds: float) -> Replies:
        """Each of `clients` asks its next question when it has its answer."""
        count = int(seconds * MOST_PER_SECOND)
        self._order({"do": "closed", "clients": clients, "seconds": seconds, "questions": self.fresh.coming(count)})
        return self.ended()

    def one(self, question: str) -> float:
        """Milliseconds of one question, asked by one client."""
        self._order({"do": "closed", "clients": 1, "seconds": 0, "questions": [question]})
        return float(self._said().ms[0])

    def open(self, rate: float, seconds: float, seed: int = 1) -> Replies:
        """Questions arrive at random, `rate` a second."""
        self.begin(rate, seconds, seed)
        return self.ended()

    def begin(self, rate: float, seconds: float, seed: int = 1) -> None:
        """As `open`, in the background, until `stop` or for `seconds`."""
        count = int(rate * seconds * 1.2) + 100
        questions = self.fresh.coming(count)
        self._order({"do": "open", "rate": rate, "seconds": seconds, "seed": seed, "questions": questions})

    def stop(self) -> Replies:
        """Ends what was begun."""
        self._write(b"stop\n")
        return self.ended()

    def ended(self) -> Replies:
        """The replies, once a run has ended."""
        replies = self._said()
        self.fresh.asked(len(replies.due))
        return replies

    def _said(self) -> Replies:
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        due, ms, failures = zip(*said["replies"], strict=True)
        return Replies(np.array(due), np.array(ms), failures, said["cpu"])

    def _order(self, order: dict[str, Any]) -> None:
        self._write(json.dumps(order).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()


@contextmanager
def clients(port: int, fresh: Fresh, key: str = "") -> Iterator[Clients]:
    """Clients of the server at a port of the loopback interface, who send a key; ended with the block."""
    script = Path(__file__).with_name("client.py")
    process = subprocess.Popen(
        [sys.executable, script, str(port), key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=-1,
    )
    try:
        yield Clients(process, fresh)
    finally:
        process.kill()
        process.communicate()  # closes the pipes too

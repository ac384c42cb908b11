"""Courtesy of background work to questions: it stands still while any is at hand, but never for most of its time.

The lowest priority is not enough: on the other hardware thread of a core it slows a question all the same.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STANDING = 0.7
"""The share of its time that work stands still at most: under a load that never pauses it ends all the same."""
_TICK_SECONDS = 0.02


class Courtesy:
    """Counts the questions at hand, and stops one process of this one's children meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_hand = 0
        self._pid: int | None = None
        self._began = self._stood = 0.0
        self._stopped_at: float | None = None

    def __deepcopy__(self, _: object) -> Courtesy:
        """Itself: Litestar copies what middleware holds, and a copy would count for nobody."""
        return self

    def came(self) -> None:
        """A question is at hand."""
        with self._lock:
            self._at_hand += 1
            self._consider()

    def went(self) -> None:
        """A question is done."""
        with self._lock:
            self._at_hand -= 1
            self._consider()

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Until the block ends, a question is at hand."""
        self.came()
        try:
            yield
        finally:
            self.went()

    @property
    def at_hand(self) -> int:
        """Questions that came and are not done."""
        return self._at_hand

    @contextmanager
    def shown_by(self, pid: int) -> Iterator[None]:
        """Until the block ends, the child process `pid` stands still while questions are at hand."""
        ended = threading.Event()
        with self._lock:
            self._pid, self._began, self._stood, self._stopped_at = pid, time.monotonic(), 0.0, None
        pace = threading.Thread(target=self._pace, args=(ended,), name="kb-courtesy", daemon=True)
        pace.start()
        try:
            yield
        finally:
            ended.set()
            pace.join()
            with self._lock:
                self._go_on()
                self._pid = None

    def _pace(self, ended: threading.Event) -> None:
        while not ended.wait(_TICK_SECONDS):
            with self._lock:
                self._consider()

    def _consider(self) -> None:
        """Stops or continues the child as is due now. The lock is held."""
        if self._pid is None:
            return
        now = time.monotonic()
        stood = self._stood + (now - self._stopped_at if self._stopped_at is not None else 0.0)
        if self._at_hand and stood <= _STANDING * (now - self._began):
            if self._stopped_at is None:
                self._stopped_at = now
                self._send(signal.SIGSTOP)
        else:
            self._go_on()

    def _go_on(self) -> None:
        if self._stopped_at is not None:
            self._stood += time.monotonic() - self._stopped_at
            self._stopped_at = None
            self._send(signal.SIGCONT)

    def _send(self, what: signal.Signals) -> None:
        """The child is waited for by whoever started it, only after the block: its pid is nobody else's."""
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, what)

"""A question's vector on its way while its words are looked for: inference leaves the interpreter to other threads.

Only where nobody else's is on its way: behind another question it would but wait in two threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from kb.search.remembered import Remembered, Vector


@dataclass(frozen=True, slots=True)
class Coming:
    """A vector that is waited for by calling it; `under_way` where another thread is at it, and this one has time."""

    result: Callable[[], Vector]
    under_way: bool = False

    def __call__(self) -> Vector:
        return self.result()


class Overlapping:
    """Gives `(dim,)` vectors of texts, at once or `soon`; safe to share between threads."""

    def __init__(self, embed: Remembered) -> None:
        self._embed = embed
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="kb-embed")
        self._idle = threading.Lock()

    def __call__(self, text: str) -> Vector:
        """The vector of a text."""
        return self._embed(text)

    def soon(self, text: str) -> Coming:
        """Starts on the vector of a text where nobody waits for another; else it is made when it is called."""
        if text in self._embed or not self._idle.acquire(blocking=False):
            return Coming(partial(self._embed, text))
        try:
            return Coming(self._pool.submit(self._start, text).result, under_way=True)
        except RuntimeError:  # the interpreter is going down: its threads take nothing more
            self._idle.release()
            return Coming(partial(self._embed, text))

    def _start(self, text: str) -> Vector:
        try:
            return self._embed(text)
        finally:
            self._idle.release()

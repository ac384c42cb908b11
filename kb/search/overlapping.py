"""A question's vector on its way while its words are looked for: inference leaves the interpreter to other threads.

Only where nobody else's is on its way: behind another question it would but wait in two threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from kb.search.remembered import Remembered, Vector


class Overlapping:
    """Gives `(dim,)` vectors of texts, at once or `soon`; safe to share between threads."""

    def __init__(self, embed: Remembered) -> None:
        self._embed = embed
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="kb-embed")
        self._idle = threading.Lock()

    def __call__(self, text: str) -> Vector:
        """The vector of a text."""
        return self._embed(text)

    def soon(self, text: str) -> Callable[[], Vector]:
        """Starts on the vector of a text, and gives what returns it, or raises why there is none."""
        if text in self._embed or not self._idle.acquire(blocking=False):
            return partial(self._embed, text)
        try:
            return self._pool.submit(self._start, text).result
        except RuntimeError:  # the interpreter is going down: its threads take nothing more
            self._idle.release()
            return partial(self._embed, text)

    def _start(self, text: str) -> Vector:
        try:
            return self._embed(text)
        finally:
            self._idle.release()

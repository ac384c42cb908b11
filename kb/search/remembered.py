"""Vectors of recent questions: one asked again costs nothing, and many known beforehand are embedded together."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future

import numpy as np
from numpy.typing import NDArray

from kb.search.embedding import size
from kb.slots import lent

BATCH = 64
Vector = NDArray[np.float32]


class Remembered:
    """Gives `(dim,)` vectors of texts by `embed`, which makes `(n, dim)`; keeps the `most` that were asked for last.

    Safe to share between threads; a text that several ask for at once is embedded once.
    """

    def __init__(self, embed: Callable[[Sequence[str]], NDArray[np.float32]], most: int) -> None:
        self._embed, self._most = embed, most
        self._held: OrderedDict[str, Vector] = OrderedDict()
        self._coming: dict[str, Future[Vector]] = {}
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def __call__(self, text: str) -> Vector:
        """The vector of a text. Raises what `embed` raises, in each thread that waited for it."""
        while True:
            with self._lock:
                if (known := self._held.get(text)) is not None:
                    self._held.move_to_end(text)
                    self.hits += 1
                    return known
                coming = self._coming.get(text)
                if coming is None:
                    self.misses += 1
                    mine = self._coming[text] = Future()
                    break
                self.hits += 1  # made for another thread just now
            try:
                with lent():
                    return coming.result()
            except CancelledError:
                continue  # whoever was embedding it was interrupted
        return self._made(text, mine)

    def ahead(self, texts: Iterable[str]) -> None:
        """Embeds in batches what is not held yet, and from now on keeps as many as these are."""
        distinct = dict.fromkeys(texts)
        self._most = max(self._most, len(distinct) + len(self._held))
        new = sorted(distinct.keys() - self._held.keys(), key=lambda text: (size(text), text))
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            self._keep(dict(zip(batch, self._embed(batch), strict=True)))

    def _made(self, text: str, promised: Future[Vector]) -> Vector:
        """Embeds a text, for this thread and those that wait for the promise."""
        try:
            vector: Vector = self._embed([text])[0]
            self._keep({text: vector})
            promised.set_result(vector)
        except Exception as error:
            promised.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._coming[text]
            promised.cancel()  # changes nothing once it was kept; after an interrupt, one of those who wait goes on
        return vector

    def _keep(self, vectors: dict[str, Vector]) -> None:
        with self._lock:
            self._held.update(vectors)
            while len(self._held) > self._most:
                self._held.popitem(last=False)

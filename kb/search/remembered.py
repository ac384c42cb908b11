"""Vectors of recent questions: one asked again costs nothing, and many known beforehand are embedded together."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kb.search.embedding import size

BATCH = 64
Vector = NDArray[np.float32]


class Remembered:
    """Gives `(dim,)` vectors of texts by `embed`, which makes `(n, dim)`; keeps the `most` that were asked for last.

    Safe to share between threads.
    """

    def __init__(self, embed: Callable[[Sequence[str]], NDArray[np.float32]], most: int) -> None:
        self._embed, self._most = embed, most
        self._held: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, text: str) -> Vector:
        with self._lock:
            if (known := self._held.get(text)) is not None:
                self._held.move_to_end(text)
                return known
        vector: Vector = self._embed([text])[0]
        self._keep({text: vector})
        return vector

    def __contains__(self, text: object) -> bool:
        """Whether the vector of a text is held now."""
        return text in self._held

    def ahead(self, texts: Iterable[str]) -> None:
        """Embeds in batches what is not held yet, and from now on keeps as many as these are."""
        distinct = dict.fromkeys(texts)
        self._most = max(self._most, len(distinct) + len(self._held))
        new = sorted(distinct.keys() - self._held.keys(), key=lambda text: (size(text), text))
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            self._keep(dict(zip(batch, self._embed(batch), strict=True)))

    def _keep(self, vectors: dict[str, Vector]) -> None:
        with self._lock:
            self._held.update(vectors)
            while len(self._held) > self._most:
                self._held.popitem(last=False)

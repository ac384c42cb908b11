"""The vector list: exact inner product over the base generation's FAISS index and the rows added since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt


@dataclass(frozen=True, slots=True)
class Vectors:
    """`base` holds positions 0 … n-1, `delta` `(m, dim)` float32 the m positions after it; all of unit length."""

    base: faiss.Index
    delta: NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.base.ntotal) + len(self.delta)

    def extended(self, vectors: NDArray[np.float32]) -> Vectors:
        """These vectors with `(m, dim)` more at the end."""
        return replace(self, delta=np.concatenate([self.delta, vectors])) if len(vectors) else self

    def at(self, places: Sequence[int]) -> NDArray[np.float32]:
        """`(k, dim)`: the vectors at some positions."""
        count = int(self.base.ntotal)
        return np.stack([self.base.reconstruct(p) if p < count else self.delta[p - count] for p in places])

    def search(
        self, query: NDArray[np.float32], allowed: NDArray[np.bool_], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions and cosines (in [-1, 1], higher is nearer) of the k nearest allowed rows, best first.

        `query` is `(dim,)` of unit length, `allowed` `(n + m,)`.
        """
        count = int(self.base.ntotal)
        places, cosines = self._search_base(query, allowed[:count], k)
        here = np.flatnonzero(allowed[count:])
        places = np.concatenate([places, here + count])
        cosines = np.concatenate([cosines, self.delta[here] @ query]) if len(here) else cosines
        best = np.lexsort((places, -cosines))[:k]
        return places[best], cosines[best]

    def _search_base(
        self, query: NDArray[np.float32], allowed: NDArray[np.bool_], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if not allowed.any():
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        bits = np.packbits(allowed, bitorder="little")
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg,arg-type]  # wrapped
        cosines, places = self.base.search(query[None, :], min(k, int(allowed.sum())), params=parameters)
        found = places[0] >= 0
        return places[0][found].astype(np.int64), cosines[0][found]


def build(vectors: NDArray[np.float32]) -> faiss.Index:
    """An exact index over `(n, dim)` float32 vectors of unit length."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    if len(vectors):
        index.add(np.ascontiguousarray(vectors))
    return index


def write(index: faiss.Index, file: Path) -> None:
    """Writes an index to a new file. Raises OSError."""
    with file.open("wb") as stream:  # FAISS's own writer does not notice a disk that is full when it closes the file
        faiss.write_index(index, faiss.PyCallbackIOWriter(stream.write))  # type: ignore[attr-defined]  # wrapped


def read(file: Path) -> faiss.Index:
    """An index from its file. Raises IndexCorrupt."""
    try:
        return faiss.read_index(str(file))
    except RuntimeError as error:
        raise IndexCorrupt(f"{file} cannot be read ({str(error)[:200]}): run `kb reindex`") from error

"""The vector list: inner products over the base generation's FAISS index and the rows added since.

They are exact. Over many rows, those that may be among the nearest are first found in a copy of 8 bits a dimension,
a quarter of the memory to go through: of 300 questions over 10,142 passages, its best 75 held the best 50 each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt

COARSE_FROM = 4_096
"""Base rows from which on the copy is made."""
_DEEPER = 2
"""Rows of the copy's list that are compared exactly, for each one asked for."""


@dataclass(frozen=True, slots=True)
class Coarse:
    """Vectors times `scale`, rounded to whole numbers of 8 bits."""

    index: faiss.IndexScalarQuantizer
    scale: float

    def near(self, query: NDArray[np.float32], bits: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
        """Positions of about the k nearest rows, in no certain order."""
        _, places = _search(self.index, query * np.float32(self.scale), bits, k)
        return places


@dataclass(frozen=True, slots=True)
class Vectors:
    """`base` holds positions 0 … n-1, `delta` `(m, dim)` float32 the m positions after it; all of unit length.

    `coarse` is a copy of `base`, where it is large.
    """

    base: faiss.Index
    delta: NDArray[np.float32]
    coarse: Coarse | None = None

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
        bits, most = np.packbits(allowed, bitorder="little"), int(np.count_nonzero(allowed))
        if self.coarse is None:
            cosines, places = _search(self.base, query, bits, min(k, most))
            return places, cosines
        places = self.coarse.near(query, bits, min(_DEEPER * k, most))
        return places, self.base.reconstruct_batch(places) @ query


def _search(
    index: faiss.Index, query: NDArray[np.float32], bits: NDArray[np.uint8], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Inner products and positions of the k best rows among those whose bit is set, best first."""
    parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg,arg-type]  # wrapped
    products, places = index.search(query[None, :], k, params=parameters)
    found = places[0] >= 0
    return products[0][found], places[0][found].astype(np.int64)


def opened(base: faiss.Index) -> Vectors:
    """The vectors of a generation, with their copy where there are many."""
    count, dim = int(base.ntotal), int(base.d)
    return Vectors(base, np.zeros((0, dim), np.float32), _coarse(base) if count >= COARSE_FROM else None)


def _coarse(base: faiss.Index) -> Coarse:
    whole = base.reconstruct_n(0, int(base.ntotal))
    scale = 127.0 / max(float(np.abs(whole).max()), 1e-6)
    index = faiss.IndexScalarQuantizer(
        int(base.d), faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    index.add(np.rint(whole * np.float32(scale)))
    return Coarse(index, scale)


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

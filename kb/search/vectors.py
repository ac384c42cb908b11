"""The vector list: inner products over the rows of a generation and those added since.

They are exact while that is fast. Over more rows the candidates come from clusters in 8 bits, and the best of them are
compared exactly: what is shown and weighed is always the cosine of the vectors as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt
from kb.search import clusters, rows
from kb.search.clusters import Clusters
from kb.search.mapped import mapped, saved
from kb.search.rows import Matrix, Rows

CLUSTERED_FROM = 8_192
"""Rows from which on a generation has clusters: exact search over fewer takes less than a millisecond."""
_DEEPER = 2
"""Candidates that are compared exactly, for each row asked for."""
_INDEX, _ROWS, _MEMBERS = "vectors.faiss", "vectors.f32", "vectors.clusters.npy"

# One thread a search: with more, FAISS waits in a barrier for threads that a busy machine has no core for.
faiss.omp_set_num_threads(1)


@dataclass(frozen=True, slots=True)
class Near:
    """The FAISS index of a generation's vectors: exact, or that of `clusters`, of which a search sees `reach` rows."""

    index: faiss.Index
    clusters: Clusters | None
    reach: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a search may find, ready for it: `mask` is `(n,)` by position, `bits` of the generation's rows.

    `most` counts those of the generation; `counts` those by cluster, where there are clusters. `left_out` is for who
    searches by words to note how many rows of a lane are not among them.
    """

    mask: NDArray[np.bool_]
    later: NDArray[np.bool_]
    bits: NDArray[np.uint8]
    most: int
    counts: NDArray[np.int64] | None
    left_out: dict[str, int] = field(default_factory=dict, compare=False)

    @property
    def nothing(self) -> bool:
        """Whether nothing may be found."""
        return not self.most and not self.later.any()


@dataclass(frozen=True, slots=True)
class Vectors:
    """`base` holds positions 0 … n-1, `delta` `(m, dim)` float32 the m positions after it; all of unit length."""

    base: Rows
    near: Near
    delta: Matrix = field(repr=False)

    def __len__(self) -> int:
        return len(self.base) + len(self.delta)

    def extended(self, vectors: Matrix) -> Vectors:
        """These vectors with `(m, dim)` more at the end."""
        return replace(self, delta=np.concatenate([self.delta, vectors])) if len(vectors) else self

    def at(self, places: Sequence[int] | NDArray[np.int64]) -> Matrix:
        """`(k, dim)`: the vectors at some positions."""
        wanted, count = np.asarray(places, np.int64), len(self.base)
        found = np.empty((len(wanted), self.base.dim), np.float32)
        in_base = wanted < count
        found[in_base] = self.base.at(wanted[in_base])
        found[~in_base] = self.delta[wanted[~in_base] - count]
        return found

    def select(self, mask: NDArray[np.bool_]) -> Selection:
        """`(n + m,)` bool by position as what `search` takes: worth keeping for the next question."""
        count = len(self.base)
        own, held = mask[:count], self.near.clusters
        counts = None if held is None else held.counts(own)
        return Selection(mask, mask[count:], np.packbits(own, bitorder="little"), int(np.count_nonzero(own)), counts)

    def search(self, query: Matrix, selected: Selection, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Positions and cosines (in [-1, 1], higher is nearer) of the k nearest selected rows, best first.

        `query` is `(dim,)` of unit length.
        """
        places, cosines = self._search_base(query, selected, k)
        if selected.later.any():
            here = np.flatnonzero(selected.later)
            places = np.concatenate([places, here + len(self.base)])
            cosines = np.concatenate([cosines, (self.delta @ query)[here]])
        best = np.lexsort((places, -cosines))[:k]
        return places[best], cosines[best]

    def _search_base(self, query: Matrix, selected: Selection, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if not selected.most:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        if self.near.clusters is not None and selected.counts is not None:
            deeper = min(_DEEPER * k, selected.most)
            places = self.near.clusters.near(query, selected.bits, selected.counts, self.near.reach, deeper)
            return places, self.base.at(places) @ query
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(selected.bits))  # type: ignore[call-arg,arg-type]  # wrapped
        cosines, found = self.near.index.search(query[None, :], min(k, selected.most), params=parameters)
        return found[0], cosines[0]


def write_rows(folder: Path, pieces: Iterable[Matrix]) -> int:
    """Writes the vectors of a new generation, piece by piece, and returns how many there are. Raises OSError."""
    return rows.write(folder / _ROWS, pieces)


def build(folder: Path, count: int, dim: int) -> Vectors:
    """Makes and writes the index over the `count` vectors that were written. Raises OSError."""
    held = rows.opened(folder / _ROWS, count, dim)
    near = _exact(held) if count < CLUSTERED_FROM else _clustered(held)
    if near.clusters is not None:
        saved(folder / _MEMBERS, near.clusters.members)
    with (folder / _INDEX).open("wb") as stream:  # FAISS's own writer does not notice a full disk at closing
        faiss.write_index(near.index, faiss.PyCallbackIOWriter(stream.write))  # type: ignore[attr-defined]  # wrapped
    return Vectors(held, near, np.zeros((0, dim), np.float32))


def _exact(held: Rows) -> Near:
    index = faiss.IndexFlatIP(held.dim)
    for piece in held.chunks():
        index.add(piece)
    return Near(index, None, len(held))


def _clustered(held: Rows) -> Near:
    made, reach = clusters.build(held)
    return Near(made.index, made, reach)


def opened(folder: Path, count: int, dim: int, *, reach: int, scale: float) -> Vectors:
    """The vectors of a generation, mapped into memory. Raises IndexCorrupt."""
    try:
        held = rows.opened(folder / _ROWS, count, dim)
        index = faiss.read_index(str(folder / _INDEX), faiss.IO_FLAG_MMAP_IFC)
        members = mapped(folder / _MEMBERS) if scale else None
    except (OSError, ValueError, RuntimeError) as error:
        raise IndexCorrupt(f"{folder} has no whole vector index ({str(error)[:200]}): run `kb reindex`") from error
    if index.ntotal != count or (members is not None and len(members) != count):
        raise IndexCorrupt(f"{folder / _INDEX} holds {index.ntotal} vectors, not {count}: run `kb reindex`")
    grouped = None if members is None else Clusters(index, members, scale)
    return Vectors(held, Near(index, grouped, reach), np.zeros((0, dim), np.float32))


def files(folder: Path) -> tuple[Path, Path]:
    """The files that hold vectors, by whose sums damage is noticed."""
    return folder / _INDEX, folder / _ROWS

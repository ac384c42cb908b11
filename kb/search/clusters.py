"""Many vectors in clusters, 8 bits a dimension: a search goes through the clusters nearest to the question.

A FAISS inverted file (Sivic and Zisserman, ICCV 2003; Johnson, Douze and Jégou 2019), mapped into memory. How far a
search goes is counted in rows that the asker may find, not in clusters: under a filter it goes on until it has seen as
many of them as without one, so that a filter costs no recall, and few allowed rows are gone through to the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.search.rows import Matrix, Rows

_TRAINED_ON = 40  # rows a cluster
_ROUNDS = 6  # of k-means
_PROBED = 0.25  # of the clusters are put in order at first; all of them only where those do not suffice
_LEAST = 1_000
"""Rows that a search goes through at least."""
_ASKED = 200  # questions by which it is measured how far to go
_CLOSE = 10
_WANTED = 0.985
"""Recall@10 against exact search, from which on no search needs to go further."""
_BETWEEN = 3  # passages that such a question lies half-way between
_STEP, _MARGIN = 1.25, 2  # real questions take up to twice as many rows
_MOST = 0.4  # of all rows: what takes more than that is not found faster this way


class Clusters:
    """About the nearest of a generation's rows; safe to share between threads."""

    def __init__(self, index: Any, members: NDArray[np.int32], scale: float) -> None:
        """`index` is a faiss.IndexIVFScalarQuantizer over vectors times `scale`, rounded to whole numbers.

        `members[i]` is the cluster of row i.
        """
        self.index, self.members, self.scale = index, members, scale
        self._centroids = index.quantizer.reconstruct_n(0, int(index.nlist))

    def counts(self, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """`(clusters,)`: how many allowed rows each has."""
        return np.bincount(self.members[allowed], minlength=len(self._centroids))

    def near(
        self, query: Matrix, bits: NDArray[np.uint8], counts: NDArray[np.int64], reach: int, k: int
    ) -> NDArray[np.int64]:
        """Positions of about the k nearest of the rows whose bit is set, in no certain order.

        Goes through the nearest clusters until they held `reach` such rows; `counts` is of the same rows.
        """
        probed = self._nearest(query, counts, reach)
        parameters = faiss.SearchParametersIVF(sel=faiss.IDSelectorBitmap(bits), nprobe=len(probed))  # type: ignore[call-arg,arg-type]  # wrapped
        products, places = np.empty(k, np.float32), np.empty(k, np.int64)
        scaled = np.ascontiguousarray(query * np.float32(self.scale))
        unused = np.zeros(len(probed), np.float32)  # distances to centroids, which only codes of residuals need
        pointers = (faiss.swig_ptr(a) for a in (probed, unused, products, places))
        self.index.search_preassigned_c(1, faiss.swig_ptr(scaled), k, *pointers, False, parameters)
        return places[places >= 0]

    def _nearest(self, query: Matrix, counts: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
        """The clusters to go through, nearest first."""
        nearness = np.where(counts > 0, self._centroids @ query, -np.inf)
        some = min(len(nearness), max(16, round(_PROBED * len(nearness))))
        for candidates in (np.argpartition(-nearness, some - 1)[:some], np.arange(len(nearness))):
            ordered = candidates[np.argsort(-nearness[candidates])].astype(np.int64)
            seen = np.cumsum(counts[ordered])
            if seen[-1] >= reach:
                return ordered[: int(np.searchsorted(seen, reach)) + 1]
        return ordered[: int(np.count_nonzero(counts))]


def build(rows: Rows) -> tuple[Clusters, int]:
    """Clusters over all rows, and how many rows a search has to go through. Raises OSError."""
    chance = np.random.default_rng(len(rows))
    number = _number_of(len(rows))
    drawn = rows.at(np.sort(chance.choice(len(rows), min(len(rows), _TRAINED_ON * number), replace=False)))
    scale = 127.0 / max(max(float(np.abs(piece).max()) for piece in rows.chunks()), 1e-6)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(rows.dim), rows.dim, number, faiss.ScalarQuantizer.QT_8bit_direct_signed,
        faiss.METRIC_INNER_PRODUCT, False,
    )  # fmt: skip
    index.cp.niter, index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = _ROUNDS, _TRAINED_ON, 1
    index.train(drawn)
    members = []
    for piece in rows.chunks():
        cluster, codes = index.quantizer.search(piece, 1)[1][:, 0].copy(), np.rint(piece * np.float32(scale))
        index.add_core(len(piece), faiss.swig_ptr(codes), None, faiss.swig_ptr(cluster))
        members.append(cluster)
    made = Clusters(index, np.concatenate(members).astype(np.int32), scale)
    return made, _reach(made, rows, chance)


def _number_of(rows: int) -> int:
    """How many clusters: about twice the square root, a power of two."""
    return int(2 ** round(np.log2(2 * np.sqrt(rows))))


def _reach(made: Clusters, rows: Rows, chance: np.random.Generator) -> int:
    """The rows that a search has to go through for the recall that is wanted, measured; all, where it takes most."""
    between = [rows.at(chance.integers(0, len(rows), _ASKED)) for _ in range(_BETWEEN)]
    asked = np.sum(between, axis=0)  # as a question does, it lies between the clusters rather than in one
    asked = (asked / np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-6)).astype(np.float32)
    nearest = exact(asked, rows.chunks(), _CLOSE)
    everyone = np.ones(len(rows), bool)
    bits, counts, reach = np.packbits(everyone, bitorder="little"), made.counts(everyone), _LEAST
    while reach < _MOST * len(rows):
        found = [set(made.near(query, bits, counts, reach, 4 * _CLOSE).tolist()) for query in asked]
        if np.mean([len(near & set(right.tolist())) for near, right in zip(found, nearest, strict=True)]) >= (
            _WANTED * min(_CLOSE, len(rows))
        ):
            return min(_MARGIN * reach, len(rows))
        reach = round(_STEP * reach)
    return len(rows)


def exact(queries: Matrix, pieces: Iterable[Matrix], k: int) -> NDArray[np.int64]:
    """`(q, k)`: positions of the rows with the highest inner products, best first; -1 where there are fewer."""
    best = faiss.ResultHeap(len(queries), k, keep_max=True)
    start = 0
    for piece in pieces:
        found, places = faiss.knn(queries, piece, min(k, len(piece)), faiss.METRIC_INNER_PRODUCT)
        best.add_result(found, places + start)
        start += len(piece)
    best.finalize()
    return np.asarray(best.I)

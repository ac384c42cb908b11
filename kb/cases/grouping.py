"""Which texts are about the same: average linkage over the graph of nearest neighbours, never all with all.

Cosines are taken after a middle was subtracted (Mu and Viswanath, ICLR 2018): texts of one trade are all alike, and
what is left is what they are about. One bound then holds for both languages, where as they are they need two.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.search.clusters import exact

Matrix = NDArray[np.float32]
ALIKE = 0.31
"""The mean centred cosine from which on two groups are one, for the bundled model: from 0.24 to 0.33 all of 39 planted
cases of both languages are found; at 0.31 each is whole, and but for one stray ticket nothing else is in them."""
_NEIGHBOURS = 12
_DIFFERENT = 256  # texts that the middle is the mean of
_EXACT_UP_TO = 16_384
_DIGIT = re.compile("[0-9]")
_PROBED = 6  # of the clusters that neighbours are looked for in, beyond that


def groups(vectors: Matrix, codes: Sequence[frozenset[str]], *, alike: float = ALIKE) -> list[list[int]]:
    """The positions of `(n, dim)` unit vectors that belong together, each group by itself, singles too.

    `codes[i]` are the error codes that a text holds: two groups that hold codes of one form, such as E1 and E3, and
    none of that form in common, stay apart, however alike they are.
    """
    if len(vectors) < 2:
        return [[number] for number in range(len(vectors))]
    rows = centred(vectors)
    return _joined(rows, _edges(rows, alike / 2), codes, alike)


def centred(vectors: Matrix) -> Matrix:
    """The vectors less their middle, of unit length again.

    The middle is that of texts as different as can be (farthest-first, Gonzalez 1985), not of all: else what a third
    of all customers ask would lie in the middle, and its tickets nowhere.
    """
    rows = vectors - vectors[_different(vectors)].mean(axis=0)
    return np.ascontiguousarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6), np.float32)


def _different(vectors: Matrix) -> list[int]:
    chosen = [int(np.argmin(vectors @ vectors.mean(axis=0)))]
    nearest = vectors @ vectors[chosen[0]]
    while len(chosen) < min(_DIFFERENT, max(1, len(vectors) // 2)):
        chosen.append(int(np.argmin(nearest)))
        np.maximum(nearest, vectors @ vectors[chosen[-1]], out=nearest)
    return chosen


def _edges(rows: Matrix, least: float) -> list[tuple[int, int]]:
    """Pairs of which one is among the other's nearest, and no farther than a cosine of `least`."""
    near = _nearest(rows, min(_NEIGHBOURS + 1, len(rows)))
    found = set()
    for one, others in enumerate(near.tolist()):
        found |= {(min(one, other), max(one, other)) for other in others if other not in (-1, one)}
    pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
    close = np.einsum("ij,ij->i", rows[pairs[:, 0]], rows[pairs[:, 1]]) >= least
    return [(one, other) for one, other in pairs[close].tolist()]


def _nearest(rows: Matrix, k: int) -> NDArray[np.int64]:
    if len(rows) <= _EXACT_UP_TO:
        return exact(rows, [rows], k)
    number = int(2 * np.sqrt(len(rows)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(rows.shape[1]), rows.shape[1], number, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.max_points_per_centroid, index.nprobe = 6, 40, _PROBED
    index.train(rows)
    index.add(rows)
    return np.asarray(index.search(rows, k)[1], np.int64)


def _joined(
    rows: Matrix, edges: Sequence[tuple[int, int]], codes: Sequence[frozenset[str]], alike: float
) -> list[list[int]]:
    """Joins the two neighbouring groups of the highest mean cosine until none reaches `alike`.

    The mean cosine of two groups is the product of their mean vectors, so none of their members is looked at again.
    """
    sums: dict[int, Matrix] = dict(enumerate(rows))
    members = {number: [number] for number in sums}
    held = dict(enumerate(codes))
    beside: dict[int, set[int]] = {number: set() for number in sums}
    waiting: list[tuple[float, int, int]] = []

    def weigh(one: int, other: int) -> None:
        if _other_codes(held[one], held[other]):
            return
        mean = float(sums[one] @ sums[other]) / (len(members[one]) * len(members[other]))
        if mean >= alike:
            heapq.heappush(waiting, (-mean, one, other))

    for one, other in edges:
        beside[one].add(other)
        beside[other].add(one)
        weigh(one, other)
    made = len(rows)
    while waiting:
        _, one, other = heapq.heappop(waiting)
        if one not in members or other not in members:
            continue  # one of them has been joined since
        sums[made] = sums.pop(one) + sums.pop(other)
        members[made] = members.pop(one) + members.pop(other)
        held[made] = held.pop(one) | held.pop(other)
        beside[made] = (beside.pop(one) | beside.pop(other)) - {one, other}
        for third in beside[made]:
            beside[third] -= {one, other}
            beside[third].add(made)
            weigh(third, made)
        made += 1
    return sorted((sorted(group) for group in members.values()), key=lambda group: (-len(group), group))


def _other_codes(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets hold codes of the same letters and places, and none of those in common."""
    if not one or not other:
        return False
    shapes = {_DIGIT.sub("0", code) for code in one} & {_DIGIT.sub("0", code) for code in other}
    return any(not any(_DIGIT.sub("0", code) == shape for code in one & other) for shape in shapes)

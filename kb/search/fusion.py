"""Two ranked lists to one: a convex combination of scores normalised by bounds, not by what the lists happen to hold.

Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023. A question whose words
hardly occur then leans on its vector alone, where rank fusion would give noise an equal voice. `docs/benchmarks.md`
holds the comparison with reciprocal rank fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

VECTOR_SHARE = 0.4
COSINE_RANGE = 0.1
"""How far apart the cosines of the best and of an unrelated passage lie, for the e5 family."""
BM25_CEILING = 2.2
"""k1 + 1: no term's BM25 is above this times its inverse document frequency."""
FOREIGN_PENALTY = 0.2
"""Taken from a passage in another language than the question's: a translation is welcome, after the original."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that either list found.

    `cosine` is in [-1, 1] or None where the vector list cut it; `bm25` is at least 0, 0 where no term matched.
    Ranks count from 1; None means not in that list. `score` is the fused one: higher is better, without a bound.
    """

    row: int
    document_id: str
    cosine: float | None
    bm25: float
    vector_rank: int | None
    keyword_rank: int | None
    score: float


def fuse(
    vectors: Sequence[tuple[int, float]],
    keywords: Sequence[tuple[int, float]],
    documents: Mapping[int, str],
    *,
    rarities: Collection[float],
    is_foreign: Callable[[int], bool],
    k: int,
) -> list[Candidate]:
    """The k best rows of two lists of (row, score), each best first; ties keep the lower row first.

    `rarities` are the inverse document frequencies of the question's terms.
    """
    cosines, bm25s = dict(vectors), dict(keywords)
    vector_ranks = {row: rank for rank, (row, _) in enumerate(vectors, 1)}
    keyword_ranks = {row: rank for rank, (row, _) in enumerate(keywords, 1)}
    floor = min(cosines.values(), default=0.0)
    ceiling = BM25_CEILING * sum(rarities) or 1.0

    def candidate(row: int) -> Candidate:
        nearness = (cosines.get(row, floor) - floor) / COSINE_RANGE
        score = VECTOR_SHARE * nearness + (1 - VECTOR_SHARE) * bm25s.get(row, 0.0) / ceiling
        return Candidate(
            row=row,
            document_id=documents[row],
            cosine=cosines.get(row),
            bm25=bm25s.get(row, 0.0),
            vector_rank=vector_ranks.get(row),
            keyword_rank=keyword_ranks.get(row),
            score=score - FOREIGN_PENALTY * is_foreign(row),
        )

    return sorted(map(candidate, {**cosines, **bm25s}), key=lambda c: (-c.score, c.row))[:k]

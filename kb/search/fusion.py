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
    exact: bool = False
    """Whether its title or curated question is the question itself; such a row comes before all others."""


@dataclass(frozen=True, slots=True)
class KeywordHit:
    """A row of the keyword list: BM25 at least 0, and its `share` in [0, 1] of what these words could reach."""

    row: int
    bm25: float
    share: float


def fuse(
    vectors: Sequence[tuple[int, float]],
    keywords: Sequence[KeywordHit],
    documents: Mapping[int, str],
    *,
    exact: Collection[int] = (),
    is_foreign: Callable[[int], bool],
    k: int,
) -> list[Candidate]:
    """The k best rows of (row, cosine) and of keyword hits, each best first; ties keep the lower row first."""
    cosines, hits = dict(vectors), {hit.row: hit for hit in keywords}
    vector_ranks = {row: rank for rank, (row, _) in enumerate(vectors, 1)}
    keyword_ranks = {hit.row: rank for rank, hit in enumerate(keywords, 1)}
    floor = min(cosines.values(), default=0.0)

    def candidate(row: int) -> Candidate:
        nearness = (cosines.get(row, floor) - floor) / COSINE_RANGE
        hit = hits.get(row, KeywordHit(row, 0.0, 0.0))
        return Candidate(
            row=row,
            document_id=documents[row],
            cosine=cosines.get(row),
            bm25=hit.bm25,
            vector_rank=vector_ranks.get(row),
            keyword_rank=keyword_ranks.get(row),
            score=VECTOR_SHARE * nearness + (1 - VECTOR_SHARE) * hit.share - FOREIGN_PENALTY * is_foreign(row),
            exact=row in exact,
        )

    rows = dict.fromkeys([*cosines, *hits, *exact])
    return sorted(map(candidate, rows), key=lambda c: (not c.exact, -c.score, c.row))[:k]

"""The signs by which candidates are ranked and judged, each a number that means the same in every index.

Cosines are told apart from the floor of their own list, keyword scores by what the question's words could reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.search.forward import Forward, Wanted

NAMES = (
    "cosine", "nearness", "vector_rank", "keyword", "keyword_rank", "both", "coverage", "sentence", "heading",
    "heading_fit", "question", "foreign", "identifier",
)  # fmt: skip
"""In the order of the columns of `features`.

- `cosine` in [-1, 1]; `nearness` its distance above the list's last, in tenths; `vector_rank` 1 / (1 + rank / 10).
- `keyword` BM25 over its ceiling for these words, in [0, 1]; `keyword_rank` as above; `both` whether both lists do.
- `coverage`, `sentence`, `heading`: the share of the question's rarity that the passage, its best sentence, its
  heading path hold; `heading_fit` how much of the heading path the question says.
- `identifier` the share of the question's codes and model numbers that the passage holds.
- `question` whether it is a curated question; `foreign` whether it is in another language than the asker's.
"""
NARROW = 0.1  # how far apart the cosines of the best and of an unrelated passage lie, for the e5 family


@dataclass(frozen=True, slots=True)
class Lists:
    """What both lists know of some rows: `(n,)` columns; NaN where a list does not have a row. Ranks count from 1."""

    places: NDArray[np.int64]
    cosine: NDArray[np.float64]
    vector_rank: NDArray[np.float64]
    share: NDArray[np.float64]
    keyword_rank: NDArray[np.float64]


def features(
    lists: Lists,
    forward: Forward,
    wanted: Wanted,
    *,
    is_question: NDArray[np.bool_],
    is_foreign: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """`(n, len(NAMES))`: the signs of each row; the flags are `(n,)` as well."""
    held = forward.held(lists.places.tolist(), wanted)
    total = float(wanted.rarity.sum()) or 1.0
    near = ~np.isnan(lists.cosine)
    floor = float(lists.cosine.min(where=near, initial=1.0)) if len(lists.places) else 0.0
    cosine = np.where(near, lists.cosine, floor)
    whole, heading, codes = held.whole(), held.heading(), wanted.identifiers.astype(np.float64)
    return np.column_stack(
        [
            cosine,
            (cosine - floor) / NARROW,
            _reciprocal(lists.vector_rank),
            np.where(np.isnan(lists.share), 0.0, lists.share),
            _reciprocal(lists.keyword_rank),
            near & ~np.isnan(lists.share),
            whole @ wanted.rarity / total,
            held.best_sentence(wanted.rarity) / total,
            heading @ wanted.rarity / total,
            (heading > 0).sum(axis=1) / np.maximum(1, held.sizes[held.first]),
            is_question,
            is_foreign,
            whole @ codes / max(1.0, float(codes.sum())),
        ]
    ).astype(np.float64)


def _reciprocal(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(ranks), 0.0, 1.0 / (1.0 + ranks / 10.0))

"""What is known of every candidate for a question, before anything is ranked or judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Evidence:
    """Candidates of one lane, in no order: `(n,)` columns and `(n, len(features.NAMES))` signs.

    `signs` are those of the question with what was said before it, by which it is ranked; `alone` those of the
    question by itself, by which it is judged: earlier turns help to find and hurt to doubt. `words` counts the
    question's terms, `unseen` is the share of their rarity that no passage holds. `exact` marks rows whose title or
    curated question is the question itself. `numbers` are those of the `documents`; `families` number what translations
    have in common; `distances` say how far a row's language is from the asker's, as `language.distance` does.
    """

    rows: tuple[int, ...]
    places: tuple[int, ...]
    numbers: tuple[int, ...]
    documents: Sequence[str]
    families: tuple[int, ...]
    distances: tuple[int, ...]
    exact: NDArray[np.bool_]
    vector_rank: NDArray[np.float64]
    keyword_rank: NDArray[np.float64]
    signs: NDArray[np.float64]
    alone: NDArray[np.float64]
    words: int
    unseen: float
    follow_up: bool

    def __len__(self) -> int:
        return len(self.rows)

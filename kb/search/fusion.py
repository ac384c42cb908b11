"""Two ranked lists to one order, by a linear model of inspectable signs learned from labelled questions.

The weights stand in `fusion.json` beside this module, with what they were fitted on. They are fitted pairwise: the
right document's best passage against the wrong ones of the same question (RankNet with a linear scorer, Burges et
al., ICML 2005). Where the embedding model is another than the one they were fitted with, its cosines mean something
else: then ranks stand in for scores.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import msgspec
import numpy as np
from numpy.typing import NDArray

from kb.search.evidence import Evidence
from kb.search.features import NAMES

_IDENTIFIER = "identifier"
_BY_SCORE = _BY_RANK = 12.0
"""Not learned: a passage with the very code that was asked for comes before those without."""


class Fusion(msgspec.Struct, frozen=True):
    """`score = weights · signs`: by `scores` for the model `fingerprint`, by `ranks` for any other."""

    fitted_on: str
    fingerprint: str
    scores: dict[str, float]
    ranks: dict[str, float]

    def knows(self, fingerprint: str) -> bool:
        """Whether the weights for scores were fitted with this embedding model."""
        return fingerprint == self.fingerprint

    def weights(self, fingerprint: str) -> dict[str, float]:
        """The weights that hold for an embedding model."""
        if self.knows(fingerprint):
            return {_IDENTIFIER: _BY_SCORE} | self.scores
        return {_IDENTIFIER: _BY_RANK} | self.ranks


@lru_cache(maxsize=1)
def shipped() -> Fusion:
    """The weights shipped with kb."""
    return msgspec.json.decode((files("kb.search") / "fusion.json").read_bytes(), type=Fusion)


def scores(signs: NDArray[np.float64], weights: dict[str, float]) -> NDArray[np.float64]:
    """`(n,)`: the fused score of each row of `(n, len(NAMES))` signs; higher is better, without a bound."""
    return np.asarray(signs @ np.array([weights.get(name, 0.0) for name in NAMES]))


def order(evidence: Evidence, fused: NDArray[np.float64]) -> list[int]:
    """The candidates by exactness, then score, then age; best first."""
    best: list[int] = np.lexsort((np.array(evidence.rows), -fused, ~evidence.exact)).tolist()
    return best

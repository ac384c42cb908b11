"""How likely the top passage answers the question: a logistic model over a few inspectable signs.

Its parameters stand in `confidence.json` beside this module, with what they were fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import msgspec

from kb.search.fusion import Candidate


class Model(msgspec.Struct, frozen=True):
    """`probability = 1 / (1 + exp(-(intercept + weights · signs)))`; `threshold` is where answering begins."""

    fitted_on: str
    threshold: float
    intercept: float
    weights: dict[str, float]


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The parameters shipped with kb."""
    return msgspec.json.decode((files("kb.search") / "confidence.json").read_bytes(), type=Model)


def signs(
    candidate: Candidate, words: Sequence[str], held: frozenset[str], rarity: dict[str, float]
) -> dict[str, float]:
    """What is known of one candidate, each sign higher for a better match.

    `held` are the terms of the passage, `rarity` the inverse document frequency of each of the question's `words`.
    """
    total = sum(rarity[w] for w in words) or 1.0
    matched = sum(rarity[w] for w in words if w in held)
    return {
        "cosine": candidate.cosine if candidate.cosine is not None else 0.75,
        "coverage": matched / total,
        "bm25_per_word": candidate.bm25 / max(1, len(words)),
    }


def probability(model: Model, found: dict[str, float]) -> float:
    """The probability in [0, 1] that a candidate with these signs answers the question."""
    z = model.intercept + sum(weight * found[name] for name, weight in model.weights.items())
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, z))))

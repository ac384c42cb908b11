"""How likely a document answers the question: a logistic model of a few inspectable signs, calibrated by language.

The parameters stand in `confidence.json` beside this module, with what they were fitted on and what was measured on
questions they were not fitted on; `kb calibrate` fits a centre's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

import msgspec
import numpy as np
from numpy.typing import NDArray

from kb.search.evidence import Evidence
from kb.search.features import NAMES

_AROUND = 10  # candidates that a first one is compared with
_ALONE = ("cosine", "coverage", "sentence", "heading", "heading_fit")
_RANKED = ("nearness", "keyword", "keyword_rank", "both", "foreign")
_COLUMN = {name: number for number, name in enumerate(NAMES)}


class Point(msgspec.Struct, frozen=True):
    """What answering at or above `threshold` gave on questions held out: shares, as `kb eval` defines them."""

    threshold: float
    coverage: float
    wrong: float
    false_refusals: float


class Logistic(msgspec.Struct, frozen=True):
    """`probability = 1 / (1 + exp(-(intercept + weights · signs)))`; `curve` runs from low thresholds to high."""

    intercept: float
    weights: dict[str, float]
    curve: tuple[Point, ...] = ()

    def probability(self, signs: Mapping[str, float]) -> float:
        """In [0, 1]."""
        z = self.intercept + sum(weight * signs[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, z))))

    def threshold(self, max_wrong: float | None) -> float:
        """Where answering begins: the lowest that keeps to `max_wrong`, or else to 5% false refusals.

        1.01, which nothing reaches, where no threshold keeps to it.
        """
        if max_wrong is None:
            return max((p.threshold for p in self.curve if p.false_refusals <= FALSE_REFUSALS), default=0.5)
        return next((p.threshold for p in self.curve if p.wrong <= max_wrong), 1.01)


FALSE_REFUSALS = 0.05
OTHER = "*"


class Confidence(msgspec.Struct, frozen=True):
    """A logistic model a language (`zh`, `en`), and one for any other; `fingerprint` is the embedding model's."""

    fitted_on: str
    fingerprint: str
    languages: dict[str, Logistic]

    def of(self, language: str) -> Logistic:
        """The model for a BCP 47 tag."""
        return self.languages.get(language.split("-")[0]) or self.languages[OTHER]


@lru_cache(maxsize=1)
def shipped() -> Confidence:
    """The parameters shipped with kb."""
    return msgspec.json.decode((files("kb.search") / "confidence.json").read_bytes(), type=Confidence)


class Comparison:
    """A lane's candidates beside each other: `fused` scores `(n,)`, and their numbers `ordered`, best first."""

    def __init__(self, evidence: Evidence, fused: NDArray[np.float64], ordered: Sequence[int]) -> None:
        numbers = {family: number for number, family in enumerate(dict.fromkeys(evidence.families))}
        around = list(ordered[:_AROUND])
        self._evidence = evidence
        self._family = np.array([numbers[family] for family in evidence.families])
        self._cosine = evidence.alone[:, _COLUMN["cosine"]]
        self._nearest = _Best(self._cosine, self._family, len(numbers))
        self._fused = _Best(fused, self._family, len(numbers))
        self._around = np.bincount(self._family[around], minlength=len(numbers))
        self._usual = float(self._cosine[around].mean())

    def signs(self, which: int) -> dict[str, float]:
        """What is known of one candidate, by name; the docstring of `features.NAMES` explains the rest.

        `cosine_gap` is how much nearer another family comes, `cosine_above` how far it stands out of the first ten;
        `margin` is its family's best fused score less the best other one's; `same` counts the first ten that are its
        family's: an article and its translations do not compete.
        """
        evidence, family, cosine = self._evidence, int(self._family[which]), float(self._cosine[which])
        nearest, rival = self._nearest.of_others(family), self._fused.of_others(family)
        alone, signs = evidence.alone[which].tolist(), evidence.signs[which].tolist()
        lead = 0.0 if nearest is None else cosine - nearest
        return {
            **{name: alone[_COLUMN[name]] for name in _ALONE},
            **{name: signs[_COLUMN[name]] for name in _RANKED},
            "cosine_gap": max(0.0, -lead),
            "cosine_lead": lead,
            "cosine_above": cosine - self._usual,
            "margin": 3.0 if rival is None else self._fused.of(family) - rival,
            "words": math.log1p(evidence.words),
            "unseen": evidence.unseen,
            "same": float(self._around[family]),
            "follow_up": float(evidence.follow_up),
        }


class _Best:
    """The best value of each family, and of all others than one."""

    def __init__(self, values: NDArray[np.float64], family: NDArray[np.int64], families: int) -> None:
        best = np.full(families, -np.inf)
        np.maximum.at(best, family, values)
        self._best: list[float] = best.tolist()
        self._first, self._second = [*sorted(self._best, reverse=True)[:2], -math.inf][:2]

    def of(self, family: int) -> float:
        return self._best[family]

    def of_others(self, family: int) -> float | None:
        """None where there are no others."""
        if len(self._best) == 1:
            return None
        return self._second if self._best[family] == self._first else self._first

"""Why a hit stands where it does, sign by sign; made only of what its asker was shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from kb.hits import Found
from kb.results import HitExplained, Weighed
from kb.search.confidence import Logistic
from kb.search.features import NAMES


def explained(found: Found, weights: Mapping[str, float], judge: Logistic, threshold: float) -> HitExplained:
    """One hit's signs, weights and contributions, in ranking and in judging."""
    evidence, number = found.evidence, found.number
    signs = dict(zip(NAMES, map(float, evidence.signs[number]), strict=True))
    ranking = _weighed(signs, {name: weights.get(name, 0.0) for name in NAMES})
    return HitExplained(
        passage_id=found.passage.name,
        rule=_rule(found, signs),
        vector_rank=_rank(evidence.vector_rank[number]),
        keyword_rank=_rank(evidence.keyword_rank[number]),
        score=sum(sign.contribution for sign in ranking),
        ranking=ranking,
        intercept=judge.intercept,
        judging=_weighed(found.signs, judge.weights),
        probability=round(found.probability, 4),
        likely_enough=found.probability >= threshold,
    )


def _weighed(signs: Mapping[str, float], weights: Mapping[str, float]) -> tuple[Weighed, ...]:
    made: Iterable[Weighed] = (Weighed(n, signs[n], weight, signs[n] * weight) for n, weight in weights.items())
    return tuple(sorted(made, key=lambda sign: -abs(sign.contribution)))


def _rank(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


def _rule(found: Found, signs: Mapping[str, float]) -> str:
    if found.exact:
        return "own_words"
    if found.other_code:
        return "other_code"
    if signs["identifier"] > 0:
        return "identifier"
    return "curated_question" if found.passage.role == "question" else "ranked"

"""Refits the confidence model on the evaluation sets, each weighing the same, and prints what it would write.

A question's first document gives one example: its signs, and whether it was expected. The threshold is where the
sets' false refusals (answerable questions below it) are 5% in the mean. `--write` replaces `confidence.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sets import ROOT, EvaluationSet, evaluation_sets, say
from sklearn.linear_model import LogisticRegression

from kb.config import Paths, load_settings
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.evaluation.metrics import auroc
from kb.evaluation.replay import audiences_of
from kb.knowledge import Ask, KnowledgeBase, _Found, _Question
from kb.search import confidence
from kb.search.terms import terms

FALSE_REFUSALS = 0.05
TARGET = ROOT / "kb" / "search" / "confidence.json"
FITTED_ON = "{} and the sample golden file, each weighing the same; bench/fit_confidence.py"


@dataclass(frozen=True)
class Examples:
    """`signs` is `(n, signs)`; `right` says whether the first document was expected, `answerable` whether any is."""

    name: str
    signs: NDArray[np.float64]
    right: NDArray[np.bool_]
    answerable: NDArray[np.bool_]


def main() -> None:
    """Prints each set's figures under the new parameters, then the parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--write", action="store_true", help=f"replace {TARGET.relative_to(ROOT)}")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        homes = evaluation_sets(chosen.homes or Path(temporary), traditional=False)
        sets = [_examples(one) for one in homes]
    model = _fit(sets)
    print("| set | AUROC | false refusals | refused rightly |\n|---|---:|---:|---:|")
    for one in sets:
        print(_row(one, model))
    written = json.dumps(_as_json(model), ensure_ascii=False, indent=2)
    print(f"\n{written}")
    if chosen.write:
        TARGET.write_text(written + "\n", "utf-8")


def _examples(one: EvaluationSet) -> Examples:
    say(f"asking {one.name}")
    kb = KnowledgeBase(Paths(one.home), load_settings(one.home, {}, {}))
    firsts = [(golden, _first(kb, golden)) for golden in read_golden(one.golden)]
    found = [(golden, first) for golden, first in firsts if first]
    return Examples(
        one.name,
        np.array([list(signs.values()) for _, (_, signs) in found]),
        np.array([document in golden.expected for golden, (document, _) in found]),
        np.array([bool(golden.expected) for golden, _ in found]),
    )


def _first(kb: KnowledgeBase, golden: GoldenQuestion) -> tuple[str, dict[str, float]] | None:
    """The document that would be answered from, and its signs; of two lanes, the one whose document is likelier."""
    question = _Question(kb, Ask(golden.question, golden.conversation, audiences_of(golden.audience or ("public",))))
    found: list[_Found] = [*question.lane("article", 1), *question.lane("ticket", 1)]
    if not found:
        return None
    best = max(found, key=lambda f: f.probability)
    held = frozenset(terms(best.passage.embedded))
    return best.passage.document_id, confidence.signs(best.candidate, question._words, held, question._rarity)


def _fit(sets: list[Examples]) -> confidence.Model:
    signs, right = np.concatenate([s.signs for s in sets]), np.concatenate([s.right for s in sets])
    weights = np.concatenate([np.full(len(s.right), 1 / len(s.right)) for s in sets])
    fitted = LogisticRegression(C=1e6, max_iter=10_000).fit(signs, right, weights * len(right) / len(sets))
    names = list(confidence.shipped().weights)
    parameters = dict(zip(names, (round(float(w), 4) for w in fitted.coef_[0]), strict=True))
    fitted_on = FITTED_ON.format(", ".join(s.name for s in sets[:-1]))
    unset = confidence.Model(fitted_on, 0.0, round(float(fitted.intercept_[0]), 4), parameters)
    steps = np.arange(0, 1, 0.001)
    refused = [np.mean([_refusals(s, unset, step)[0] for s in sets]) for step in steps]
    threshold = steps[np.searchsorted(refused, FALSE_REFUSALS, side="right") - 1]
    return confidence.Model(fitted_on, round(float(threshold), 3), unset.intercept, unset.weights)


def _probabilities(one: Examples, model: confidence.Model) -> NDArray[np.float64]:
    rows = [dict(zip(model.weights, row, strict=True)) for row in one.signs.tolist()]
    return np.array([confidence.probability(model, row) for row in rows])


def _refusals(one: Examples, model: confidence.Model, threshold: float) -> tuple[float, float]:
    """The shares of the answerable and of the unanswerable questions that are refused."""
    refused = _probabilities(one, model) < threshold
    return float(refused[one.answerable].mean()), float(refused[~one.answerable].mean())


def _row(one: Examples, model: confidence.Model) -> str:
    likely = _probabilities(one, model)
    false, rightly = _refusals(one, model, model.threshold)
    told_apart = auroc(likely[one.answerable], likely[~one.answerable]) or 0.0
    return f"| {one.name} | {told_apart:.3f} | {false:.1%} | {rightly:.1%} |"


def _as_json(model: confidence.Model) -> dict[str, object]:
    return {name: getattr(model, name) for name in ("fitted_on", "threshold", "intercept", "weights")}


if __name__ == "__main__":
    main()

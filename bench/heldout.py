"""Measures retrieval, refusals and calibration with parameters that were not fitted on what is measured.

Two splits. *Another set*: fusion and confidence are fitted on every other question set and judged on the one left
out, as a centre meets them that has no labelled questions of its own. *Other questions*: five parts of every set, each
judged by parameters fitted on the other four parts of all sets, as after `kb calibrate`. In both, the thresholds come
from the fitted questions too, by five folds within them. The question sets of the sample content (its golden file, the
benchmark in each language, codes, cross-language) ask about the same articles, so that leaving one out leaves out its
questions only. Sets weigh in the fits as `fit_shipped.py` says.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

import numpy as np
from asking import opened
from fit_shipped import BENCHMARK, ONLY, WEIGHTS
from sets import ROOT, SAMPLE, SHARED, EvaluationSet, evaluation_sets, say

from kb.evaluation.calibration import Case, Fitted, calibrate, gather, outcome, weighted
from kb.evaluation.golden import read_golden
from kb.evaluation.intervals import bounds_of
from kb.evaluation.metrics import Bounds, Figures, Outcome, columns_of, measure
from kb.search import confidence, fusion
from kb.search.embedding import Embedder, describe
from kb.search.grouping import groups

REPORTED = (*SHARED, "zh", "en")
FOLDS = 5
MAX_WRONG = 0.05
CERTAIN = 0.99
"""What kb gives at least to a question that is a title or a curated question; see `kb.questions`."""


@dataclass(frozen=True)
class Column:
    """A figure with the sets' targets for it: at least, or at most where `at_most`."""

    heading: str
    of: Callable[[Figures], float | None]
    targets: dict[str, float]
    at_most: bool = False


def _answered_answerable(figures: Figures) -> float | None:
    return None if figures.false_refusals is None else 1 - figures.false_refusals


RANKING = (
    Column("recall@1", attrgetter("recall_at_1"), {"zh-wiki": 0.985, "en-faq": 0.87, "en-conversations": 0.83}),
    Column("recall@5", attrgetter("recall_at_5"), {"zh-wiki": 0.997, "en-faq": 0.97, "en-conversations": 0.95}),
    Column("AUROC", attrgetter("auroc"), {"zh-wiki": 0.985, "en-faq": 0.90, "en-conversations": 0.78}),
    Column(
        "refused rightly at 5% false refusals",
        attrgetter("refusal_recall_at_5"),
        {"zh-wiki": 0.95, "en-faq": 0.50, "en-conversations": 0.35},
    ),
    Column("ECE", attrgetter("ece"), {}),
)
ANSWERING = (
    Column("wrong, of answered", attrgetter("wrong"), dict.fromkeys((*SHARED[:2], "zh", "en"), 0.06), at_most=True),
    Column("answered, of all", attrgetter("coverage"), {}),
    Column("answered, of answerable", _answered_answerable, {"zh-wiki": 0.85, "en-faq": 0.6, "zh": 0.6, "en": 0.6}),
    Column("refused, of unanswerable", attrgetter("refusal_recall"), {}),
)
LARGE, MOST_ECE = 1_000, 0.05


def main() -> None:
    """Prints three tables a split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cases = gathered(chosen.homes or Path(temporary))
    print("## Held out: what parameters give that were not fitted on the questions\n")
    print(_NOTES)
    for name, judged in (("Another set", another_set(cases)), ("Other questions", other_questions(cases))):
        print(f"\n### {name}\n")
        _print(judged)


_NOTES = """In brackets the 95% interval (bootstrap over the questions, 1,000 resamples). ✗ marks what misses a target
of step 2, whose coverage is read as that of the answerable questions (decision 20). ECE: ten bins of equal mass, beside
it the 95% band of a calibrated model on so many questions."""


def gathered(homes: Path) -> dict[str, list[Case]]:
    """What is known of every question's candidates, by set, weighed as in the fit of what is shipped."""
    embedder = Embedder(describe("bundled"))
    return {
        name: weighted(some, 1_000 * (WEIGHTS | BENCHMARK)[name])
        for one in evaluation_sets(homes, traditional=False)
        for name, some in _gathered(one, embedder)
    }


def _gathered(one: EvaluationSet, embedder: Embedder) -> Iterator[tuple[str, list[Case]]]:
    golden = {one.name: one.golden}
    if one.name == SAMPLE:
        golden |= {name: ROOT / "sample" / "benchmark" / f"{name}.jsonl" for name in BENCHMARK}
    kb = opened(one.home, embedder)
    for name, file in golden.items():
        say(f"asking {name}")
        questions, language = read_golden(file), ONLY.get(name)
        yield name, list(gather(kb, questions, "public", lambda _: None, language=language))


Judged = dict[str, tuple[list[Outcome], list[Outcome]]]
"""By set: what becomes of its questions at the default threshold, and at `MAX_WRONG`."""


def another_set(cases: dict[str, list[Case]]) -> Judged:
    """Each set by parameters fitted on all others."""
    judged = {}
    for name in filter(cases.__contains__, REPORTED):
        say(f"fitting without {name}")
        fitted = _fitted([case for other, some in cases.items() if other != name for case in some])
        judged[name] = _outcomes(cases[name], fitted)
    return judged


def other_questions(cases: dict[str, list[Case]]) -> Judged:
    """Each fifth of each set by parameters fitted on four fifths of all sets."""
    chance = np.random.default_rng(0)
    parts = {name: chance.permutation(np.arange(len(some)) % FOLDS) for name, some in cases.items()}
    judged: Judged = {name: ([], []) for name in REPORTED if name in cases}
    for fold in range(FOLDS):
        say(f"fitting without part {fold + 1} of {FOLDS}")
        split = {name: list(zip(some, parts[name] == fold, strict=True)) for name, some in cases.items()}
        fitted = _fitted([case for some in split.values() for case, held in some if not held])
        for name, kept in judged.items():
            for so_far, more in zip(kept, _outcomes([c for c, held in split[name] if held], fitted), strict=True):
                so_far += more
    return judged


def _fitted(cases: Sequence[Case]) -> Fitted:
    fingerprint = describe("bundled").fingerprint
    return calibrate(cases, fusion.shipped(), fingerprint=fingerprint, fitted_on="", folds=FOLDS, max_wrong=None)


def _outcomes(cases: Sequence[Case], fitted: Fitted) -> tuple[list[Outcome], list[Outcome]]:
    ranked = [(case, *_first(case, fitted)) for case in cases]
    default, bounded = ([outcome(*one, fitted.confidence, limit) for one in ranked] for limit in (None, MAX_WRONG))
    return default, bounded


def _first(case: Case, fitted: Fitted) -> tuple[list[str], float]:
    """The ranked documents, and the confidence in the first one, as `kb.questions` gives it."""
    evidence = case.evidence
    if evidence is None or not len(evidence):
        return [], 0.0
    fused = fusion.scores(evidence.signs, fitted.fusion.weights(fitted.fusion.fingerprint))
    ordered = fusion.order(evidence, fused)
    shown = [group.shown for group in groups(evidence, ordered)]
    signs = confidence.Comparison(evidence, fused, ordered).signs(shown[0])
    likely = fitted.confidence.of(case.language).probability(signs)
    ranked = [evidence.documents[number] for number in shown]
    return ranked, max(likely, CERTAIN) if evidence.exact[ordered[0]] else likely


def _print(judged: Judged) -> None:
    measured = {name: (_measured(default), _measured(bounded)) for name, (default, bounded) in judged.items()}
    print(f"| set | questions | {' | '.join(column.heading for column in RANKING)} | ECE if calibrated |")
    print(f"|---|{'---:|' * (len(RANKING) + 2)}")
    for name, ((figures, bounds), _) in measured.items():
        most = MOST_ECE if figures.questions >= LARGE else figures.ece_band or 0.0
        columns = (*RANKING[:-1], replace(RANKING[-1], targets={name: most}, at_most=True))
        cells = [_cell(column, name, figures, bounds) for column in columns]
        print(f"| {name} | {figures.questions} | {' | '.join(cells)} | ≤ {figures.ece_band:.3f} |")
    for number, title in ((1, f"`max_wrong = {MAX_WRONG}`"), (0, "default threshold")):
        print(f"\n| {title} | {' | '.join(column.heading for column in ANSWERING)} |")
        print(f"|---|{'---:|' * len(ANSWERING)}")
        for name, both in measured.items():
            columns = ANSWERING if number else tuple(replace(column, targets={}) for column in ANSWERING)
            print(f"| {name} | {' | '.join(_cell(column, name, *both[number]) for column in columns)} |", flush=True)


def _measured(outcomes: Sequence[Outcome]) -> tuple[Figures, Bounds]:
    return measure(outcomes).overall, bounds_of(columns_of(outcomes))


def _cell(column: Column, name: str, figures: Figures, bounds: Bounds) -> str:
    figure, target = column.of(figures), column.targets.get(name)
    if figure is None:
        return "–"
    low, high = sorted(column.of(end) or 0.0 for end in (bounds.low, bounds.high))
    missed = target is not None and (figure > target if column.at_most else figure < target)
    return f"{figure:.3f} ({low:.3f}–{high:.3f}){' ✗' if missed else ''}"


if __name__ == "__main__":
    main()

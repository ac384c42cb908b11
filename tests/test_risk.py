"""Risk against coverage, against brute force over every threshold; and the picture of it."""

from __future__ import annotations

import math
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from kb.errors import UsageError
from kb.evaluation import plot
from kb.evaluation.metrics import Outcome, measure
from kb.evaluation.report import render_risk
from kb.evaluation.risk import MAX_WRONG, risk_coverage

# (eighths of confidence, answerable, top document is expected if answerable): few values, so that ties are common.
kinds = st.tuples(st.integers(0, 8), st.booleans(), st.booleans())
runs = st.lists(kinds, min_size=1, max_size=25).map(lambda run: [question(c / 8, *rest) for c, *rest in run])


def question(confidence: float, answerable: bool, found: bool, threshold: float = 0.5) -> Outcome:
    """A question as it is answered at a threshold, the top document cited first."""
    ranked = ("a", "b") if found else ("b", "a")
    answered = confidence >= threshold
    return Outcome(
        language="en",
        answerable=answerable,
        ranked=ranked,
        expected=frozenset({"a"}) if answerable else frozenset(),
        confidence=confidence,
        answered=answered,
        cited=ranked if answered else (),
        text="",
        answers=(),
        latency_ms=1.0,
    )


def replayed(outcomes: list[Outcome], threshold: float) -> list[Outcome]:
    return [question(o.confidence, o.answerable, o.ranked[0] == "a", threshold) for o in outcomes]


@settings(deadline=None)
@given(runs)
def test_each_point_of_the_curve_is_what_a_run_at_that_threshold_measures(outcomes: list[Outcome]) -> None:
    curve = risk_coverage(outcomes)
    assert curve.thresholds.tolist() == sorted({o.confidence for o in outcomes}, reverse=True)
    for at, threshold in enumerate(curve.thresholds.tolist()):
        figures = measure(replayed(outcomes, threshold)).overall
        for name in ("coverage", "wrong", "false_refusals", "refusal_recall"):
            expected = getattr(figures, name)
            found = getattr(curve, name)[at]
            assert math.isnan(found) if expected is None else found == pytest.approx(expected), name


@settings(deadline=None)
@given(runs, st.sampled_from([0.0, 0.05, 0.2, 1 / 3, 0.5, 1.0]))
def test_the_threshold_answers_most_of_all_that_keep_the_bound(outcomes: list[Outcome], max_wrong: float) -> None:
    def measured(threshold: float) -> tuple[float, float]:
        answered = [o for o in outcomes if o.confidence >= threshold]
        return len(answered), sum(o.ranked[0] not in o.expected for o in answered) / len(answered)

    every = {o.confidence for o in outcomes}
    allowed = [measured(threshold)[0] for threshold in every if measured(threshold)[1] <= max_wrong]
    chosen = risk_coverage(outcomes).threshold_for(max_wrong)
    assert (chosen is None) == (not allowed)
    if chosen is not None:
        assert measured(chosen)[1] <= max_wrong
        assert measured(chosen)[0] == max(allowed)


def test_a_bound_may_be_kept_further_down_although_it_is_broken_above() -> None:
    outcomes = [question(c, True, found) for c, found in ((0.9, False), (0.8, True), (0.7, True), (0.6, True))]
    assert risk_coverage(outcomes).threshold_for(0.25) == 0.6
    assert risk_coverage(outcomes).threshold_for(0.2) is None


def test_the_area_worked_by_hand() -> None:
    # Right, wrong, right: risks of 0, 1/2 and 1/3.
    outcomes = [question(0.9, True, True), question(0.8, True, False), question(0.7, True, True)]
    assert risk_coverage(outcomes).area == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)


def test_the_area_of_equal_confidences_is_the_mean_over_their_orders() -> None:
    chance = np.random.default_rng(2)
    outcomes = [question(c / 4, True, bool(chance.random() < 0.6)) for c in (4, 4, 4, 2, 2, 2, 2)]
    errors = np.array([o.ranked[0] != "a" for o in outcomes])
    orders = [np.concatenate([chance.permutation(errors[:3]), chance.permutation(errors[3:])]) for _ in range(20_000)]
    areas = (np.cumsum(orders, axis=1) / np.arange(1, 8)).mean(axis=1)
    assert risk_coverage(outcomes).area == pytest.approx(areas.mean(), abs=0.005)


def test_zero_questions_have_no_threshold_and_no_area() -> None:
    curve = risk_coverage([])
    assert (curve.threshold_for(1.0), curve.area, curve.thresholds.size) == (None, None, 0)


def test_json_keeps_the_threshold_whole_and_gives_null_where_the_bound_cannot_be_kept() -> None:
    rows = risk_coverage([question(1 / 3, True, True), question(0.9, False, False)]).to_json()
    assert [row["max_wrong"] for row in rows] == list(MAX_WRONG)
    assert rows[0] == {
        "max_wrong": 0.01, "threshold": None, "coverage": None, "wrong": None, "false_refusals": None,
        "refusal_recall": None,
    }  # fmt: skip
    (row,) = [row for row in risk_coverage([question(1 / 3, True, True)]).to_json() if row["max_wrong"] == 0.05]
    assert row["threshold"] == 1 / 3
    assert (row["coverage"], row["wrong"], row["false_refusals"], row["refusal_recall"]) == (1, 0, 0, None)


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_has_a_row_for_each_bound_and_cuts_nothing_off(width: int) -> None:
    out = StringIO()
    render_risk(risk_coverage([question(0.75, True, True)] * 9), Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert [line.split() for line in lines if "0.750" in line] == [
        [f"{bound:.0%}", "0.750", "100.0%", "0.0%", "0.0%", "–"] for bound in MAX_WRONG
    ]
    assert all(len(line) <= width and "…" not in line for line in lines)


# The picture


@pytest.mark.parametrize("count", [0, 1, 300])
def test_a_picture_is_drawn_of_any_number_of_questions(tmp_path: Path, count: int) -> None:
    pytest.importorskip("matplotlib")
    chance = np.random.default_rng(5)
    outcomes = [question(float(chance.random()), bool(chance.random() < 0.7), True) for _ in range(count)]
    plot.draw(outcomes, tmp_path / "run.svg", "en-faq")
    plot.draw(outcomes, tmp_path / "run.PNG", "en-faq")
    text = (tmp_path / "run.svg").read_text("utf-8")
    assert f"en-faq · n = {count}" in text
    assert all(words in text for words in ("Risk against coverage", "Reliability", "100%"))
    assert (tmp_path / "run.PNG").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "says"), [("run.pdf", r"accepted: \.svg, \.png"), ("absent/run.svg", "make it first")]
)
def test_a_picture_that_cannot_be_written_is_refused_before_any_question_is_asked(
    tmp_path: Path, name: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        plot.check(tmp_path / name)


def test_without_matplotlib_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'kb\[plot\]'"):
        plot.check(tmp_path / "run.svg")

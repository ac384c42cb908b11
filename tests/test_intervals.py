"""Bootstrap intervals and the band of a calibrated model, against plain loops and known distributions."""

from __future__ import annotations

from dataclasses import fields
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from kb.evaluation.intervals import RESAMPLES, SEED, interval, with_intervals
from kb.evaluation.metrics import Figures, Metrics, Outcome, columns_of, figures_of, measure
from kb.evaluation.reliability import calibrated_error, expected_calibration_error
from kb.evaluation.report import render

WITHOUT = {"questions", "ece_band"}


def invented(count: int, languages: tuple[str, ...] = ("en", "zh"), seed: int = 1) -> list[Outcome]:
    """Outcomes of every kind, drawn at random."""
    chance = np.random.default_rng(seed)
    made = []
    for at in range(count):
        known, answered, confidence = chance.random() < 0.7, chance.random() < 0.7, round(chance.random(), 2)
        ranked = tuple(chance.permutation(["a", "b", "c"]).tolist())
        made.append(
            Outcome(
                language=languages[at % len(languages)],
                answerable=known,
                ranked=ranked,
                expected=frozenset({"a"}) if known else frozenset(),
                confidence=confidence,
                answered=answered,
                cited=ranked[:2] if answered else (),
                text="30 days",
                answers=("30",) if chance.random() < 0.5 else ("14",),
                latency_ms=float(chance.random() * 50),
            )
        )
    return made


def metrics_of(outcomes: list[Outcome]) -> Metrics:
    return with_intervals(measure(outcomes), outcomes)


def test_every_interval_is_that_of_measuring_each_resample_afresh() -> None:
    outcomes = invented(60, ("en",))
    chance = np.random.default_rng(SEED)
    drawn = [
        figures_of(columns_of([outcomes[at] for at in chance.integers(60, size=60)])) for _ in range(RESAMPLES)
    ]  # the same resamples, measured question by question
    bounds = metrics_of(outcomes).intervals
    assert bounds
    for name in {part.name for part in fields(Figures)} - WITHOUT:
        values = [value for figures in drawn if (value := getattr(figures, name)) is not None]
        low, high = np.percentile(values, (2.5, 97.5))
        assert getattr(bounds.low, name) == pytest.approx(low), name
        assert getattr(bounds.high, name) == pytest.approx(high), name


def test_the_interval_of_a_share_is_as_wide_as_the_normal_approximation() -> None:
    outcomes = invented(1000, ("en",))
    metrics = metrics_of(outcomes)
    share, bounds = metrics.overall.coverage, metrics.intervals
    assert share
    assert bounds
    half = 1.96 * (share * (1 - share) / 1000) ** 0.5
    assert bounds.low.coverage == pytest.approx(share - half, abs=0.006)
    assert bounds.high.coverage == pytest.approx(share + half, abs=0.006)


def test_each_language_has_the_intervals_it_would_have_alone() -> None:
    outcomes = invented(80)
    english = [outcome for outcome in outcomes if outcome.language == "en"]
    assert metrics_of(outcomes).language_intervals["en"] == metrics_of(english).intervals


def test_resamples_that_leave_a_figure_undefined_do_not_count() -> None:
    assert interval(np.array([np.nan, 1.0, np.nan, 1.0])) == (1.0, 1.0)
    assert interval(np.array([np.nan])) is None


def test_json_pairs_the_ends_under_the_name_of_each_figure() -> None:
    document = metrics_of(invented(80)).to_json()
    for part in (document, document["languages"]["zh"]):
        names = set(part) - WITHOUT - {"languages", "intervals"}
        assert set(part["intervals"]) == names
        for name in names - {"latency_ms", "ece"}:  # resampling adds to the calibration error
            low, high = part["intervals"][name]
            assert low <= part[name] <= high
        assert set(part["intervals"]["latency_ms"]) == {"p50", "p95"}


def test_zero_questions_have_null_intervals() -> None:
    intervals = metrics_of([]).to_json()["intervals"]
    assert intervals.pop("latency_ms") == {"p50": None, "p95": None}
    assert set(intervals.values()) == {None}


def test_metrics_without_intervals_print_none() -> None:
    assert "intervals" not in measure(invented(5)).to_json()


# The band of a calibrated model


def test_a_calibrated_model_stays_within_the_band_19_times_in_20() -> None:
    chance = np.random.default_rng(3)
    confidences = chance.random(200).round(2)
    band = calibrated_error(confidences)
    assert band
    right = chance.random((2000, 200)) < confidences
    within = [expected_calibration_error(confidences, row.astype(np.float64)) <= band for row in right]  # type: ignore[operator]
    assert np.mean(within) == pytest.approx(0.95, abs=0.025)


def test_the_band_narrows_with_more_questions_and_is_zero_for_certainty() -> None:
    few, many = (calibrated_error(np.linspace(0, 1, count)) for count in (50, 5000))
    assert few
    assert many
    assert many < few / 5
    assert calibrated_error(np.array([0.0, 1.0, 1.0])) == 0
    assert calibrated_error(np.array([])) is None


def test_the_band_does_not_depend_on_the_order() -> None:
    confidences = np.random.default_rng(4).random(100)
    assert calibrated_error(confidences) == calibrated_error(confidences[::-1])


# The table


def rendered(metrics: Metrics, width: int) -> list[str]:
    out = StringIO()
    render(metrics, Console(file=out, width=width))
    return out.getvalue().splitlines()


def test_the_interval_stands_beside_the_figure_it_is_about() -> None:
    metrics = metrics_of(invented(80))
    lines = rendered(metrics, 80)
    assert lines[0].split() == ["all", "95%", "CI", "en", "zh"]
    assert metrics.intervals
    ends = [f"{100 * (getattr(end, 'coverage') or 0):.1f}" for end in (metrics.intervals.low, metrics.intervals.high)]  # noqa: B009
    assert next(line for line in lines if line.startswith(" Answered")).split()[2] == "–".join(ends)


@pytest.mark.parametrize("width", [60, 70, 80, 100])
def test_a_narrow_terminal_cuts_nothing_off(width: int) -> None:
    tags: Any = ("en", "zh", "zh-Hant")
    lines = rendered(metrics_of(invented(60, tags)), width)
    text = "\n".join(lines).replace("… if 5%", "")
    assert all(len(line) <= width for line in lines)
    assert "…" not in text
    assert all(word in text for word in ("95% CI", *tags))

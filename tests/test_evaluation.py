"""Golden questions and metrics, against brute force, scikit-learn and cases worked by hand."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from kb.errors import InputError
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.evaluation.metrics import Figures, Metrics, Outcome, measure
from kb.evaluation.reliability import auroc, expected_calibration_error, refusal_recall_at_5
from kb.evaluation.report import render

JSON_NAMES = [
    "questions", "recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "auroc", "coverage", "refusal_precision",
    "refusal_recall", "false_refusals", "refusal_recall_at_5", "wrong", "answer_contains", "citation_precision", "ece",
    "ece_band", "latency_ms",
]  # fmt: skip

no_deadline = settings(deadline=None)  # a busy machine is not a defect of the metrics

# Few distinct values, so that ties are common.
probabilities = st.lists(st.integers(0, 8).map(lambda eighths: eighths / 8), max_size=70)


@pytest.fixture(scope="module")
def sklearn_metrics() -> Any:
    return pytest.importorskip("sklearn.metrics")


def outcome(**changes: Any) -> Outcome:
    """An answerable question, found first, answered and rightly cited."""
    right: dict[str, Any] = {
        "language": "en",
        "answerable": True,
        "ranked": ("a", "b", "c"),
        "expected": frozenset({"a"}),
        "confidence": 0.75,
        "answered": True,
        "cited": ("a",),
        "text": "Within 30 days.",
        "answers": (),
        "latency_ms": 10.0,
    }
    changes.setdefault("answerable", bool(changes.get("expected", {"a"})))
    return Outcome(**{**right, **changes})


def unanswerable(**changes: Any) -> Outcome:
    return outcome(**{"expected": frozenset(), "answered": False, "cited": (), "confidence": 0.25, **changes})


def figures(*outcomes: Outcome) -> Figures:
    return measure(outcomes).overall


def write(tmp_path: Path, *lines: object) -> Path:
    path = tmp_path / "golden.jsonl"
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines),
        encoding="utf-8",
    )
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_golden(path)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).split("\n")]


# Golden files


def test_a_golden_file_gives_its_questions_in_order_with_their_lines(tmp_path: Path) -> None:
    full = {
        "question": "怎么退货？",
        "expected": ["returns", "T-1"],
        "language": "zh",
        "audience": ["agent", "public"],
        "conversation": ["你好", "我买了鞋"],
        "answers": ["30 天"],
    }
    path = write(tmp_path, full, "", "  \t", {"question": "Who won?", "expected": [], "audience": "agent"})
    assert read_golden(path) == (
        GoldenQuestion(
            "怎么退货？", ("returns", "T-1"), "zh", ("agent", "public"), ("你好", "我买了鞋"), ("30 天",), line=1
        ),
        GoldenQuestion("Who won?", (), audience=("agent",), line=4),
    )


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "A?", "expected": []}\r\n\r\n{"question": "B?", "expected": []}\r\n')
    assert [(golden.question, golden.line) for golden in read_golden(path)] == [("A?", 1), ("B?", 3)]


def test_a_line_separator_inside_a_text_does_not_end_the_line(tmp_path: Path) -> None:
    path = write(tmp_path, {"question": "one\u2028two\u0085three", "expected": []})
    assert read_golden(path)[0].question == "one\u2028two\u0085three"


def test_null_and_an_empty_string_equal_an_absent_key(tmp_path: Path) -> None:
    path = write(tmp_path, {"question": "A?", "expected": [], "language": "", "audience": None, "answers": None})
    assert read_golden(path) == (GoldenQuestion("A?", (), line=1),)


def test_a_language_tag_is_put_in_its_standard_form(tmp_path: Path) -> None:
    path = write(tmp_path, {"question": "A?", "expected": [], "language": "zh-hant"})
    assert read_golden(path)[0].language == "zh-Hant"


def test_an_empty_file_holds_no_questions(tmp_path: Path) -> None:
    assert read_golden(write(tmp_path)) == ()


def test_every_problem_of_every_line_is_listed(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"question": " ", "expected": "returns", "answer": "x"},
        {"question": "fine", "expected": []},
        "{nonsense",
        "[1]",
        {"expected": [""], "language": "english", "audience": [], "conversation": [3], "answers": {"a": 1}},
        '{"question": "A?", "question": "B?", "expected": []}',
    )
    assert [message.split(";")[0] for message in problems(path)] == [
        "1: answer: found an unknown key",
        '1: question: found " "',
        '1: expected: found "returns"',
        "3: found text that is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
        "4: found [1]",
        "5: question: found nothing",
        '5: expected: found [""]',
        '5: language: found "english"',
        "5: audience: found []",
        "5: conversation: found [3]",
        "5: answers: found an object",
        "6: question: found 2 times",
    ]
    assert all("; accepted: " in message for message in problems(path))


def test_an_unknown_key_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    (message,) = problems(write(tmp_path, {"question": "A?", "expected": [], "langauge": "en"}))
    assert message == (
        "1: langauge: found an unknown key; accepted: question, expected, language, audience, conversation, answers"
    )


def test_text_that_utf8_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_bytes(
        '{"question": "退货", "expected": []}\n'.encode("gb18030") + rb'{"question": "\ud800", "expected": []}'
    )
    assert problems(path) == [
        "1: found byte 0xcd at position 15; accepted: UTF-8 text",
        '2: question: found "?"; accepted: a text that is not blank',
    ]


def test_a_line_nested_too_deep_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    (message,) = problems(write(tmp_path, "[" * 100_000))
    assert message.startswith("1: found text that is not JSON")


def test_a_long_value_is_shortened_in_the_message(tmp_path: Path) -> None:
    (message,) = problems(write(tmp_path, {"question": "A?", "expected": "x" * 10_000}))
    assert len(message) < 200
    assert "…; accepted" in message


def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl: cannot be read \(No such file"):
        read_golden(tmp_path / "absent.jsonl")


# Ranking


@pytest.mark.parametrize(("rank", "at_1", "at_5", "at_10"), [(1, 1, 1, 1), (5, 0, 1, 1), (10, 0, 0, 1), (11, 0, 0, 0)])
def test_recall_at_k_and_mrr_look_no_further_than_k(rank: int, at_1: int, at_5: int, at_10: int) -> None:
    ranked = tuple("a" if at == rank else f"d{at}" for at in range(1, 13))
    found = figures(outcome(ranked=ranked))
    assert (found.recall_at_1, found.recall_at_5, found.recall_at_10) == (at_1, at_5, at_10)
    assert found.mrr_at_10 == pytest.approx(1 / rank if rank <= 10 else 0)


def test_ranking_is_judged_before_any_refusal_and_over_the_answerable_alone() -> None:
    found = figures(outcome(answered=False, cited=()), outcome(ranked=("b", "a")), unanswerable())
    assert (found.recall_at_1, found.recall_at_5, found.mrr_at_10) == (0.5, 1.0, 0.75)


def test_one_of_several_expected_documents_is_enough_for_recall_but_not_for_ndcg() -> None:
    found = figures(outcome(expected=frozenset({"a", "x"}), ranked=("a", "b")))
    assert found.recall_at_1 == 1
    assert found.ndcg_at_10 == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_ndcg_is_one_when_the_first_ten_are_all_expected_however_many_more_there_are() -> None:
    ranked = tuple(f"d{at}" for at in range(12))
    assert figures(outcome(ranked=ranked, expected=frozenset(ranked))).ndcg_at_10 == pytest.approx(1)


@no_deadline
@given(ranked=st.permutations([f"d{at}" for at in range(15)]), wanted=st.sets(st.integers(0, 14), min_size=1))
def test_ndcg_agrees_with_scikit_learn(sklearn_metrics: Any, ranked: list[str], wanted: set[int]) -> None:
    expected = frozenset(f"d{at}" for at in wanted)
    gains = [[float(document in expected) for document in ranked]]
    scores = [[float(-rank) for rank in range(len(ranked))]]
    found = figures(outcome(ranked=tuple(ranked), expected=expected)).ndcg_at_10
    assert found == pytest.approx(sklearn_metrics.ndcg_score(gains, scores, k=10))


# Confidence


@no_deadline
@given(probabilities, probabilities)
def test_auroc_counts_the_pairs_in_the_right_order_and_ties_as_half(known: list[float], unknown: list[float]) -> None:
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in known for b in unknown]
    found = auroc(np.array(known), np.array(unknown))
    assert found == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


def test_auroc_agrees_with_scikit_learn(sklearn_metrics: Any) -> None:
    known, unknown = np.random.default_rng(7).random((2, 300)).round(2)
    reference = sklearn_metrics.roc_auc_score([1] * 300 + [0] * 300, np.concatenate([known, unknown]))
    assert auroc(known, unknown) == pytest.approx(reference)


@no_deadline
@given(probabilities, probabilities)
def test_refusal_recall_at_5_is_the_best_of_all_thresholds_within_five_percent(
    known: list[float], unknown: list[float]
) -> None:
    thresholds = [*known, *unknown, 2.0]
    allowed = [t for t in thresholds if 100 * sum(c < t for c in known) <= 5 * len(known)]
    found = refusal_recall_at_5(np.array(known), np.array(unknown))
    if not known or not unknown:
        assert found is None
    else:
        assert found == pytest.approx(max((sum(c < t for c in unknown) for t in allowed), default=0) / len(unknown))


def test_refusal_recall_at_5_may_refuse_one_of_twenty_answerable_but_none_of_nineteen() -> None:
    known = np.linspace(0.05, 1, 20)  # the least sure has 0.05, the next 0.10
    unknown = np.array([0.01, 0.07, 0.5, 0.6])
    assert refusal_recall_at_5(known, unknown) == 0.5
    assert refusal_recall_at_5(known[:19], unknown) == 0.25


def brute_force_ece(confidences: list[float], correct: list[bool]) -> float:
    """Bin by bin, each question in the bin of its number of strictly less sure ones."""
    total = len(confidences)
    bins: dict[int, list[int]] = {}
    for at, confidence in enumerate(confidences):
        bins.setdefault(10 * sum(c < confidence for c in confidences) // total, []).append(at)
    gaps = 0.0
    for members in bins.values():
        mean = sum(confidences[at] for at in members) / len(members)
        share = sum(correct[at] for at in members) / len(members)
        gaps += len(members) / total * abs(mean - share)
    return gaps


@no_deadline
@given(st.lists(st.tuples(st.integers(0, 50).map(lambda fiftieths: fiftieths / 50), st.booleans()), min_size=1))
def test_ece_agrees_with_a_bin_by_bin_sum(pairs: list[tuple[float, bool]]) -> None:
    confidences, correct = [c for c, _ in pairs], [right for _, right in pairs]
    found = expected_calibration_error(np.array(confidences), np.array(correct, dtype=np.float64))
    assert found == pytest.approx(brute_force_ece(confidences, correct))


def test_ece_of_ten_equal_bins_worked_by_hand() -> None:
    # Bin b holds two questions of confidence near b / 10 + 0.05, one of which is right: |0.5 - (b + 0.5) / 10|.
    confidences = np.array([b / 10 + shift for b in range(10) for shift in (0.04, 0.06)])
    found = expected_calibration_error(confidences, np.array([1.0, 0.0] * 10))
    assert found == pytest.approx(sum(abs(0.5 - (b + 0.5) / 10) for b in range(10)) / 10)


def test_ece_asks_whether_the_top_document_is_expected_and_counts_the_unanswerable_as_not() -> None:
    assert figures(outcome(confidence=1.0)).ece == 0
    assert figures(outcome(confidence=1.0, ranked=("b", "a"))).ece == 1
    assert figures(unanswerable(confidence=0.25)).ece == 0.25
    assert figures(outcome(confidence=0.5, ranked=())).ece == 0.5


# Refusing and answering


def test_refusals_worked_by_hand() -> None:
    found = figures(
        outcome(), outcome(), outcome(), outcome(answered=False, cited=()),
        unanswerable(), unanswerable(), unanswerable(answered=True, cited=("b",)),
    )  # fmt: skip
    assert found.questions == 7
    assert found.coverage == pytest.approx(4 / 7)
    assert found.refusal_precision == pytest.approx(2 / 3)
    assert found.refusal_recall == pytest.approx(2 / 3)
    assert found.false_refusals == pytest.approx(1 / 4)
    assert found.wrong == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"cited": ("a", "x")}, 0),
        ({"cited": ("x", "a")}, 1),
        ({"cited": ()}, 1),
        ({"expected": frozenset(), "cited": ("a",)}, 1),
    ],
)
def test_an_answer_is_wrong_unless_it_cites_an_expected_document_first(changes: dict[str, Any], wrong: int) -> None:
    assert figures(outcome(**changes)).wrong == wrong


def test_citation_precision_counts_documents_over_answered_answerable_questions() -> None:
    found = figures(
        outcome(cited=("a",)),
        outcome(cited=("x", "a", "y")),
        outcome(answered=False, cited=("z",)),
        unanswerable(answered=True, cited=("z",)),
    )
    assert found.citation_precision == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("text", "answers", "contained"),
    [
        ("Within 30 days.", ("30 days",), 1),
        ("WITHIN 30\n  DAYS.", ("within 30 days",), 1),
        ("请在３０天 内退货", ("30天内",), 1),
        ("Straße 5", ("STRASSE 5",), 1),
        ("Within 30 days.", ("14 days", "30 days"), 1),
        ("Within 30 days.", ("14 days",), 0),
    ],
)
def test_an_answer_contains_a_text_whatever_its_case_width_and_white_space(
    text: str, answers: tuple[str, ...], contained: int
) -> None:
    assert figures(outcome(text=text, answers=answers)).answer_contains == contained


def test_answer_contains_leaves_out_the_refused_and_those_without_answers() -> None:
    asked = {"answers": ("30 days",)}
    refused = outcome(answered=False, cited=(), text="", **asked)
    assert figures(outcome(**asked), outcome(), refused).answer_contains == 1
    assert figures(outcome(), refused).answer_contains is None


def test_latency_percentiles_are_linear_between_ranks() -> None:
    found = figures(*(outcome(latency_ms=value) for value in (3.0, 1.0, 50.0, 7.0)))
    assert found.latency_p50 == 5.0  # half way between 3 and 7
    assert found.latency_p95 == pytest.approx(7 + 0.85 * (50 - 7))  # 95% of the way from rank 0 to rank 3 is 2.85


# Nothing to divide by


def undefined(found: Figures) -> set[str]:
    return {part.name for part in fields(found) if getattr(found, part.name) is None}


def test_zero_questions_leave_every_figure_but_their_number_undefined() -> None:
    found = measure([])
    assert found.overall.questions == 0
    assert undefined(found.overall) == {part.name for part in fields(Figures)} - {"questions"}
    assert found.languages == {}


def test_without_unanswerable_questions_what_is_said_of_them_is_undefined() -> None:
    found = figures(outcome(answers=("30",)), outcome())
    assert undefined(found) == {"auroc", "refusal_precision", "refusal_recall", "refusal_recall_at_5"}


def test_without_answerable_questions_what_is_said_of_them_is_undefined() -> None:
    found = figures(unanswerable(), unanswerable(answered=True, cited=("b",)))
    assert (found.coverage, found.refusal_precision, found.refusal_recall, found.wrong) == (0.5, 1.0, 0.5, 1.0)
    assert undefined(found) == {
        "recall_at_1", "recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10", "auroc", "false_refusals",
        "refusal_recall_at_5", "answer_contains", "citation_precision",
    }  # fmt: skip


def test_one_refused_question_has_no_wrong_answers_rather_than_a_perfect_score() -> None:
    found = figures(outcome(answered=False, cited=()))
    assert (found.wrong, found.citation_precision) == (None, None)
    assert (found.coverage, found.false_refusals, found.refusal_precision) == (0, 1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"confidence": 1.5},
        {"confidence": math.nan},
        {"answerable": False},
        {"ranked": ("a", "a")},
        {"cited": ("a", "a")},
    ],
)
def test_an_outcome_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"confidence is|answerable is|repeats a document"):
        outcome(**changes)


# Languages, JSON and the table


MIXED = [
    outcome(answers=("30",)),
    outcome(language="zh", ranked=("b", "c", "a"), confidence=0.6),
    unanswerable(language="zh", latency_ms=20.0),
]


def test_each_language_is_measured_as_if_it_were_alone() -> None:
    found = measure(MIXED)
    assert list(found.languages) == ["en", "zh"]
    assert found.languages["zh"] == measure(MIXED[1:]).overall
    assert found.languages["en"] == measure(MIXED[:1]).overall


@no_deadline
@given(st.permutations(MIXED * 3))
def test_the_order_of_the_outcomes_does_not_matter(outcomes: list[Outcome]) -> None:
    assert measure(outcomes).to_json() == measure(MIXED * 3).to_json()


def test_json_has_the_documented_names_rounds_to_four_digits_and_keeps_null() -> None:
    document = json.loads(json.dumps(measure(MIXED).to_json(), allow_nan=False))
    assert list(document) == [*JSON_NAMES, "languages"]
    assert list(document["languages"]["zh"]) == JSON_NAMES
    assert document["mrr@10"] == 0.6667
    assert document["latency_ms"] == {"p50": 10.0, "p95": 19.0}
    assert document["languages"]["en"]["auroc"] is None


def test_json_gives_every_figure_under_its_own_name() -> None:
    names = [part.name for part in fields(Figures)]
    document = Metrics(Figures(**dict(zip(names, range(len(names)), strict=True)))).to_json()
    flat = [document[name] for name in JSON_NAMES[:-1]] + [document["latency_ms"]["p50"], document["latency_ms"]["p95"]]
    assert flat == list(range(len(names)))
    for name, given_name in zip(names, JSON_NAMES[:-1], strict=False):
        assert given_name.replace("@", "_at_") == name


def rendered(metrics: Metrics, width: int = 80) -> list[str]:
    out = StringIO()
    render(metrics, Console(file=out, width=width))
    return out.getvalue().splitlines()


def test_the_table_shows_every_figure_for_all_and_for_each_language() -> None:
    lines = rendered(measure(MIXED))
    cells = {line[:34].strip(): line[34:].split() for line in lines}
    assert lines[0].split() == ["all", "en", "zh"]
    assert cells["Questions"] == ["3", "1", "2"]
    assert cells["Found first (recall@1)"] == ["50.0%", "100.0%", "0.0%"]
    assert cells["Unanswerable, and refused"] == ["100.0%", "–", "100.0%"]
    assert cells["Time, half within (p50)"] == ["10", "ms", "10", "ms", "15", "ms"]
    assert sum(len(row) >= 3 for name, row in cells.items() if name) == len(fields(Figures))


@pytest.mark.parametrize("tags", [[], ["zh"], ["en", "zh", "zh-Hant"], [f"zh-Hant-{at}" for at in range(9)]])
def test_the_table_cuts_nothing_off_at_80_columns_however_many_languages(tags: list[str]) -> None:
    slow = [replace(outcome(language=tag), latency_ms=99_999.0) for tag in tags]
    text = rendered(measure(slow))
    assert all(len(line) <= 80 for line in text)
    assert "…" not in "\n".join(text).replace("… if 5%", "")
    assert all(any(tag in line.split() for line in text) for tag in tags)


def test_zero_questions_make_a_table_of_dashes() -> None:
    assert sum("–" in line for line in rendered(measure([]))) == len(fields(Figures)) - 1

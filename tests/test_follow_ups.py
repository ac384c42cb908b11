"""Follow-ups are read with as much of what was said before as it takes to know what they are about, and no more."""

from __future__ import annotations

import pytest

from bench.follow_ups import DATA, outcome
from kb.evaluation.golden import read_golden
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search.thread import FURTHEST, is_elsewhere, thread
from kb.search.wording import Concept


@pytest.mark.parametrize(
    ("turns", "read"),
    [
        (["How long is the warranty on the motor of a washer?"], 1),
        (["How long is the warranty on the motor of a washer?", "and its motor?"], 2),
        (["买的洗衣机还没拆封，想退", "那装好的呢？"], 2),
        (["How do I cancel an order I placed?", "How long is the warranty on the motor of a washer?"], 1),
        (["How long is the warranty on the motor of a washer?", "ok", "and the motor?"], 3),
        (["How long is the warranty on the motor of a washer?", "ok", "yes", "fine"], FURTHEST),
    ],
)
def test_a_turn_that_lives_on_the_one_before_brings_it_along(turns: list[str], read: int) -> None:
    assert thread(turns) == turns[-read:]


def test_a_question_mostly_in_words_that_nobody_wrote_follows_nothing() -> None:
    known, unknown = Concept("refund", (), 2.0), Concept("weather", (), 9.0)
    assert is_elsewhere((known, unknown), 9.0)
    assert not is_elsewhere((known,), 9.0)
    assert not is_elsewhere((known, Concept("leeds", (), 2.5)), 9.0)


@pytest.mark.parametrize(("name", "right", "wrong"), [("follow_ups", 18, 1), ("follow_ups_blind", 19, 5)])
def test_written_conversations_are_followed_as_well_as_measured(
    sample_kb: KnowledgeBase, name: str, right: int, wrong: int
) -> None:
    """`_blind` was written with the other, and never looked at while it was built with."""
    found = [outcome(sample_kb, one) for one in read_golden(DATA / f"{name}.jsonl")]
    assert found.count("answered") >= right
    assert found.count("wrong") <= wrong


def test_a_code_of_several_products_follows_the_product_that_was_named_or_picked(sample_kb: KnowledgeBase) -> None:
    def told(question: str, *before: str) -> str | None:
        answer = sample_kb.answer(Ask(question, before))
        return answer.citations[0].document_id if answer.citations else answer.reason

    assert told("那E5呢", "空调显示E3怎么办") == "zh/errors/aircon-a9", "E3 names no product, though one asks for it"
    assert told("那E5呢", "E3 怎么办") == "which_product"
    assert told("那E5呢", "E3 怎么办", "空调") == "zh/errors/aircon-a9"

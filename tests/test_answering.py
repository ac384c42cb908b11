"""When an answer is held back although something was found, and what the operator is told of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from conftest import Centre, tiny_settings

from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask
from kb.search.codes import names_another
from kb.withheld import report

FIVE = "# Money back\n\nA refund takes 5 working days to reach your card. Ask your bank after that.\n"
SEVEN = "# Returns\n\nSend it in its box. A refund takes 7 working days to reach your card.\n"
ASKED = "how many working days until a refund reaches my card"
AGENTS = frozenset({"public", "agent"})


def opened(centre: Centre, **settings: object) -> KnowledgeBase:
    centre.reindex()
    made = tiny_settings(Path(centre.settings.model), **({"min_confidence": 0.0} | settings))
    return KnowledgeBase(centre.paths, made, embedder=centre.embedder)


def with_front(text: str, **keys: str) -> str:
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in keys.items()) + "---\n" + text


def test_two_sources_that_differ_in_a_number_are_not_told(centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    centre.article("money.md", FIVE)
    centre.article("returns.md", SEVEN)
    answer = opened(centre).answer(Ask(ASKED), explain=True)
    assert (answer.outcome, answer.reason, answer.citations) == ("abstained", "contradicting_sources", ())
    assert answer.explain is not None
    assert answer.explain.outcome == "contradicting_sources"
    assert "7" not in answer.text
    assert "money" in caplog.text
    assert "returns" in caplog.text
    assert "card" not in caplog.text


@pytest.mark.parametrize(
    ("other", "question"),
    [
        (SEVEN.replace("7", "5"), ASKED),
        (SEVEN.replace("7 ", ""), ASKED),
        (with_front(SEVEN, product="washers"), ASKED),
        (with_front(SEVEN, audience="agent"), ASKED),
        (with_front(SEVEN, language="de"), ASKED),
        (with_front(SEVEN, valid_to="2020-01-01"), ASKED),
        (with_front(SEVEN, translation_of="money"), ASKED),
        (SEVEN, "Money back"),
        (SEVEN, f"{ASKED}, in its box, of returns"),
        ("# Returns\n\nA return is free for 7 working days.\n", ASKED),
    ],
)
def test_sources_that_do_not_contradict_each_other_are_told(centre: Centre, other: str, question: str) -> None:
    centre.article("money.md", FIVE)
    centre.article("returns.md", other)
    assert opened(centre).answer(Ask(question)).outcome == "answered"


def test_a_contradiction_of_internal_sources_is_kept_from_agents_alone(centre: Centre) -> None:
    centre.article("money.md", with_front(FIVE, audience="agent"))
    centre.article("returns.md", with_front(SEVEN, audience="agent"))
    kb = opened(centre)
    assert kb.answer(Ask(ASKED)).reason != "contradicting_sources"
    assert kb.answer(Ask(ASKED, audiences=AGENTS)).reason == "contradicting_sources"


@pytest.mark.parametrize(
    ("asked", "text", "another"),
    [
        (["e-4022"], "E-4021: the card was refused", True),
        (["e-4022"], "E-4021 and E-4022: the card was refused", False),
        (["e-4022"], "the card was refused", False),
        (["e-4022"], "E4021: the card was refused", False),
        (["w8", "e3"], "W6: E3 means that the drum is unbalanced", True),
        (["w6", "e3"], "W6: E3 means that the drum is unbalanced", False),
        (["w6", "w8"], "the filter of the W6", False),
        (["jd2024112401"], "order numbers look like JD2024010199", False),
        ([], "E-4021: the card was refused", False),
        (["e3"], "故障代码 E5 表示门没有关好", True),
    ],
)
def test_a_text_about_another_code_is_told_by_its_letters(asked: list[str], text: str, another: bool) -> None:
    assert names_another(asked, text) is another


def test_a_code_that_nobody_wrote_about_is_refused_and_its_neighbours_are_unlikely(centre: Centre) -> None:
    centre.article("payment.md", "# Payment fails with E-4021\n\nE-4021: your bank refused the card. Call your bank.\n")
    kb = opened(centre, min_confidence=0.05)
    assert kb.answer(Ask("payment fails with E-4021")).outcome == "answered"
    assert kb.answer(Ask("why does E-4021 come up when I pay?")).outcome == "answered"
    refused = kb.answer(Ask("why does E-4022 come up when I pay?"), explain=True)
    assert (refused.outcome, refused.reason) == ("abstained", "close_not_answering")
    assert refused.explain is not None
    assert [hit.rule for hit in refused.explain.hits] == ["other_code"]
    assert [hit.confidence for hit in kb.search(Ask("payment E-4022")).hits] == [0.01]


def _log_of(kb: KnowledgeBase, ask: Ask, caplog: pytest.LogCaptureFixture) -> tuple[Answer, str]:
    caplog.clear()
    with caplog.at_level(logging.INFO, "kb.withheld"):
        answer = kb.answer(ask)
        report(kb, ask, answer)
    return answer, caplog.text


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"audience": "agent"}, "not for this asker"),
        ({"audience": "vip"}, "not for this asker"),
        ({"valid_to": "2020-01-01"}, "not valid now"),
        ({"valid_from": "2090-01-01"}, "not valid now"),
    ],
)
def test_the_operators_log_names_what_a_refusal_withheld_and_the_asker_is_not_told(
    centre: Centre, caplog: pytest.LogCaptureFixture, keys: dict[str, str], why: str
) -> None:
    centre.article("money.md", with_front(FIVE, **keys))
    kb, ask = opened(centre), Ask(ASKED)
    answer, told = _log_of(kb, ask, caplog)
    assert answer.outcome == "abstained"
    assert f"answer {answer.answer_id} was refused ({answer.reason}); money would answer it" in told
    assert why in told
    assert "working" not in told
    centre.article("money.md", with_front(FIVE, status="draft"))
    without, nothing = _log_of(opened(centre), ask, caplog)
    assert "money" not in nothing
    shown = [(a.outcome, a.text, a.citations, a.confidence, a.reason, a.options) for a in (answer, without)]
    assert shown[0] == shown[1]


def test_an_answer_and_an_open_question_back_are_not_reported(centre: Centre, caplog: pytest.LogCaptureFixture) -> None:
    centre.article("money.md", FIVE)
    centre.article("hidden.md", with_front(SEVEN, audience="agent"))
    assert _log_of(opened(centre), Ask(ASKED), caplog)[1] == ""


CURATED = """---
answer: Yes, unused and in its box.
---
# Can I return it within 7 days?

Send it back with the label that came with it. Keep the receipt of the post.

## It has not arrived

Call us and have the number of the parcel at hand.
"""


@pytest.mark.parametrize(
    ("question", "curated"),
    [
        ("Can I return it within 7 days", True),
        ("can i return this in 7 days?", True),
        ("Can I return it within 8 days?", False),
        ("My parcel has not arrived, whom do I call?", False),
    ],
)
def test_nearly_the_title_is_answered_by_the_articles_own_short_answer(
    question: str, curated: bool, centre: Centre
) -> None:
    centre.article("return.md", CURATED)
    answer = opened(centre).answer(Ask(question))
    assert answer.outcome == "answered"
    assert (answer.text == "Yes, unused and in its box.") is curated

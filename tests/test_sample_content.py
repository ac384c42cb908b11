"""The sample content is what its description promises, and the service finds its way in it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLE
from sample_files import ArticleFile, opened, read_lines, sample_articles

from kb.evaluation.golden import read_golden
from kb.evaluation.metrics import measure
from kb.evaluation.replay import replay
from kb.ingest.articles import list_articles, read_article, read_source
from kb.knowledge import KnowledgeBase
from kb.results import Ask

ARTICLES = sample_articles(ROOT)
TICKETS = {ticket["id"]: ticket for ticket in read_lines(SAMPLE / "tickets.jsonl")}
GOLDEN = read_lines(SAMPLE / "golden.jsonl")
ANSWERABLE = [question for question in GOLDEN if question["expected"]]


def _language(article: ArticleFile) -> str:
    return str(article.front["language"])


def test_every_article_file_parses_and_keeps_its_body_and_title() -> None:
    sources = list_articles(ROOT / "articles")
    read = [read_article(read_source(source), path=source.path, timezone=UTC) for source in sources]
    assert {article.id: (article.title, article.body) for article in read} == {
        id_: (by_hand.title, by_hand.body) for id_, by_hand in ARTICLES.items()
    }


def test_there_are_at_least_seventy_articles_about_half_in_each_language() -> None:
    languages = Counter(_language(article).partition("-")[0] for article in ARTICLES.values())
    assert len(ARTICLES) >= 70
    assert set(languages) == {"zh", "en"}
    assert min(languages.values()) >= 0.4 * len(ARTICLES), languages


def test_at_least_twelve_articles_are_translations_of_articles_in_another_language_that_exist() -> None:
    pairs = {id_: a.front["translation_of"] for id_, a in ARTICLES.items() if "translation_of" in a.front}
    assert {target for target in pairs.values() if target not in ARTICLES} == set()
    assert [id_ for id_, target in pairs.items() if _language(ARTICLES[id_]) == _language(ARTICLES[target])] == []
    assert len(pairs) >= 12


def test_at_least_three_articles_are_in_traditional_chinese() -> None:
    traditional = [a for a in ARTICLES.values() if _language(a) == "zh-Hant"]
    assert len(traditional) >= 3
    assert all(re.search("[們個請這電機]", article.body) for article in traditional)


def test_at_least_eight_articles_are_for_agents_only() -> None:
    assert sum(article.audience == {"agent"} for article in ARTICLES.values()) >= 8


@pytest.mark.parametrize("state", ["draft", "retired", "expired", "not-yet-valid"])
def test_the_sample_holds_an_article_that_is_not_live_because_it_is(state: str) -> None:
    assert [id_ for id_, article in ARTICLES.items() if article.state == state]


def test_public_articles_in_both_languages_hold_blocks_for_agents() -> None:
    blocks = Counter(_language(a).partition("-")[0] for a in ARTICLES.values() if a.is_public and a.agent_text)
    assert blocks["zh"] >= 1
    assert blocks["en"] >= 1


def test_there_are_at_least_a_hundred_and_fifty_tickets_about_a_third_of_them_unresolved() -> None:
    unresolved = [t for t in TICKETS.values() if t["status"] not in ("solved", "closed") or not t.get("resolution")]
    assert len(TICKETS) >= 150
    assert 0.25 <= len(unresolved) / len(TICKETS) <= 0.45, len(unresolved)


def test_there_are_at_least_a_hundred_and_fifty_golden_questions_a_quarter_to_be_refused() -> None:
    assert len(GOLDEN) >= 150
    assert 0.2 <= 1 - len(ANSWERABLE) / len(GOLDEN) <= 0.3
    assert {question["language"].partition("-")[0] for question in GOLDEN} == {"zh", "en"}


def test_every_expected_document_exists_and_its_asker_may_see_it() -> None:
    for question in ANSWERABLE:
        for id_ in question["expected"]:
            if id_ in TICKETS:
                assert question.get("audience") == "agent", question
            else:
                assert ARTICLES[id_].state == "live", (question, ARTICLES[id_].state)
                assert "public" in ARTICLES[id_].audience or question.get("audience") == "agent", question


def test_no_golden_question_shares_eight_chinese_characters_or_five_english_words_with_an_expected_document() -> None:
    shared = []
    for question in ANSWERABLE:
        asked = _stretches(question["question"])
        for id_ in question["expected"]:
            shared += [(question["question"], id_, run) for run in asked & _stretches("\n".join(_texts(id_)))]
    assert shared == []


def _stretches(text: str) -> set[str]:
    """Every eight Chinese characters and every five words in a run, compared without case and width."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    found = {run[at : at + 8] for run in re.findall("[㐀-鿿]{8,}", folded) for at in range(len(run) - 7)}
    words = re.findall(r"[a-z0-9'’]+", folded)
    return found | {" ".join(words[at : at + 5]) for at in range(len(words) - 4)}


def _texts(id_: str) -> Sequence[str]:
    if id_ in TICKETS:
        ticket = TICKETS[id_]
        return [ticket["subject"], ticket.get("resolution") or "", *(m["text"] for m in ticket["messages"])]
    return ARTICLES[id_].texts(ARTICLES[id_].body)


def test_every_text_that_a_right_answer_contains_stands_verbatim_in_an_expected_document() -> None:
    missing = [
        (question["question"], answer)
        for question in ANSWERABLE
        for answer in question.get("answers", [])
        if not any(answer in text for id_ in question["expected"] for text in _texts(id_))
    ]
    assert missing == []


def test_at_least_nineteen_of_twenty_golden_questions_find_their_document_among_the_first_five(
    sample_home: Path, sample_kb: KnowledgeBase, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = read_golden(SAMPLE / "golden.jsonl")
    kb = opened(sample_home, sample_kb)
    kb.embed_ahead(Ask(q.question, q.conversation) for q in golden)
    metrics = measure(list(replay(kb, golden, "public", lambda _: None)))
    with capsys.disabled():
        print(f"\n{metrics.to_json()}")  # noqa: T201 - the figures are what this test is run for
    assert metrics.overall.recall_at_5 is not None
    assert metrics.overall.recall_at_5 >= 0.95

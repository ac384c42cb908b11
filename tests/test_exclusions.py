"""A question that an article says it does not answer is never answered from it, nor found in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import ROOT, Centre, found
from opencc import OpenCC
from sample_files import sample_articles

from kb.knowledge import KnowledgeBase
from kb.results import Ask

DECLARED = [
    (id_, question)
    for id_, article in sample_articles(ROOT).items()
    for question in article.front.get("not_questions") or []
]
ARTICLE = "---\ntitle: Returns\nnot_questions: [How do I cancel a visit]\n---\nHow you cancel a visit or return it.\n"
OTHER = "# Visits\n\nHow you cancel a visit.\n"


def _varied(question: str) -> Iterator[str]:
    yield question
    yield question.rstrip("?？。") + "!!"
    yield "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in question)
    if question.isascii():
        yield question.lower().rstrip("?")
    else:
        yield f"请问{question}呢？"
        yield OpenCC("s2t").convert(question)


@pytest.mark.parametrize(("document", "question"), DECLARED)
def test_no_variation_of_a_not_question_is_answered_from_or_found_in_its_article(
    sample_kb: KnowledgeBase, document: str, question: str
) -> None:
    for asked in _varied(question):
        answer, result = sample_kb.answer(Ask(asked)), sample_kb.search(Ask(asked), 100)
        assert document not in {citation.document_id for citation in answer.citations}, asked
        assert document not in {hit.document_id for hit in result.hits}, asked


def test_an_edit_of_not_questions_holds_at_the_next_refresh(centre: Centre) -> None:
    centre.article("returns.md", ARTICLE)
    centre.article("visits.md", OTHER)
    centre.reindex()
    kb = centre.open()
    assert found(kb, question="please, how do i CANCEL a visit?").keys() == {"visits"}
    assert found(kb, question="How do I return it").keys() == {"returns", "visits"}
    centre.article("returns.md", ARTICLE.replace("not_questions: [How do I cancel a visit]\n", ""))
    centre.reindex()
    kb.reader.refresh()
    assert found(kb, question="How do I cancel a visit").keys() == {"returns", "visits"}
    centre.article("returns.md", ARTICLE)
    centre.reindex()
    kb.reader.refresh()
    assert found(kb, question="How do I cancel a visit").keys() == {"visits"}
    centre.reindex(full=True)
    assert found(centre.open(), question="How do I cancel a visit").keys() == {"visits"}


def test_a_question_of_another_code_is_not_ruled_out(centre: Centre) -> None:
    text = "---\ntitle: Codes\nnot_questions: [What does the error code E-4021 mean]\n---\nE-4012 is an error code.\n"
    centre.article("codes.md", text)
    centre.reindex()
    assert found(centre.open(), question="What does the error code E-4012 mean").keys() == {"codes"}
    assert not found(centre.open(), question="What does error code E-4021 mean?")


def test_what_the_article_itself_asks_outweighs_a_near_not_question(centre: Centre) -> None:
    front = "title: T\nquestions: [cancel my repair visit tomorrow]\nnot_questions: [cancel my repair visit today]"
    centre.article("visits.md", f"---\n{front}\n---\nText.\n")
    centre.reindex()
    assert found(centre.open(), question="cancel my repair visit tomorrow").keys() == {"visits"}
    assert not found(centre.open(), question="cancel my repair visit today")

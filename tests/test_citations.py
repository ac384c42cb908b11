"""Every citation is the exact span that it claims, each sentence of an answer has one, curated answers are verbatim."""

from __future__ import annotations

import json
import re
import sqlite3
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLE, tiny_settings, write_article
from sample_files import JsonRecord, opened, read_lines, sample_articles

from kb.answer.citations import Citation, cite
from kb.config import Paths
from kb.errors import CitationError
from kb.knowledge import KnowledgeBase
from kb.model import AGENT, PUBLIC
from kb.progress import silent
from kb.results import Answer, Ask
from kb.search.embedding import Embedder
from kb.writer import Writer, writer_lock

ARTICLES = sample_articles(ROOT)
GOLDEN = read_lines(SAMPLE / "golden.jsonl")
CURATED = [
    (article.id, question)
    for article in ARTICLES.values()
    if article.is_public and article.front.get("answer")
    for question in article.front.get("questions", [])
]
AUDIENCES = {"public": frozenset({PUBLIC}), "agent": frozenset({PUBLIC, AGENT})}


@pytest.fixture(scope="module")
def talkative(sample_home: Path, sample_kb: KnowledgeBase) -> KnowledgeBase:
    """The sample, with every question answered that finds anything, so that there are many citations to check."""
    kb = opened(sample_home, sample_kb, min_confidence=0.0)
    kb.embed_ahead([*map(_ask, GOLDEN), *(Ask(question) for _, question in CURATED)])
    return kb


def _ask(golden: JsonRecord, audience: str = "public") -> Ask:
    return Ask(golden["question"], tuple(golden.get("conversation", [])), AUDIENCES[audience])


@cache
def _answers(kb: KnowledgeBase, audience: str) -> list[Answer]:
    return [kb.answer(_ask(golden, audience)) for golden in GOLDEN]


@cache
def _resolution(home: Path, ticket_id: str, revision: int) -> str:
    with sqlite3.connect(f"file:{Paths(home).database}?mode=ro", uri=True) as db:
        query = "SELECT content FROM revisions WHERE document_id = ? AND revision = ?"
        content = db.execute(query, [ticket_id, revision]).fetchone()[0]
    db.close()
    return str(json.loads(content)["resolution"])


def _body(home: Path, citation: Citation, audience: str) -> str:
    """The body that a citation is a span of: by hand from the file, a ticket's from the store."""
    article = ARTICLES.get(citation.document_id)
    if article is None:
        return _resolution(home, citation.document_id, citation.revision)
    return article.public_body if audience == "public" else article.body


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_citation_quotes_its_span_of_the_body_that_its_reader_may_see(
    sample_home: Path, talkative: KnowledgeBase, audience: str
) -> None:
    citations = [citation for answer in _answers(talkative, audience) for citation in answer.citations]
    wrong = [c for c in citations if c.quote != _body(sample_home, c, audience)[c.start : c.end]]
    assert wrong == []
    assert [c for c in citations if not c.quote.strip() or c.start >= c.end] == []
    assert len(citations) > len(GOLDEN)
    shifted = [c for c in citations if c.document_id in ARTICLES and ARTICLES[c.document_id].agent_text]
    assert len(shifted) > 10, "some cited articles hold agent blocks, where the two bodies differ"


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_citation_names_the_title_and_the_page_of_its_document(talkative: KnowledgeBase, audience: str) -> None:
    for citation in (citation for answer in _answers(talkative, audience) for citation in answer.citations):
        if article := ARTICLES.get(citation.document_id):
            assert (citation.title, citation.url) == (article.title, f"/articles/{citation.document_id}")
            assert all(heading in article.body for heading in citation.heading)
        else:
            assert citation.url is None
        assert citation.revision == 1


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_sentence_of_an_extractive_answer_is_cited_in_order(talkative: KnowledgeBase, audience: str) -> None:
    curated = {article.front.get("answer") for article in ARTICLES.values()}
    extractive = [answer for answer in _answers(talkative, audience) if answer.text not in curated]
    extractive = [answer for answer in extractive if answer.outcome == "answered"]
    uncited = [a for a in extractive if _letters(a.text) != "".join(_letters(c.quote) for c in a.citations)]
    assert uncited == []
    assert len(extractive) > 100
    assert any(len(answer.citations) > 1 for answer in extractive)


def _letters(markdown: str) -> str:
    """Letters and digits as a reader sees them: of links and images only the text, of HTML nothing."""
    without_targets = re.sub(r"\]\([^)]*\)", "", markdown)
    return "".join(c for c in re.sub(r"<br/?>", "", without_targets) if c.isalnum())


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_citation_holds_one_sentence(talkative: KnowledgeBase, audience: str) -> None:
    """In a paragraph; an item of a list, a table's row and a block of code are quoted whole."""
    several = []
    for citation in (citation for answer in _answers(talkative, audience) for citation in answer.citations):
        article = ARTICLES.get(citation.document_id)
        body = "" if article is None else article.body
        line = body[body.rfind("\n", 0, body.find(citation.quote)) + 1 :].lstrip("> ")
        in_paragraph = article is not None and not re.match(r"[-*+|`]|\d+[.)]", line)
        if in_paragraph and re.search(r"[。！？][^”」』）)\s]", citation.quote):
            several.append(citation.quote)
    assert several == []


def test_an_answered_question_has_at_least_one_citation_and_a_refusal_has_none(
    sample_home: Path, sample_kb: KnowledgeBase, talkative: KnowledgeBase
) -> None:
    usual = opened(sample_home, sample_kb)
    usual._vectors = talkative._vectors
    seen = set()
    lowest = min(usual.threshold(language) for language in ("zh", "en"))
    for answer in _answers(usual, "public"):
        seen.add(answer.outcome)
        assert (answer.outcome == "answered") == bool(answer.citations), answer
        assert answer.outcome == "abstained" or answer.confidence >= lowest, answer
        assert (answer.reason is None) == (answer.outcome == "answered"), answer
    assert seen == {"answered", "abstained"}


def test_a_curated_answer_is_returned_verbatim_for_each_question_it_was_written_for(talkative: KnowledgeBase) -> None:
    by_question: dict[str, set[str]] = {}
    for id_, question in CURATED:
        by_question.setdefault(question, set()).add(str(ARTICLES[id_].front["answer"]))
    wrong = {}
    for question, accepted in by_question.items():
        answer = talkative.answer(Ask(question))
        if answer.text not in accepted:
            wrong[question] = (answer.text, [citation.document_id for citation in answer.citations])
    assert len(by_question) >= 60
    assert wrong == {}


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_citation_behind_an_agent_block_counts_the_block_for_agents_only(
    home: Path, tiny_model: Path, tiny_embedder: Embedder, audience: str
) -> None:
    note = "::: agent\nBe kind.\n:::\n\n"
    public = "# Return\n\nThe box is closed.\n\n{}## Cost\n\nA return costs nothing.\n"
    write_article(home, "return.md", public.format(note))
    settings = tiny_settings(tiny_model, min_confidence=0.0)
    with writer_lock(Paths(home)):
        writer = Writer(Paths(home), settings, embedder=tiny_embedder)
        writer.reindex(silent)
        writer.close()
    body = public.format("" if audience == "public" else note)
    kb = KnowledgeBase(Paths(home), settings, embedder=tiny_embedder)
    (citation,) = kb.answer(Ask("cost nothing", (), AUDIENCES[audience])).citations[:1]
    assert citation.quote == "A return costs nothing."
    assert (citation.start, citation.end) == (body.index("A return"), len(body) - 1)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 6), (5, 6)])
def test_a_span_outside_the_body_is_an_error_not_a_citation(start: int, end: int) -> None:
    with pytest.raises(CitationError, match="no span"):
        cite("hello", start, end, document_id="a", revision=1, title="A", heading=(), url=None)


def test_offsets_count_code_points() -> None:
    made = cite("🙂 洗衣机 é", 2, 5, document_id="a", revision=1, title="A", heading=(), url=None)
    assert made.quote == "洗衣机"

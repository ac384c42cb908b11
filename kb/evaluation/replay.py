"""Golden questions put to a knowledge base, and what it did with each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from kb.evaluation.golden import GoldenQuestion
from kb.evaluation.metrics import DEPTH, Outcome
from kb.knowledge import KnowledgeBase
from kb.model import audiences_of
from kb.results import Ask, Hit
from kb.search.terms import written_in


def replay(
    kb: KnowledgeBase, questions: Sequence[GoldenQuestion], audience: str, progress: Callable[[int], None]
) -> Iterator[Outcome]:
    """Asks every question as its own audience, or else as `audience`; `progress` hears how many are done."""
    for done, question in enumerate(questions, 1):
        yield _outcome(kb, question, audience)
        progress(done)


def asked_as(golden: GoldenQuestion, audience: str) -> Ask:
    """A golden question as it is asked: by its own audience, or else by `audience`."""
    return Ask(golden.question, golden.conversation, audiences_of(golden.audience or (audience,)), golden.language)


def _outcome(kb: KnowledgeBase, golden: GoldenQuestion, audience: str) -> Outcome:
    ask = asked_as(golden, audience)
    started = time.perf_counter()
    answer = kb.answer(ask)
    took = (time.perf_counter() - started) * 1000
    found = kb.search(ask, DEPTH)
    lane = _lane(found.hits, found.tickets, frozenset(golden.expected))
    return Outcome(
        language=golden.language or written_in(golden.question),
        answerable=bool(golden.expected),
        ranked=tuple(hit.document_id for hit in lane),
        expected=frozenset(golden.expected),
        confidence=answer.confidence,
        answered=answer.outcome == "answered",
        cited=tuple(dict.fromkeys(citation.document_id for citation in answer.citations)),
        text=answer.text,
        answers=golden.answers,
        latency_ms=took,
    )


def _lane(articles: Sequence[Hit], tickets: Sequence[Hit], expected: frozenset[str]) -> Sequence[Hit]:
    """The lane that holds an expected document, the articles' where neither or both do."""
    here = {hit.document_id for hit in articles} & expected
    there = {hit.document_id for hit in tickets} & expected
    return tickets if there and not here else articles

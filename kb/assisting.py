"""Assist over one knowledge base: what was said is looked up as any question is, and told by what answers any."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kb.answer.citations import document_url
from kb.answering import Answering
from kb.assist.engine import MOST, Assistant
from kb.assist.lines import Candidate, Note, Saying, revision_of
from kb.hits import Found
from kb.knowledge import KnowledgeBase
from kb.model import PUBLIC
from kb.questions import MAX_QUESTION, Question
from kb.results import Ask
from kb.search.terms import question_terms, terms

_NOTES = 2
"""Internal passages of a suggestion's document that are shown with it."""


def assistant(kb: Callable[[], KnowledgeBase], audiences: frozenset[str], budget_ms: int) -> Assistant:
    """Whoever listens to a call for these audiences; `kb` gives what answers now."""
    return Assistant(KnowledgeShelf(kb, audiences), budget_ms)


class KnowledgeShelf:
    """The articles that one audience may see."""

    def __init__(self, kb: Callable[[], KnowledgeBase], audiences: frozenset[str]) -> None:
        self._now, self._audiences = kb, audiences

    @property
    def _kb(self) -> KnowledgeBase:
        return self._now()

    def prepare(self, queries: list[str], speaks: str) -> None:
        """Embeds them in one run of the model."""
        self._kb.embed_ahead([self._ask(query, speaks, self._audiences) for query in queries])

    def look(self, query: str, speaks: str) -> list[Candidate]:
        """The best articles, each with its best passage."""
        question = self._kb.question(self._ask(query, speaks, self._audiences))
        words = frozenset(question_terms(query))
        return [_candidate(found, words) for found in question.lane("article", MOST)]

    def sayings(self, candidates: Sequence[Candidate], query: str, speaks: str) -> list[Saying]:
        """What an answer would quote of each document to the public, and what its internal passages note.

        Looked up once for all of them: that takes as long as finding them did.
        """
        question = self._kb.question(self._ask(query, speaks, frozenset({PUBLIC})))
        lane = {found.passage.document_id: found for found in question.lane("article", MOST, answering=True)}
        return [self._saying(candidate, question, lane.get(candidate.document_id)) for candidate in candidates]

    def _saying(self, candidate: Candidate, question: Question, same: Found | None) -> Saying:
        answer = Answering(question).of(same) if same else None
        notes = self._notes(candidate)
        return Saying(answer.text, answer.citations, notes) if answer else Saying(notes=notes)

    def meaning(self, text: str) -> list[str]:
        """The distinct terms of a text that carry meaning."""
        return meaning(text)

    def _notes(self, candidate: Candidate) -> tuple[Note, ...]:
        every = self._kb.reader.passages_of(candidate.document_id, revision_of(candidate.passage_id))
        inside = [p for p in every if p.internal and self._audiences_hold(p.audience) and p.role == "text"]
        return tuple(Note(p.text, p.heading[1:]) for p in inside[:_NOTES])

    def _audiences_hold(self, audience: tuple[str, ...]) -> bool:
        return bool(self._audiences & set(audience))

    def _ask(self, query: str, speaks: str, audiences: frozenset[str]) -> Ask:
        return Ask(query[-MAX_QUESTION:], (), audiences, speaks=speaks)


def meaning(text: str) -> list[str]:
    """The distinct terms of a text that carry meaning; none where it has nothing but small words."""
    words = question_terms(text)
    return [] if words == list(dict.fromkeys(terms(text))) and _is_small(words) else words


def _is_small(words: list[str]) -> bool:
    """Whether `question_terms` gave all of them back for want of one that means something."""
    return question_terms(" ".join([*words, "w6"])) == ["w6"]


def _candidate(found: Found, words: frozenset[str]) -> Candidate:
    best = found.passage
    held = words & (set(terms(best.embedded)) | set(terms(" ".join(best.heading))))
    return Candidate(
        passage_id=best.name,
        document_id=best.document_id,
        title=best.heading[0],
        heading=best.heading[1:],
        url=document_url(best.document_id, best.kind),
        text=best.text,
        language=best.language,
        audience=best.audience,
        internal=best.internal,
        probability=found.probability,
        score=found.score,
        shared=frozenset(held),
    )

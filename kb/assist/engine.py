"""Listens to one call for one audience, and says what the agent should see: little, once, and only where it is sure."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from kb.assist.lines import Candidate, Saying, Shelf, Suggestion, Told, Utterance, Why
from kb.assist.speech import asks, clauses, content, has_code
from kb.assist.wording import spoken_words
from kb.search.terms import is_chinese, written_in

SURE = 0.7
"""The probability from which on a passage is shown; chosen on the calls of `sample/calls` that are not `blind-`."""
ASKED = 0.25
"""The same where the customer asks, or tells that something is wrong: near the probability of an answer."""
CERTAIN = 0.9
"""From here on no other reading of an utterance is tried."""
BESIDE = 0.25
"""The probability that a second or third passage needs to be shown with the best one."""
MOST = 3
"""Suggestions after one utterance."""
_ALIKE = 0.6
"""The share of the best one's probability that the second and third need besides."""
_FEW = 2
"""Terms up to which an utterance says nothing by itself: it is read with what the customer said before it."""
_CLAUSE_TERMS, _CLAUSES = 2, 2
"""Clauses with so many terms are looked up by themselves, and so many of them."""
_QUIET = 8
"""Utterances of the customer for which a passage is not shown again, even where they come back to its topic."""
_TELLING_MS = 20.0
"""What is kept of the budget for saying what was found."""
_REMEMBERED = 3
"""Turns of a topic that a short utterance is read with."""


@dataclass(slots=True)
class _Topic:
    """What is being talked about: its number, what the customer said of it, and the documents that came near."""

    number: int = 0
    said: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    near: set[str] = field(default_factory=set)
    shown: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)


class Assistant:
    """Hears one call; to be told its utterances in the order of their numbers, by one thread at a time."""

    def __init__(self, shelf: Shelf, budget_ms: int) -> None:
        """`budget_ms`: what a suggestion may take; a further look is left out where it would end late."""
        self._shelf, self._budget = shelf, budget_ms
        self._topic = _Topic()
        self._heard = 0
        self._shown_at: dict[str, int] = {}

    def hear(self, utterance: Utterance) -> Told | None:
        """What is to be shown after an utterance; None mostly. Partial ones only warm what the final one will need."""
        if utterance.speaker != "customer":
            return None
        started = time.perf_counter()
        query = content(utterance.text)
        if not query or not self._shelf.meaning(query):
            return None
        if not utterance.final:
            self._shelf.prepare([query], written_in(query))
            return None
        self._heard += 1
        found, by = self._found(utterance.text, started)
        sure = ASKED if asks(utterance.text) else SURE
        if found and found[0].probability >= sure and by in query:
            self._follow(found)
        chosen = self._chosen(found, sure)
        self._topic.said.append(query)
        if not chosen:
            return None
        return self._told(utterance, by, chosen, started)

    def forget(self, document_id: str) -> None:
        """What was shown of a document is another by now: it may be shown again."""
        self._shown_at.pop(document_id, None)
        self._topic.shown = {shown for shown in self._topic.shown if shown[0] != document_id}

    def _found(self, said: str, started: float) -> tuple[list[Candidate], str]:
        """What an utterance finds, and the words by which: by itself, by a clause of it, or with the turns before."""
        query, speaks = content(said), written_in(said)
        best: list[Candidate] = []
        by, looked = query, 0.0
        for tried, reading in enumerate(self._readings(said, query)):
            began = _since(started)
            if tried and began + looked + _TELLING_MS > self._budget:  # another look would be late
                break
            found = self._shelf.look(reading, speaks)
            looked = _since(started) - began
            if reading not in query:
                own = frozenset(self._shelf.meaning(query))
                found = [candidate for candidate in found if own & candidate.shared]
            if found and (not best or found[0].probability > best[0].probability):
                best, by = found, reading
            if best and best[0].probability >= CERTAIN:
                break
        return best, by

    def _readings(self, said: str, query: str) -> list[str]:
        """Ways to read an utterance, the likeliest first: a code or a few words belong to what was said before."""
        comma = "，" if is_chinese(query) else ", "
        before = comma.join([*self._topic.said, query])
        if not self._topic.said:
            readings = [query]
        elif len(self._shelf.meaning(query)) <= _FEW + 2 * has_code(query):
            return [before] if has_code(query) or asks(said) else []
        else:
            readings = [query, before]
        telling = [clause for clause in clauses(said) if len(self._shelf.meaning(clause)) >= _CLAUSE_TERMS]
        if len(clauses(said)) > 1:
            readings[1:1] = sorted(telling, key=asks, reverse=True)[:_CLAUSES]
        return list(dict.fromkeys(readings))

    def _follow(self, alone: list[Candidate]) -> None:
        """A new topic begins where an utterance by itself finds a document that came near nothing said before."""
        if alone[0].document_id not in self._topic.near:
            self._topic = _Topic(self._topic.number + 1)
        self._topic.near.update(c.document_id for c in alone if c.probability >= BESIDE)

    def _chosen(self, found: list[Candidate], sure: float) -> list[Candidate]:
        """Those that are likely enough and new to the agent."""
        if not found or found[0].probability < sure:
            return []
        least = max(BESIDE, _ALIKE * found[0].probability)
        likely = [found[0], *(c for c in found[1:] if c.probability >= least)][:MOST]
        return [c for c in likely if self._is_new(c)]

    def _is_new(self, candidate: Candidate) -> bool:
        heard = self._shown_at.get(candidate.document_id)
        return (candidate.document_id, candidate.heading) not in self._topic.shown and (
            heard is None or self._heard - heard > _QUIET
        )

    def _told(self, utterance: Utterance, by: str, chosen: list[Candidate], started: float) -> Told:
        for candidate in chosen:
            self._topic.shown.add((candidate.document_id, candidate.heading))
            self._shown_at[candidate.document_id] = self._heard
        sayings = self._shelf.sayings(chosen, by, written_in(by))
        suggestions = tuple(_suggestion(utterance, *each) for each in zip(chosen, sayings, strict=True))
        took = round(_since(started), 3)
        number, sequence = utterance.number, utterance.sequence
        return Told(number, sequence, self._topic.number, suggestions, took, self._budget, took <= self._budget)


def _since(started: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - started) * 1000


def _suggestion(utterance: Utterance, candidate: Candidate, saying: Saying) -> Suggestion:
    return Suggestion(
        document_id=candidate.document_id,
        passage_id=candidate.passage_id,
        title=candidate.title,
        heading=candidate.heading,
        url=candidate.url,
        text=candidate.text,
        language=candidate.language,
        public=not candidate.internal and "public" in candidate.audience,
        confidence=round(candidate.probability, 4),
        why=Why(utterance.sequence, spoken_words(utterance.text, candidate.shared)),
        say=saying.text or None,
        citations=saying.citations,
        notes=saying.notes,
    )

"""What is said on a call and what an agent is shown of it: frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from kb.answer.citations import Citation

Speaker = Literal["customer", "agent"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of speech as recognised, redacted; `number` counts arrivals, `sequence` is the sender's.

    `final` where recognition is done with it; `at` seconds, on the sender's clock.
    """

    number: int
    sequence: int
    speaker: Speaker
    text: str
    final: bool = True
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may help; `probability` is calibrated on written questions, `score` what it was ranked by."""

    passage_id: str
    document_id: str
    title: str
    heading: tuple[str, ...]
    url: str | None
    text: str
    language: str
    audience: tuple[str, ...]
    internal: bool
    probability: float
    score: float
    shared: frozenset[str]
    """Terms of what was asked that stand in the passage or its headings."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is for the agent's eyes alone: never read out."""

    text: str
    heading: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Saying:
    """Sentences ready to say, of public passages alone, each cited; empty where nothing public says it."""

    text: str = ""
    citations: tuple[Citation, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """Why it is shown now: the customer's words, as they said them, that stand in it; none where it is meant alike."""

    sequence: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A passage for the agent; `say` may be read to the customer, `text` only where `public`, `notes` never."""

    document_id: str
    passage_id: str
    title: str
    heading: tuple[str, ...]
    url: str | None
    text: str
    language: str
    public: bool
    confidence: float
    why: Why
    say: str | None
    citations: tuple[Citation, ...]
    notes: tuple[Note, ...]

    @property
    def revision(self) -> int:
        """Of the document, when it was suggested."""
        return revision_of(self.passage_id)


def revision_of(passage_id: str) -> int:
    """The revision that a passage's name says (`StoredPassage.name`)."""
    return int(passage_id.rpartition("@")[2].partition("#")[0])


@dataclass(frozen=True, slots=True)
class Told:
    """What is shown after one utterance: up to three suggestions, best first, and how long they took, against what."""

    number: int
    sequence: int
    topic: int
    suggestions: tuple[Suggestion, ...]
    took_ms: float
    budget_ms: int
    in_time: bool


class Shelf(Protocol):
    """Where passages come from, for one audience."""

    def prepare(self, queries: list[str], speaks: str) -> None:
        """Makes what looking needs ready for all of these at once, which takes a fraction of the time."""

    def look(self, query: str, speaks: str) -> list[Candidate]:
        """Up to three documents' best passages, best first."""

    def sayings(self, candidates: Sequence[Candidate], query: str, speaks: str) -> list[Saying]:
        """What may be said of each candidate, and what the agent alone may know."""

    def meaning(self, text: str) -> list[str]:
        """The distinct terms of a text that carry meaning."""

"""What an edit would do to answers: questions replayed on the index as it is and as it would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """How an answer differs: a golden question is judged by its expected documents, any other by what it is told."""

    SAME = "same"
    IMPROVES = "improves"
    CHANGES = "changes"
    BREAKS = "breaks"


class Origin(StrEnum):
    """Where a replayed question comes from."""

    GOLDEN = "golden"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Change:
    """An article's whole file as it would be; `text` is None where it would no longer be live."""

    id: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What a question is told on one side: outcome, text, and the ids of the documents cited, first cited first."""

    outcome: str
    text: str
    documents: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Case:
    """One question, side by side; `expected` is empty where it must be refused, or is not golden."""

    question: str
    origin: Origin
    verdict: Verdict
    before: Told
    after: Told
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The questions that the edit touches, those that break first; `took_ms` is the whole replay.

    `replayed` counts those that were asked on both sides, `left_out` those that lay farther from the edit than these;
    `notes` say what could not be asked, and why.
    """

    cases: tuple[Case, ...]
    took_ms: float
    replayed: int = 0
    left_out: int = 0
    notes: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[Case, ...]:
        """The golden questions that would no longer be answered rightly: publishing these needs a reason."""
        return tuple(case for case in self.cases if case.origin is Origin.GOLDEN and case.verdict is Verdict.BREAKS)


class Gate(Protocol):
    """Asked before changes are published."""

    def report(self, changes: Sequence[Change]) -> Report:
        """Replays what these articles answered or might answer. Raises MalformedArticle for a malformed text."""

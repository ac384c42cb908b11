"""An answer sentence by sentence, in the order in which it is said: whatever is danger first, then the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from kb.answer.citations import Citation, Statement
from kb.answer.notices import Notice


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence that may be said: it is checked, and cites its source where it says a fact.

    `before` is the white space between it and the one before; all of them joined are the text. `urgent` where it is
    an urgent article's.
    """

    text: str
    before: str
    citation: Citation | None
    urgent: bool = False


class Tells(Protocol):
    """A text with its sentences and their sources."""

    @property
    def text(self) -> str:
        """What is said."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Its sentences."""

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Their sources."""


class Answers(Tells, Protocol):
    """An answer, with what has to be said before it."""

    @property
    def urgent(self) -> Notice | None:
        """What is said first."""


def told(answer: Answers) -> Iterator[Told]:
    """The sentences of an answer in the order in which they are said."""
    if answer.urgent is not None:
        yield from sentences(answer.urgent, urgent=True)
    if not repeats(answer):
        yield from sentences(answer)


def repeats(answer: Answers) -> bool:
    """Whether an answer says nothing that its urgent notice has not said."""
    return answer.urgent is not None and bool(answer.text) and answer.text == answer.urgent.text


def sentences(tells: Tells, *, urgent: bool = False) -> Iterator[Told]:
    """The sentences of one text."""
    at = 0
    for statement in tells.statements:
        cited = None if statement.citation is None else tells.citations[statement.citation]
        yield Told(tells.text[statement.start : statement.end], tells.text[at : statement.start], cited, urgent)
        at = statement.end


def joined(parts: Sequence[Told]) -> str:
    """Some sentences as one text; the danger stands apart."""
    text = ""
    for number, part in enumerate(parts):
        apart = number and parts[number - 1].urgent != part.urgent
        text += ("\n\n" if apart else part.before if number else "") + part.text
    return text

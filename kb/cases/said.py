"""What a ticket's people said, sentence by sentence, each a stretch of the ticket itself, and nobody's data in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import rjieba

from kb.answer.instructions import addresses_machine
from kb.cases.wordings import ASKING, GREETING, LABEL, ONE_CASE, TALK
from kb.ingest.redaction import PLACEHOLDERS, Redactor
from kb.ingest.sentences import sentences
from kb.ingest.surnames import COMPOUND, SINGLE
from kb.model import Ticket
from kb.search.lexicon import is_english
from kb.search.terms import in_simplified, normalised

Part = Literal["subject", "problem", "advice", "resolution"]
Known = Callable[[str], int]
"""In how many passages of the centre a word stands."""
_NUMBERED = re.compile(r"[0-9]{5,}|(?=(?:[-_/ ]?[A-Z0-9])*[0-9])[A-Z0-9]+(?:[-_/ ][A-Z0-9]+)+(?![A-Za-z0-9])")
_DIGITS = 6
"""From so many digits on, an identifier is that of one order, machine or person."""
_SHORTEST, _LONGEST = 4, 300
_FENCE = (":::", "```", "\n")
_WORD = re.compile(r"(?<=[a-z0-9,;:'’\"(] )[A-Z][a-z]{2,}")
_HAN_NAME = range(2, 5)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of one ticket: where it was said, as which of that part's sentences, and what a label calls it."""

    text: str
    ticket: str
    part: Part
    place: int
    label: Literal["cause", "step"] | None = None

    @property
    def is_question(self) -> bool:
        """Whether it asks something."""
        return ASKING.search(self.text) is not None


class Listener:
    """Reads tickets; what it lets through may stand in an article."""

    def __init__(self, redactor: Redactor, known: Known) -> None:
        """`known` tells a name from a word: a name stands in one ticket alone."""
        self._redactor, self._known = redactor, known

    def sentences(self, ticket: Ticket) -> list[Sentence]:
        """What was said that may be repeated, in order."""
        return [
            sentence for part in ("subject", "problem", "advice", "resolution") for sentence in self._of(ticket, part)
        ]

    def is_clean(self, text: str) -> bool:
        """Whether a second redaction finds nothing, and nothing looks like one customer's number or name."""
        if any(mark in text for mark in (*PLACEHOLDERS.values(), *_FENCE)):
            return False
        if self._redactor.redact(text).found or addresses_machine(text):
            return False
        return not _numbered(text) and not any(self._known(word) <= 1 for word in _names(text))

    def _of(self, ticket: Ticket, part: Part) -> Iterator[Sentence]:
        text: str = getattr(ticket, part)
        spans = [(0, len(text))] if part == "subject" else sentences(text, ticket.language)
        for place, (start, end) in enumerate(spans):
            said, label = _bare(text[start:end].strip())
            if _SHORTEST <= len(said) <= _LONGEST and normalised(said) and self._may_stand(said, part):
                yield Sentence(said, ticket.id, part, place, label)

    def _may_stand(self, said: str, part: Part) -> bool:
        if not self.is_clean(said):
            return False
        plain = in_simplified(said)
        if part in ("subject", "problem"):
            return TALK.search(plain) is None
        return not any(found.search(plain) for found in (TALK, ONE_CASE, ASKING))


def _bare(said: str) -> tuple[str, Literal["cause", "step"] | None]:
    """Without greeting and label, and what the label says."""
    while found := GREETING.match(said):
        said = said[found.end() :]
    found = LABEL.match(in_simplified(said))
    if found is None:
        return said, None
    return said[found.end() :], "cause" if found["cause"] else "step"


def _numbered(text: str) -> bool:
    return any(sum(map(str.isdigit, found)) >= min(_DIGITS, len(found)) for found in _NUMBERED.findall(text))


def _names(text: str) -> Iterator[str]:
    """Words of no dictionary that may be a name: a capital in mid-sentence, or a family name and what follows it."""
    yield from (word for found in _WORD.findall(text) if not is_english(word := found.lower()))
    for word in rjieba.cut(in_simplified(text)):
        named = len(word) in _HAN_NAME and (word[0] in SINGLE or word[:2] in COMPOUND)
        if named and not rjieba.has_word(word):
            yield word

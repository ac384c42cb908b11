"""Where a question's words stand in a passage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from kb.search.terms import all_simplified, terms

_WORD = re.compile(r"[A-Za-z0-9]+(?:[-_./:@'][A-Za-z0-9]+)*")
_JOINS = frozenset("-_./:@'")
_IRREGULAR = 3  # letters of a stem up to which its word may be written otherwise: `lie` for `lying`


Occurrence = tuple[int, int, frozenset[str]]
"""`(start, end)` code points of a text, and the terms of a question that stand there."""


def occurrences(text: str, words: Sequence[str]) -> list[Occurrence]:
    """Where in `text` one of the terms `words` stands, in order; they may overlap."""
    wanted, plain = frozenset(words), _one_for_one(text)
    found: dict[tuple[int, int], frozenset[str]] = {}
    for word in wanted:
        if word.isascii():
            for start, end in _around(plain, _begins(word)):
                if held := wanted & _terms(text[start:end]):
                    found[start, end] = held
        elif word:
            found.update({(at, at + len(word)): frozenset((word,)) for at in _places(plain, word)})
    return [(*span, held) for span, held in sorted(found.items())]


def highlights(text: str, words: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Non-overlapping `(start, end)` code points of `text` that hold one of the terms `words`, in order."""
    return merged(occurrences(text, words))


def merged(standing: Sequence[Occurrence]) -> tuple[tuple[int, int], ...]:
    """Non-overlapping spans of what stands there."""
    spans: list[tuple[int, int]] = []
    for start, end, _ in standing:
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return tuple(spans)


def _one_for_one(text: str) -> str:
    """`text` in simplified characters and lower case, every character in its place."""
    plain = all_simplified(text).lower()
    if len(plain) == len(text):
        return plain
    return "".join(low if len(low := all_simplified(character).lower()) == 1 else character for character in text)


def _begins(term: str) -> str:
    """What every word that has this stem begins with, or a part of it does."""
    if len(term) <= _IRREGULAR and term.endswith(("e", "y")):
        return term[0]
    return term[:-1] if term.endswith(("i", "e")) and len(term) > 1 else term


def _places(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _around(text: str, part: str) -> Iterator[tuple[int, int]]:
    """The words that hold `part`."""
    end = 0
    for at in _places(text, part):
        if at >= end:
            start = _start(text, at)
            match = _WORD.match(text, start)
            if match is not None:
                end = match.end()
                yield start, end


def _start(text: str, at: int) -> int:
    """Where the word begins that holds the place `at`."""
    while at and (_is_plain(text[at - 1]) or (text[at - 1] in _JOINS and at > 1 and _is_plain(text[at - 2]))):
        at -= 1
    return at


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


@lru_cache(maxsize=65_536)
def _terms(word: str) -> frozenset[str]:
    return frozenset(terms(word))

"""A model's text as it comes, cut into statements: a sentence and the numbers of the passages that it cites."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kb.ingest.sentences import paragraph_sentences

_MARK = r"[\[【]\s*\d{1,3}(?:\s*[,，、]\s*\d{1,3})*\s*[\]】]"
_MARKS = re.compile(_MARK)
_AFTER_STOP = re.compile(rf"([.!?。！？]+[\"”’」』)）]*)(\s*{_MARK}(?:\s*{_MARK})*)")
_BULLET = re.compile(r"^\s*(?:[-*•+]|\d{1,2}[.)、])\s+")
_SPACE_BEFORE = re.compile(r"\s+([.!?,;。！？，；])")
_LONGEST_LINE = 2_000


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence without its marks, and the passages that it cites, counted from 1."""

    text: str
    cites: tuple[int, ...]


def statements(pieces: Iterable[str], language: str) -> Iterator[Statement]:
    """The statements of a text, each as soon as its line is whole."""
    line = ""
    for piece in pieces:
        line += piece
        *whole, line = line.split("\n")
        for one in whole:
            yield from _of_line(one, language)
        if len(line) > _LONGEST_LINE:
            yield from _of_line(line, language)
            line = ""
    yield from _of_line(line, language)


def _of_line(line: str, language: str) -> Iterator[Statement]:
    text = _AFTER_STOP.sub(r"\2\1", _BULLET.sub("", line)).replace("**", "").strip()
    for start, end in paragraph_sentences(text, 0, len(text), language):
        sentence = text[start:end]
        cites = [int(number) for mark in _MARKS.findall(sentence) for number in re.findall(r"\d+", mark)]
        said = _SPACE_BEFORE.sub(r"\1", _MARKS.sub("", sentence)).strip()
        if any(map(str.isalnum, said)):
            yield Statement(said, tuple(dict.fromkeys(cites)))

"""A text in pieces that can be sent one after the other: a sentence each, and together the text to the character."""

from __future__ import annotations

from itertools import pairwise

from kb.ingest.plaintext import plain_text
from kb.ingest.sentences import sentences


def pieces(text: str, language: str) -> list[str]:
    """The sentences of a text, each with the white space after it; one piece where it has no sentence."""
    starts = [0, *(start for start, _ in sentences(text, language)[1:]), len(text)]
    return [text[start:end] for start, end in pairwise(starts)]


def span_of(quote: str, text: str, start: int = 0) -> tuple[int, int]:
    """Where a quoted sentence stands in an answer's text, at or after `start`; all of the text where it is reworded."""
    told = plain_text(quote)
    found = text.find(told, start) if told else -1
    return (found, found + len(told)) if found >= 0 else (0, len(text))

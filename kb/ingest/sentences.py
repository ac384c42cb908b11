"""Where the sentences of a passage are: what an answer may quote, one citation each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from markdown_it.token import Token
from sentencex import get_sentence_boundaries

from kb.ingest.plaintext import parse_blocks

Span = tuple[int, int]

_WINDOW = 8_000  # characters; unbalanced quotation marks cost sentencex quadratic time
_WHOLE = re.compile(r"`[^`\n]{1,1000}`|!?\[[^\]\[\n]{0,500}\]\([^)\n]{0,2000}\)|https?://[^\s）)]+")
_MARKS = re.compile(r"(?:[ \t\n>]|(?:[-*+]|\d{1,9}[.)])[ \t]+|#{1,6}[ \t]+)*")
# sentencex takes a stop before a digit for a decimal point, also the full-width ones, which never are.
_STOP_BEFORE_DIGIT = re.compile(r"[。！？](?=\d)")
_OPEN_LINE = tuple(",，、;；:：(（-–—")
_LINE_START = re.compile(r"[ \t>]*([A-Z0-9\u00c0-\u00de\u3400-\u9fff“\"「『【*]\S*)")


def line_starts(text: str) -> list[int]:
    """The offset of each line, and one past the end; lines end with `\\n` only."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def trimmed(text: str, start: int, end: int) -> Span:
    """The span without the white space at its ends; empty at `start` when there is nothing else."""
    end = min(end, len(text))
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return start, max(start, start + len(text[start:end].rstrip()))


def sentences(text: str, language: str) -> tuple[Span, ...]:
    """The spans of a passage's sentences, in order, none empty, none overlapping.

    Paragraphs split at sentence ends; an item of a list, a table's row and a block of code are one each. Marks of
    lists and quotations, and a table's outer bars, stay outside. A heading counts only where there is nothing else.
    """
    found = [span for span in _units(text, language) if _says_something(text, span)]
    if found:
        return tuple(found)
    lines = line_starts(text)
    headings = [token.map for token in parse_blocks(text) if token.type == "heading_open" and token.map]
    spans = [_without_marks(text, lines[first], lines[end]) for first, end in headings]
    return tuple(span for span in spans if _says_something(text, span))


def _says_something(text: str, span: Span) -> bool:
    return any(character.isalnum() for character in text[slice(*span)])


def _units(text: str, language: str) -> Iterator[Span]:
    lines, depth, row = line_starts(text), 0, ""
    for token in parse_blocks(text):
        depth += token.nesting if token.type in ("list_item_open", "list_item_close") else 0
        row = token.type if token.type in ("thead_open", "tbody_open", "table_close", "heading_open") else row
        row = "" if token.type in ("table_close", "heading_close") else row
        if not token.map or row in ("thead_open", "heading_open"):
            continue
        start, end = lines[token.map[0]], lines[token.map[1]]
        if token.type == "tr_open":
            yield _bare_row(text, start, end)
        elif token.type in ("fence", "code_block"):
            yield _code(text, token, lines)
        elif token.type == "inline" and not row:
            yield from _run(text, start, end, language, depth)


def _run(text: str, start: int, end: int, language: str, depth: int) -> Iterator[Span]:
    """The sentences of one run of words: an item is one, and rows cut off from their table's header are rows still."""
    start, end = _without_marks(text, start, end)
    lines = text[start:end].split("\n")
    if depth:
        yield start, end
    elif all(line.lstrip(" \t>").startswith("|") for line in lines):
        for line in lines:
            yield _bare_row(text, start, start + len(line))
            start += len(line) + 1
    else:
        yield from paragraph_sentences(text, start, end, language)


def _without_marks(text: str, start: int, end: int) -> Span:
    marks = _MARKS.match(text, start, end)
    return trimmed(text, marks.end() if marks else start, end)


def _bare_row(text: str, start: int, end: int) -> Span:
    start, end = _without_marks(text, start, end)
    start, end = start + text.startswith("|", start), end - (text[start:end].endswith("|") and end - start > 1)
    return trimmed(text, start, end)


def _code(text: str, token: Token, lines: list[int]) -> Span:
    first, end = token.map or (0, 0)
    if token.type == "fence":
        closed = text[lines[end - 1] : lines[end]].strip(" \t>\n").startswith(token.markup) and end - first > 1
        first, end = first + 1, end - closed
    return trimmed(text, lines[first], lines[max(first, end)])


def paragraph_sentences(text: str, start: int, end: int, language: str) -> list[Span]:
    """The sentences of the paragraph at a span, without marks; a lone closing mark belongs to what it closes."""
    spans: list[Span] = []
    for stretch in stretches(text, start, end, language):
        span = _without_marks(text, *stretch)
        if _says_something(text, span):
            spans.append(span)
        elif spans and span[1] > span[0]:
            spans[-1] = (spans[-1][0], span[1])
    return spans


def stretches(text: str, start: int, end: int, language: str) -> list[Span]:
    """A paragraph cut, without a gap, at sentence ends and at line ends that nobody wrapped; never inside a link."""
    paragraph = text[start:end]
    wholes = [match.span() for match in _WHOLE.finditer(paragraph)]
    spans: list[Span] = []
    at = whole = 0
    for cut in [*sorted(_sentence_ends(paragraph, language) | _line_ends(paragraph)), len(paragraph)]:
        while whole < len(wholes) and wholes[whole][1] <= cut:
            whole += 1
        if at < cut and not (whole < len(wholes) and wholes[whole][0] < cut):
            spans.append((start + at, start + cut))
            at = cut
    return spans


def _sentence_ends(paragraph: str, language: str) -> set[int]:
    code = language.partition("-")[0]
    ends = {match.end() for match in _STOP_BEFORE_DIGIT.finditer(paragraph)}
    for base in range(0, len(paragraph), _WINDOW):
        window = paragraph[base : base + _WINDOW]
        ends.update(base + int(found["end_index"]) for found in get_sentence_boundaries(code, window))
    return ends


def _line_ends(paragraph: str) -> set[int]:
    """Ends of lines that stand for themselves: the next starts like a sentence, and its first word had room here."""
    lines = paragraph.split("\n")
    width = max(map(len, lines))
    ends, offset = set(), 0
    for line, following in pairwise(lines):
        offset += len(line) + 1
        start = _LINE_START.match(following)
        if start and not line.rstrip().endswith(_OPEN_LINE) and len(line) + 1 + len(start[1]) <= width:
            ends.add(offset)
    return ends

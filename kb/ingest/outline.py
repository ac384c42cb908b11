"""The sections and blocks of a Markdown text, with their spans."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markdown_it.token import Token

from kb.ingest.plaintext import inline_text, parse_markdown
from kb.ingest.sentences import Span, line_starts, trimmed


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its level from 1, its plain text, its span."""

    level: int
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block: its kind as markdown-it names it, its span, and its items' or rows' spans."""

    kind: str
    start: int
    end: int
    parts: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks between two headings, and the headings above them, outermost first."""

    headings: tuple[Heading, ...]
    blocks: tuple[Block, ...]


def outline(
    text: str, *, above: tuple[Heading, ...] = (), references: MutableMapping[str, Any] | None = None
) -> list[Section]:
    """The sections of a text, in order; `above` are headings that already hold at its start.

    A heading over nothing at all is the block of a section of its own, so that its words are found.
    """
    sections: list[Section] = []
    chain, blocks = above, list[Block]()
    for item in _top_level(text, parse_markdown(text, references)):
        if isinstance(item, Block):
            blocks.append(item)
            continue
        sections += _finished(chain, blocks, item)
        chain, blocks = under(chain, item), []
    return sections + _finished(chain, blocks, None)


def _finished(chain: tuple[Heading, ...], blocks: list[Block], following: Heading | None) -> list[Section]:
    if blocks:
        return [Section(chain, tuple(blocks))]
    own = chain[-1] if chain else None
    if own is None or own.start < 0 or (following and following.level > own.level):
        return []
    return [Section(chain[:-1], (Block("heading_open", own.start, own.end),))]


def headings(text: str) -> list[Heading]:
    """The headings of a text, in order."""
    return [item for item in _top_level(text, parse_markdown(text)) if isinstance(item, Heading)]


def under(chain: tuple[Heading, ...], heading: Heading) -> tuple[Heading, ...]:
    """The headings that hold below a new one, when `chain` held above it."""
    return (*(above for above in chain if above.level < heading.level), heading)


def _top_level(text: str, tokens: list[Token]) -> list[Block | Heading]:
    lines = line_starts(text)
    found: list[Block | Heading] = []
    for index, token in enumerate(tokens):
        if token.level or not token.map or token.nesting < 0 or token.type == "hr":
            continue
        start, end = _span(text, lines, token)
        if token.type == "heading_open":
            found.append(Heading(int(token.tag[1:]), inline_text(tokens[index + 1]), start, end))
        else:
            found.append(Block(token.type, start, end, _parts(text, lines, tokens, index)))
    return found


def _span(text: str, lines: list[int], token: Token) -> Span:
    first, end = token.map or (0, 0)
    return trimmed(text, lines[first], lines[end])


def _parts(text: str, lines: list[int], tokens: list[Token], index: int) -> tuple[Span, ...]:
    part, level = {
        "bullet_list_open": ("list_item_open", 1),
        "ordered_list_open": ("list_item_open", 1),
        "table_open": ("tr_open", 2),
    }.get(tokens[index].type, ("", 0))
    spans = []
    for token in islice(tokens, index, None) if part else ():
        if token.level == 0 and token.nesting < 0:
            break
        if token.type == part and token.level == level and token.map:
            spans.append(_span(text, lines, token))
    return tuple(spans)

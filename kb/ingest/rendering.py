"""A body as the public may see it: without its blocks for agents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it.token import Token

from kb.errors import InputError
from kb.ingest.plaintext import MARKDOWN, parse_blocks
from kb.ingest.plaintext import plain_text as plain_text

# A marker may stand in a quotation. Behind a list's marker, or with the full-width colons that a Chinese keyboard
# types, it is no marker, but its author meant one: an error, lest a note for agents become public.
_MARKER = re.compile(r"[ \t>]*(?P<list>(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:[:：]{3}|[:：]{2}[ \t]*agent[ \t]*$)")
_OPEN = re.compile(r":::[ \t]*agent")
_ACCEPTED = "accepted are `::: agent` and, to close it, `:::`"


@dataclass(frozen=True, slots=True)
class Rendering:
    """A public body, and the spans of the whole body that were cut to get it, in order."""

    body: str
    removed: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AgentBlock:
    """One `::: agent` block: the span of its lines, and the span of what stands between its markers."""

    start: int
    end: int
    inner_start: int
    inner_end: int
    line: int


@dataclass(slots=True)
class AgentBlocks:
    """The blocks of a body, and what is wrong with its markers: (line from 1, message)."""

    blocks: list[AgentBlock] = field(default_factory=list)
    troubles: list[tuple[int, str]] = field(default_factory=list)


def find_agent_blocks(body: str) -> AgentBlocks:
    """Every `::: agent` block of a body; markers inside code are text."""
    found = AgentBlocks()
    if "::" not in body and "：：" not in body:
        return found
    lines = body.split("\n")
    code = _code_lines(lines, parse_blocks(body), found)
    opened: tuple[int, int, int] | None = None  # line, start, inner start
    offset = 0
    for number, line in enumerate(lines, start=1):
        end = offset + len(line) + 1
        marker = _MARKER.match(line) if number not in code else None
        if marker:
            word = line.strip(" \t>")
            if marker["list"] or not (word == ":::" or _OPEN.fullmatch(word)):
                found.troubles.append((number, f"found `{line.strip()[:40]}` on a line; {_ACCEPTED}"))
            elif word == ":::" and opened:
                block_end = min(end, len(body))
                found.blocks.append(AgentBlock(opened[1], block_end, opened[2], offset, opened[0]))
                opened = None
            elif word == ":::":
                found.troubles.append((number, "`:::` closes nothing; remove it or write `::: agent` above"))
            elif opened:
                found.troubles.append((number, f"`::: agent` inside the block of line {opened[0]}; close that first"))
            else:
                opened = (number, offset, end)
        offset = end
    if opened:
        found.troubles.append((opened[0], "`::: agent` is never closed; write `:::` on a line of its own after it"))
    return found


def _code_lines(lines: list[str], tokens: list[Token], found: AgentBlocks) -> set[int]:
    """The numbers (from 1) of lines that are code; an unclosed fence that swallows a marker is trouble."""
    numbers: set[int] = set()
    for token in tokens:
        if token.map and token.type in ("fence", "code_block"):
            first, end = token.map
            numbers.update(range(first + 1, end + 1))
            if token.type == "fence" and not _is_closed(lines[first:end], token.markup):
                swallowed = any(_MARKER.match(line) for line in lines[first:end])
                if swallowed:
                    message = f"the code that `{token.markup}` opens is never closed and holds a `:::`; close it"
                    found.troubles.append((first + 1, message))
    return numbers


def _is_closed(lines: list[str], markup: str) -> bool:
    last = lines[-1].strip(" \t>")
    return len(lines) > 1 and last.startswith(markup) and not last.strip(markup[0])


def marker_troubles(body: str) -> list[tuple[int, str]]:
    """What is wrong with the `:::` markers of a body: (line from 1, message), none when it may be published."""
    found = find_agent_blocks(body)
    if found.troubles or not found.blocks:
        return found.troubles
    left = find_agent_blocks(_cut(body, found.blocks).body)
    if left.blocks or left.troubles:
        # Cutting one block can turn what was code into text; then nobody can tell what its author meant.
        return [(found.blocks[0].line, "a `:::` further on is code only because of this block; fence it with ```")]
    return []


def public_rendering(body: str) -> Rendering:
    """The body without its agent blocks and the one blank line after each.

    Raises InputError where a marker is malformed: what cannot be told apart is not shown.
    """
    found = find_agent_blocks(body)
    if found.troubles:
        line, message = found.troubles[0]
        raise InputError(f"line {line} of the body: {message}")
    return _cut(body, found.blocks)


def _cut(body: str, blocks: list[AgentBlock]) -> Rendering:
    removed: list[tuple[int, int]] = []
    for block in blocks:
        start, end = block.start, _after_blank_line(body, block.end)
        if removed and removed[-1][1] == start:
            start = removed.pop()[0]
        removed.append((start, end))
    if removed and not body[removed[-1][1] :].strip():
        # Nothing follows, so the blank line before the block would be its trace.
        start = removed.pop()[0]
        before = body[removed[-1][1] if removed else 0 : start]
        removed.append((start - len(before) + len(before.rstrip()) + (1 if before.strip() else 0), len(body)))
    kept, at = [], 0
    for start, end in removed:
        kept.append(body[at:start])
        at = end
    return Rendering("".join(kept) + body[at:], tuple(removed))


def _after_blank_line(body: str, offset: int) -> int:
    line_end = body.find("\n", offset)
    if line_end < 0:
        line_end = len(body)
    return min(line_end + 1, len(body)) if not body[offset:line_end].strip() else offset


def whole_offset(rendering: Rendering, offset: int) -> int:
    """The offset in the whole body of a character of the public one."""
    for start, end in rendering.removed:
        if start > offset:
            break
        offset += end - start
    return offset


__all__ = [
    "MARKDOWN",
    "AgentBlock",
    "AgentBlocks",
    "Rendering",
    "find_agent_blocks",
    "marker_troubles",
    "plain_text",
    "public_rendering",
    "whole_offset",
]

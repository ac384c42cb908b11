"""An article's numbered lists as steps that an agent does one at a time, as they are shown to its reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from markdown_it.token import Token

from kb.ingest.markup import html_of, rendered
from kb.ingest.plaintext import inline_text, plain_tokens

FEWEST = 2
"""Items that a list needs to be a procedure."""
_MARK = 4
"""Tokens with which an aside begins: itself, and the paragraph that says what it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One item with all that stands in it; `text` is its plain text without what is for agents alone, which is `aside`.

    An `internal` step is for agents as a whole: then `text` is internal too. A picture's `src` is its path under
    `articles/`, as in `markup`.
    """

    html: str
    text: str
    aside: str
    internal: bool


@dataclass(frozen=True, slots=True)
class Procedure:
    """The steps of a list; `heading` is the nearest above it, or the line in bold that introduces it; may be empty."""

    heading: str
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Item:
    tokens: list[Token]
    internal: bool


@dataclass(slots=True)
class _List:
    """A list as far as it was read; `between` is what followed it, which is its last item's where the list goes on."""

    heading: str
    items: list[_Item] = field(default_factory=list)
    last: int = 0
    between: list[Token] = field(default_factory=list)


def steps_of(body: str, path: str, language: str, *, agents: bool) -> tuple[Procedure, ...]:
    """The lists of two or more items, in order; with the blocks for agents where `agents`.

    A list goes on behind a picture or a paragraph where its numbers do. Raises InputError, as `markup`.
    """
    tokens, env, _ = rendered(body, path=path, language=language, agents=agents)
    for token in tokens:
        token.attrs.pop("id", None)  # the article has these anchors
    found = [Procedure(one.heading, tuple(_step(item, env) for item in one.items)) for one in _lists(tokens)]
    return tuple(one for one in found if len(one.steps) >= FEWEST)


def _lists(tokens: Sequence[Token]) -> list[_List]:
    found: list[_List] = []
    _read(tokens, found, _List(""), internal=False)
    return found


def _read(tokens: Sequence[Token], found: list[_List], current: _List, *, internal: bool) -> _List:
    """Adds the lists of a run of blocks; `current` is the one that may go on. Returns the last one."""
    for block in _blocks(tokens):
        if block[0].type == "heading_open" or _is_bold(block):
            current = _List(inline_text(block[1]))
        elif block[0].type == "ordered_list_open":
            first = int(block[0].attrGet("start") or 1)
            if not current.items or first != current.last + 1:
                current = _List(current.heading)
            else:
                current.items[-1].tokens += current.between
                current.between = []
            if not current.items:
                found.append(current)
            for item in _blocks(block[1:-1]):
                current.items += _items(item[1:-1], internal=internal)
            current.last = first + sum(token.type == "list_item_open" for token in _opening(block[1:-1])) - 1
        elif block[0].type == "aside_open" and _holds_list(block):
            after = _read(block[_MARK:-1], found, current, internal=True)
            current = after if after is current else _List(current.heading)
        else:
            current.between += block
    return current


def _items(tokens: Sequence[Token], *, internal: bool) -> Iterator[_Item]:
    """An item; a block for agents in it that is nothing but a list holds steps of its own."""
    own: list[Token] = []
    behind: list[_Item] = []
    for block in _blocks(tokens):
        inner = list(_blocks(block[_MARK:-1])) if block[0].type == "aside_open" else []
        if inner and all(one[0].type == "ordered_list_open" for one in inner):
            behind += [_Item(list(item[1:-1]), True) for one in inner for item in _blocks(one[1:-1])]
        else:
            own += block
    yield _Item(own, internal)
    yield from behind


def _step(item: _Item, env: dict[str, Any]) -> Step:
    asides = [block for block in _blocks(item.tokens) if block[0].type == "aside_open"]
    public = [token for block in _blocks(item.tokens) if block[0].type != "aside_open" for token in block]
    aside = "\n".join(plain_tokens(block[_MARK:-1]) for block in asides)
    return Step(html_of(item.tokens, env), plain_tokens(public), aside, item.internal)


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The outermost blocks of a run of tokens, each with all that is in it."""
    depth, start = 0, 0
    for number, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield list(tokens[start : number + 1])
            start = number + 1


def _opening(tokens: Sequence[Token]) -> Iterator[Token]:
    return (block[0] for block in _blocks(tokens))


def _holds_list(block: Sequence[Token]) -> bool:
    return any(token.type == "ordered_list_open" for token in _opening(block[_MARK:-1]))


def _is_bold(block: Sequence[Token]) -> bool:
    """Whether a paragraph is a line in bold and nothing else, which many authors write for a heading."""
    words = block[1].children or [] if block[0].type == "paragraph_open" else []
    kinds = [token.type for token in words if token.content.strip() or token.nesting]
    return kinds == ["strong_open", "text", "strong_close"]

"""Which sentences of an article its reader finds otherwise than before: the old one and the new one, shortly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import dedent
from typing import Literal

from kb.editing.differences import Line, Part, difference
from kb.ingest.plaintext import plain_text
from kb.ingest.rendering import find_agent_blocks, public_rendering
from kb.ingest.sentences import sentences
from kb.model import Article

_REMEMBERED = 512
_AROUND = 40
"""Characters of an unchanged stretch that are shown beside a change."""
_LONGEST = 300
"""Characters of a sentence that came or went."""


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence that came, went, or is another; what is the same in both is shortened in `parts`.

    An `internal` one is for agents alone.
    """

    kind: Literal["removed", "added", "changed"]
    parts: tuple[Part, ...]
    internal: bool


def told(article: Article) -> tuple[object, ...]:
    """What an article tells whoever reads it: as long as that is the same, nobody has to read it again."""
    return article.title, article.body, article.answer, article.actions, article.applies_to, article.urgent


def changes(old: Article, new: Article, *, agents: bool) -> Iterator[Change]:
    """What turned one text into the other: first what everybody reads, then, for `agents`, what is for them alone."""
    for internal in (False, True)[: 1 + agents]:
        sides = [_lines(one.title, one.body, one.language, _more(one), internal) for one in (old, new)]
        for hunk in difference("\n".join(sides[0]), "\n".join(sides[1]), ("", "")).hunks:
            for line in hunk.lines:
                if line.kind != "same":
                    yield Change(line.kind, tuple(_shortened(line)), internal)


def _more(article: Article) -> tuple[str, ...]:
    return tuple(filter(None, [article.answer, *(f"{action.label} ({action.link})" for action in article.actions)]))


@lru_cache(_REMEMBERED)
def _lines(title: str, body: str, language: str, more: tuple[str, ...], internal: bool) -> Sequence[str]:
    """A sentence a line; `more` is what stands beside the body."""
    if not internal:
        return [title, *_sentences(public_rendering(body).body, language), *map(_one_line, more)]
    blocks = (dedent(body[block.inner_start : block.inner_end]) for block in find_agent_blocks(body).blocks)
    return [sentence for block in blocks for sentence in _sentences(block, language)]


def _sentences(text: str, language: str) -> list[str]:
    return [_one_line(plain_text(text[start:end])) for start, end in sentences(text, language)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shortened(line: Line) -> Iterator[Part]:
    last = len(line.parts) - 1
    for number, part in enumerate(line.parts):
        text = part.text
        if part.kind == "same":
            head, tail = "" if number == 0 else text[:_AROUND], "" if number == last else text[-_AROUND:]
            text = text if len(text) <= len(head) + len(tail) + 1 else f"{head}…{tail}"
        elif len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}…"
        if text:
            yield Part(part.kind, text)

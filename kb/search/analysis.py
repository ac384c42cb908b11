"""Analysis of a passage: its text to terms, once, for everything that is indexed by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from kb.model import Access
from kb.search.terms import simplified, terms_of

_SENTENCE_END = re.compile(r"(?<=[。！？!?；;\n])|(?<=[.:]) ")


@dataclass(frozen=True, slots=True)
class Analysed:
    """A passage as the indexes see it, and the terms of its heading path, then of each of its sentences.

    `plain` is what they see, simplified.
    """

    access: Access
    embedded: str
    plain: str
    parts: tuple[tuple[str, ...], ...]

    @property
    def terms(self) -> Iterator[str]:
        """All of its terms, in order, with repeats."""
        return chain.from_iterable(self.parts)

    @property
    def title(self) -> str:
        """The document's title, simplified, with which the heading path of its passages begins."""
        return self.plain.partition("\n")[0].partition(" > ")[0]


def analysed(access: Access, embedded: str) -> Analysed:
    """A passage from who may find it and what the indexes see of it."""
    plain = simplified(embedded)
    return Analysed(access, embedded, plain, tuple(tuple(terms_of(part)) if part else () for part in parts(plain)))


def parts(embedded: str) -> list[str]:
    """The heading path of a passage, then its sentences, split fast and roughly."""
    heading, _, text = embedded.partition("\n")
    return [heading, *_SENTENCE_END.split(text)]

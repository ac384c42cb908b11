"""What an answer is made of, as a value that can be written down; with the document's revision, all that is needed.

The same basis over the same revision gives the same answer, whatever has become of the article since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.answer.extract import standing_in
from kb.errors import CitationError
from kb.model import StoredPassage
from kb.search.terms import terms


@dataclass(frozen=True, slots=True)
class Stretch:
    """A passage as spans: `start:end` of the public rendering, or of the whole body where it is `internal`."""

    heading: tuple[str, ...]
    start: int
    end: int
    internal: bool
    sentences: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    """A sentence that a passage supports: that of the passage's text at `start:end`, passages counted from 0."""

    text: str
    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Basis:
    """A revision, its passages that the asker may see, best first, and what the question's words weigh.

    `whole` where its `::: agent` blocks are visible to the asker; `curated` where the article's own short answer was
    told. `rarity` weighs those of the question's terms that the document holds, `elsewhere` all others together: what a
    customer said, and no document does, is no part of it.
    """

    document_id: str
    revision: int
    whole: bool
    curated: bool
    rarity: dict[str, float]
    elsewhere: float
    passages: tuple[Stretch, ...]
    written: tuple[CheckedSentence, ...] = ()
    """What a language model, `author`, wrote by a `prompt`; then this is told, and not the document's own words."""
    author: str | None = None
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch with the text that stands there."""

    stretch: Stretch
    text: str

    @property
    def sentences(self) -> tuple[tuple[int, int], ...]:
        """Where its sentences are in `text`."""
        return self.stretch.sentences


def basis_of(passages: Sequence[StoredPassage], rarity: Mapping[str, float], *, whole: bool, curated: bool) -> Basis:
    """The basis of an answer from the passages of one document, best first; never none."""
    held = standing_in(rarity, passages).union(terms(" ".join(passages[0].heading)))
    return Basis(
        document_id=passages[0].document_id,
        revision=passages[0].revision,
        whole=whole,
        curated=curated,
        rarity={term: weight for term, weight in rarity.items() if term in held},
        elsewhere=sum(weight for term, weight in rarity.items() if term not in held),
        passages=tuple(Stretch(p.heading, p.start, p.end, p.internal, p.sentences) for p in passages),
    )


def excerpts(stretches: Sequence[Stretch], public: str, body: str) -> list[Excerpt]:
    """The texts of stretches of a document. Raises CitationError where one lies outside of it."""
    found = []
    for stretch in stretches:
        text = (body if stretch.internal else public)[stretch.start : stretch.end]
        if len(text) != stretch.end - stretch.start:
            raise CitationError(f"no span {stretch.start}:{stretch.end} in this revision")
        found.append(Excerpt(stretch, text))
    return found

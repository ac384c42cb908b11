"""What a question probably meant where it was misspelt, misheard, typed in pinyin or dictated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kb.search.lexicon import Lexicon
from kb.search.sounds import typed_pinyin, wrong_characters
from kb.search.spelling import misheard, misspelt
from kb.search.spoken_codes import spoken_codes
from kb.search.terms import simplified


@dataclass(frozen=True, slots=True)
class Slip:
    """A stretch of a question that was probably meant otherwise: `question[start:end]` read as `meant`."""

    start: int
    end: int
    meant: str
    why: Literal["typo", "homophone", "character", "pinyin", "initials", "spoken_code"]


def find_slips(question: str, lexicon: Lexicon) -> tuple[Slip, ...]:
    """What was probably meant otherwise, in order, without overlaps; nothing where the question reads well."""
    text = simplified(question)
    if len(text) != len(question):
        text = "".join(map(_plain, question))
    kept: list[Slip] = []
    for slip in _candidates(text, lexicon):
        if all(slip.end <= other.start or other.end <= slip.start for other in kept):
            kept.append(slip)
    return tuple(sorted(kept, key=lambda slip: slip.start))


def mended(question: str, slips: Sequence[Slip]) -> str:
    """The question as meant; `slips` are in order and do not overlap."""
    parts, at = [], 0
    for slip in slips:
        parts += [question[at : slip.start], slip.meant]
        at = slip.end
    return "".join((*parts, question[at:]))


def _candidates(text: str, lexicon: Lexicon) -> Iterator[Slip]:
    """The surest kind first: it keeps its place when another kind wants the same characters."""
    yield from (Slip(*found, "spoken_code") for found in spoken_codes(text, lexicon))
    yield from (Slip(*found, "homophone") for found in misheard(text, lexicon))
    for start, end, meant, why in typed_pinyin(text, lexicon):
        said = [Slip(*found, "spoken_code") for found in spoken_codes(meant, lexicon)]
        yield Slip(start, end, mended(meant, said), why)
    yield from (Slip(*found) for found in wrong_characters(text, lexicon))
    yield from (Slip(*found, "typo") for found in misspelt(text, lexicon))


@lru_cache(maxsize=8_192)
def _plain(character: str) -> str:
    """One character simplified, so that places in the text stay places in the question."""
    plain = simplified(character)
    return plain if len(plain) == 1 else character

"""Whether somebody would rather have a person: asked for, or said in anger, or said by asking again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.fuzz import ratio

from kb.handover import chinese, english, likely
from kb.search.terms import all_simplified

ASKED, ANGER, FAILED = "asked_for_human", "anger", "repeated_failure"
_LONGEST = 600
"""Characters that are looked at, from the end: who wants a person says so in the last of them."""
_SAME = 92.0
_SHORTEST = 4
_FAILED = re.compile(
    r"没用|没有用|不管用|没帮助|没帮到|还是(?:不行|不会|没有?好|一样|不能|不对|没用)|不是我(?:要|想)问|我问的不是|答非所问|没回答我|没解决|解决不了"
    r"|都(?:试|看)过了|看过了没|冇用|唔得(?:喎|啊|呀)?$|\b(?:didn'?t|did not|doesn'?t|does not|isn'?t|not) (?:really )?(?:help|helpful|helping|work|working|answer)"
    r"|not what i (?:asked|meant)|\bstill (?:not|doesn'?t|isn'?t|broken|the same)|\balready (?:tried|did|read)|\bno help\b|\buseless\b|\bthat'?s wrong\b"
)
_HAN = re.compile(r"[㐀-鿿]")
_PEOPLE = re.compile(
    r"\b(?:(?:live|real|human|actual) )?(?:agents?|person|people|humans?|operator|representative|manager)\b"
)
_SAID_IN_ENGLISH = {
    "人工客服": "human", "真人客服": "human", "人工": "human", "真人": "human", "客服": "human", "活人": "human",
    "转": "transfer me to", "找": "get me", "叫": "get me", "要": "want",
}  # fmt: skip
_AS_ENGLISH = re.compile("|".join(_SAID_IN_ENGLISH))
_LATIN = re.compile(r"[a-z]{2,}")


Vector = NDArray[np.float32]


def wants_human(text: str, earlier: Sequence[str] = (), vector: Vector | None = None) -> str | None:
    """Why a person is due: `asked_for_human`, `anger`, `repeated_failure`, or None.

    `earlier` is what the same customer said before, oldest first. `vector` is that of the text by the bundled model:
    with it, what the wordings say is weighed against what is meant; without it they decide alone. Takes well under a
    millisecond for a usual question.
    """
    said = _plain(text)
    found = _in_either(said)
    if vector is not None:
        wanted = likely.shipped().wants(text, vector, worded=found is not None)
        found = (found or ASKED) if wanted else None
    if found is None and earlier and _failed(said, _plain(earlier[-1])):
        return FAILED
    return found


def _in_either(said: str) -> str | None:
    """Of a text in both languages, each is read with the other's word for a person in its own."""
    has_han, has_latin = bool(_HAN.search(said)), bool(_LATIN.search(said))
    found = chinese.wants(_PEOPLE.sub("人工", said) if has_han else said)
    if found is None and (has_latin or not has_han):
        found = english.wants(_AS_ENGLISH.sub(lambda m: f" {_SAID_IN_ENGLISH[m[0]]} ", said) if has_han else said)
    return found


def _failed(said: str, before: str) -> bool:
    short = len(said) <= 60 and _FAILED.search(said) is not None
    return short or (len(said) >= _SHORTEST and ratio(_bare(said), _bare(before)) >= _SAME)


def _plain(text: str) -> str:
    return all_simplified(unicodedata.normalize("NFKC", text[-_LONGEST:])).lower().strip()


def _bare(text: str) -> str:
    return "".join(character for character in text if character.isalnum())

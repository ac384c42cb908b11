"""What a reply picks among the options that were offered: by number, by place, by label or part of one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.search.terms import normalised, question_terms, simplified

_PLACES = {
    0: r"1|one|first|1st|一|前者|former",
    1: r"2|two|second|2nd|二|两|latter",
    2: r"3|three|third|3rd|三",
}
_LATTER = re.compile(r"后者|后一个|(?:the )?latter(?: one)?")
_LAST = re.compile(r"最后(?:一|那)?(?:个|项|款|种)?|(?:the )?last(?: one)?")
_LEAD = (
    r"(?:(?:i mean|i meant|i want|please|option|number|no|choose|pick|我要|我选|选择?|我说的是|是|就|要|请|那就)"
    r"[ .:]*)*"
)
_TAIL = r"(?: ?(?:one|option|please|thanks|个|項|项|款|种|號|号|吧|啊|的|谢谢|那个|那款))*"
_FILLERS = frozenset(
    "one mean want about please pleas question that this the topic 那个 这个 关于 想 问 了解 要 说 的 是".split()  # noqa: SIM905
)


def picked(reply: str, labels: Sequence[str]) -> int | None:
    """The number of the option that a reply means, from 0; None where it means none of them, or might mean several."""
    which = place(reply, len(labels))
    return _named(reply, labels) if which is None else which


def place(reply: str, count: int) -> int | None:
    """Which of so many options a reply means by its number or place, from 0; None where it says neither."""
    said = re.sub(r"[\s.。,，!！?？、)）(（#]+", " ", simplified(reply).lower()).strip()
    if _LAST.fullmatch(said):
        return count - 1
    if _LATTER.fullmatch(said):
        return 1 if count == 2 else None
    for number, ways in _PLACES.items():
        if number < count and re.fullmatch(rf"{_LEAD}(?:the |第)?(?:{ways}){_TAIL}", said):
            return number
    return None


def _named(reply: str, labels: Sequence[str]) -> int | None:
    letters = normalised(reply)
    known = [normalised(label) for label in labels]
    if letters in known:
        return known.index(letters)
    words = {term for term in question_terms(reply) if term not in _FILLERS}
    if not words:
        return None
    held = [
        all(word in set(question_terms(label)) or word in key for word in words)
        for label, key in zip(labels, known, strict=True)
    ]
    return held.index(True) if held.count(True) == 1 else None

"""Identifiers: error codes, model numbers and the like, which mean something else when one character differs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.search.terms import question_terms, simplified, terms

CODE = re.compile(r"(?=.*[0-9])[a-z]+[a-z0-9]*(?:[-_./:@#+&][a-z0-9]+)*")
"""An identifier among the terms of a question: e3, e-4021, hw-w6-80; not 30cm."""
_SEPARATORS = re.compile(r"[-_./:@#+&]+")
_DIGIT = re.compile(r"[0-9]")
_MOST_DIGITS = 6
"""An identifier with more is a number of something that only one customer has."""


def codes(text: str) -> list[str]:
    """The identifiers of a text, without those that are only a part of a longer one."""
    found = [term for term in question_terms(text) if CODE.fullmatch(term)]
    inner = {part for term in found for part in pieces(term)}
    return [term for term in found if term not in inner]


def pieces(term: str) -> list[str]:
    """What a term is put together from: `hw`, `w6` and `80` in `hw-w6-80`."""
    return [part for part in _SEPARATORS.split(term) if part != term]


def parts(code: str) -> list[str]:
    """The identifiers that stand in a longer one: `e3` and `e5` in `e3/e5`."""
    return [part for part in pieces(code) if CODE.fullmatch(part)]


def names_another(asked: Sequence[str], text: str) -> bool:
    """Whether a text is about codes like one that is asked for, and not about it: E-4021 where E-4022 is asked for.

    Alike are codes of the same letters, in the same places. A text that holds one of several alike that are asked for
    is about those.
    """
    wanted: dict[str, set[str]] = {}
    for code in asked:
        if len(_DIGIT.findall(code)) <= _MOST_DIGITS:
            wanted.setdefault(_shape(code), set()).add(code)
    if not wanted:
        return False
    held: dict[str, set[str]] = {}
    for term in set(terms(text)):
        if CODE.fullmatch(term):
            held.setdefault(_shape(term), set()).add(term)
    return any(shape in held and held[shape].isdisjoint(codes) for shape, codes in wanted.items())


def _shape(code: str) -> str:
    return _DIGIT.sub("0", code)


def without_codes(question: str, codes: Sequence[str]) -> str:
    """The question as it would be without these codes, for finding out what else it says."""
    text = simplified(question)
    for code in codes:
        text = re.sub(rf"(?<![a-z0-9]){re.escape(code)}(?![a-z0-9])", " ", text, flags=re.IGNORECASE)
    return " ".join(text.split())

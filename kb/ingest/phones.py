"""Telephone numbers written in digits, by the matcher of the `phonenumbers` library over a centre's regions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from phonenumbers import Leniency, NumberParseException, PhoneNumberMatcher, is_possible_number, is_valid_number, parse

from kb.ingest.contexts import follows_code_word, follows_order_word, follows_phone_word
from kb.ingest.numerals import digits_of
from kb.ingest.spans import Span

_CANDIDATE = re.compile(r"(?<![A-Za-z0-9])[+(]{0,2}\d(?:[\s().\-_*/|~,·:+]{0,3}\d){6,}")
_PLAIN = re.compile(r"[+(]{0,2}\d(?:[ ().\-/]{0,3}\d){6,14}")
_UNMISTAKABLE = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}|(?:0|(?:00)?44)7\d{9}|09\d{8}|(?:00)?8869\d{8}")
_TRUNK = re.compile(r"\+|0\d")


def find_phones(text: str, regions: Sequence[str]) -> list[Span]:
    """Telephone numbers in any usual layout, and mobiles however their digits are separated."""
    found: list[Span] = []
    for candidate in _CANDIDATE.finditer(text):
        start = candidate.start()
        code = follows_code_word(text, start) and not _UNMISTAKABLE.fullmatch(digits_of(candidate[0]))
        if not (code or follows_order_word(text, start)):
            told = follows_phone_word(text, start)
            found += [Span(start + a, start + b, "phone") for a, b in _within(candidate[0], tuple(regions), told)]
    return found


@lru_cache(maxsize=2048)
def _within(candidate: str, regions: tuple[str, ...], told: bool) -> tuple[tuple[int, int], ...]:
    """Offsets of the numbers in one stretch of digits and separators; `told` when a word announced a number."""
    digits = digits_of(candidate)
    whole = ((0, len(candidate)),)
    if _UNMISTAKABLE.fullmatch(digits) or (told and 7 <= len(digits) <= 15):
        return whole
    if found := _matched(candidate, regions):
        return found
    if _PLAIN.fullmatch(candidate) and _TRUNK.match(candidate.lstrip("(")) and _possible(candidate, regions):
        return whole
    return tuple(m.span() for m in re.finditer(r"(?<!\d)(?:86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)", candidate))


def _matched(candidate: str, regions: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """What the library's matcher accepts in the first region that accepts anything, widest reading first."""
    readings = [
        tuple((m.start, m.end) for m in PhoneNumberMatcher(candidate, region, leniency=Leniency.VALID))
        for region in regions
    ]
    readings += [((0, len(candidate)),)] if _valid(candidate, regions) else []
    return max(readings, key=lambda spans: sum(b - a for a, b in spans), default=())


def _valid(candidate: str, regions: tuple[str, ...]) -> bool:
    return _PLAIN.fullmatch(candidate) is not None and any(_check(candidate, r, strict=True) for r in regions)


def _possible(candidate: str, regions: tuple[str, ...]) -> bool:
    return any(_check(candidate, region, strict=False) for region in regions)


def _check(candidate: str, region: str, *, strict: bool) -> bool:
    try:
        number = parse(candidate, region)
    except NumberParseException:
        return False
    return is_valid_number(number) if strict else is_possible_number(number)

"""What a ticket's own fields say about its customer, found wherever it reappears."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.ingest.numerals import digits_of
from kb.ingest.spans import Span, fold

_HAN = re.compile(r"[\u4e00-\u9fff]")
_HONORIFICS = "先生|女士|小姐|太太"
_SHORTEST_PART = 3
_SHORTEST_PHONE = 5
_COUNTRY_CODES = ("0086", "+86", "+852", "+886", "+44", "+65", "+1")


@dataclass(frozen=True, slots=True)
class Known:
    """The personal fields of one ticket."""

    names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def number_pattern(number: str) -> str | None:
    """A pattern for the digits of `number` between any separators, or None if it has too few."""
    digits = digits_of(fold(number).text)
    if len(digits) < _SHORTEST_PHONE:
        return None
    return r"(?<!\d)" + r"[\s\-().,_*/|~·:]{0,3}".join(digits) + r"(?!\d)"


def find_known(text: str, known: Known) -> list[Span]:
    """Every reappearance of the ticket's own names, addresses, e-mail addresses and numbers."""
    return [Span(*m.span(), kind) for kind, p in _patterns(known) for m in re.finditer(p, text, re.IGNORECASE)]


def _patterns(known: Known) -> Iterator[tuple[str, str]]:
    for email in filter(str.strip, known.emails):
        yield "email", re.escape(fold(email.strip()).text)
    for phone in known.phones:
        for variant in _without_country(phone):
            if pattern := number_pattern(variant):
                yield "phone", r"(?:\+?\(?\b\d{1,3}\)?[ -]?)?" + pattern if variant != phone else pattern
    for address in filter(str.strip, known.addresses):
        yield "address", r"[\s,，、]*".join(map(re.escape, re.sub(r"[\s,，、]+", "", fold(address).text)))
    for name in known.names:
        for part in _name_parts(fold(name).text.strip()):
            yield "name", part


def _without_country(phone: str) -> tuple[str, ...]:
    plain = fold(phone).text.strip()
    local = next((plain[len(c) :] for c in _COUNTRY_CODES if plain.startswith(c)), None)
    return (phone,) if local is None else (phone, "0" + local.lstrip(" -0()"), local)


def _name_parts(name: str) -> Iterator[str]:
    if not name:
        return
    if _HAN.search(name):
        yield r"\s*".join(map(re.escape, re.sub(r"\s+", "", name)))
        for family in {name[:1], name[:2]} if len(name) > _SHORTEST_PART else {name[:1]}:
            yield f"{re.escape(family)}(?:{_HONORIFICS})"
        return
    yield rf"(?<!\w){re.escape(name)}(?!\w)"
    for part in re.split(r"[\s,.]+", name):
        if len(part) >= _SHORTEST_PART:
            yield rf"(?<!\w){re.escape(part)}(?!\w)"

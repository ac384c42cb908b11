"""Stretches of a text that one redaction pass works on: folded for matching, mapped back to the original.

A detector sees the folded text, in which everything already found is covered by one private-use character a code
point, so that detectors never overlap and never look inside a placeholder.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple

PLACEHOLDERS = MappingProxyType(
    {
        "email": "[email]",
        "phone": "[phone]",
        "resident_id": "[resident id]",
        "bank_card": "[bank card]",
        "iban": "[iban]",
        "name": "[name]",
        "address": "[address]",
    }
)
KEPT = "kept"
_MASKS = {kind: chr(0xE000 + n) for n, kind in enumerate((*PLACEHOLDERS, KEPT))}
NAME_MASK = _MASKS["name"]
CONTACT_MASKS = "".join(mask for kind, mask in _MASKS.items() if kind not in ("name", KEPT))

_PLACEHOLDER = re.compile("|".join(re.escape(p) for p in PLACEHOLDERS.values()))
_KIND_OF = {placeholder: kind for kind, placeholder in PLACEHOLDERS.items()}
_DASHES = "‐‑‒–—―−﹘﹣－⁃"
_INVISIBLE_CATEGORIES = ("Cf", "Me")
_DASH, _DOT, _APOSTROPHE = "-", ".", "'"


class Span(NamedTuple):
    """A half-open stretch of the folded text, and what it is."""

    start: int
    end: int
    kind: str


class _Folding(dict[int, str]):
    """`str.translate` table that works out each character once: at most one character for one."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold(chr(code))
        return folded


def _fold(char: str) -> str:
    if char in _DASHES:
        return _DASH
    if char in "’‘ʼ´`":
        return _APOSTROPHE
    if char in "｡．﹒":
        return _DOT
    if "\ue000" <= char <= "\ue0ff":
        return "\ufffd"
    if unicodedata.category(char) in _INVISIBLE_CATEGORIES or "\ufe00" <= char <= "\ufe0f":
        return ""
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    wide = unicodedata.normalize("NFKC", char)
    return wide if len(wide) == 1 else char


_FOLDING = _Folding()


class Folded(NamedTuple):
    """A text made plain (full-width, odd dashes, zero-width), and where each of its characters stood."""

    text: str
    offsets: range | list[int]

    def original(self, span: Span) -> tuple[int, int]:
        """The stretch of the original text that `span` stands for."""
        return self.offsets[span.start], self.offsets[span.end - 1] + 1


def fold(text: str) -> Folded:
    """`text` in plain digits, dashes and spaces, without invisible characters; existing placeholders covered."""
    plain = text.translate(_FOLDING)
    offsets: range | list[int] = range(len(text))
    if len(plain) != len(text):
        offsets = [n for n, char in enumerate(text) if _FOLDING[ord(char)]]
    return Folded(_PLACEHOLDER.sub(_mask_placeholder, plain), offsets)


def _mask_placeholder(match: re.Match[str]) -> str:
    return _MASKS[_KIND_OF[match[0]]] * len(match[0])


def cover(text: str, spans: Iterable[Span]) -> str:
    """`text` with every span replaced, length for length, by the mask of its kind."""
    for start, end, kind in spans:
        text = text[:start] + _MASKS[kind] * (end - start) + text[end:]
    return text


def matches(pattern: re.Pattern[str], text: str, kind: str, group: str | int = 0) -> list[Span]:
    """Every match of `group` of `pattern` as a span of `kind`."""
    return [Span(*m.span(group), kind) for m in pattern.finditer(text) if m[group]]

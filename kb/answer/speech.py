"""Text to be read aloud: no addresses of pages, and codes and long numbers character by character."""

from __future__ import annotations

import re

_URL = re.compile(r"(?:https?://|www\.)[^\s，。；、）)》」』]*[^\s，。；、）)》」』.,;:!?]", re.IGNORECASE)
_CODE = re.compile(r"(?<![A-Za-z0-9.])(?=[-_/.A-Za-z0-9]*\d)[A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*(?![A-Za-z0-9])")
_WORD = re.compile(r"[\d.,/-]+[A-Za-z]{0,3}|[A-Za-z]+(?:[-_/.][A-Za-z]+)*")
_FEWEST_DIGITS = 7  # of a number in groups: fewer are two numbers side by side
_NUMBER = re.compile(r"(?<![\d.,])\+?\d{2,}(?:[- ]\d{2,})+(?![\d.,]*\d)|(?<![\d.,])\d{6,}(?![\d.,]*\d)")
_YEAR = re.compile(r"\d{4}-\d{2}-\d{2}")
_ROW = re.compile(r" \| ")


def spoken(text: str) -> str:
    """The text as a voice says it: `E-4021` as `E, 4 0 2 1`, `400-820-0316` as `4 0 0, 8 2 0, 0 3 1 6`."""
    text = _URL.sub("", text)
    text = _NUMBER.sub(lambda found: _digits(found[0]), text)
    text = _CODE.sub(lambda found: _letters(found[0]), text)
    return _ROW.sub(", ", text).strip()


def _digits(number: str) -> str:
    if _YEAR.fullmatch(number) or sum(map(str.isdigit, number)) < min(_FEWEST_DIGITS, len(number)):
        return number
    groups = re.split(r"[- ]", number)
    return ", ".join(" ".join(group.replace("+", "＋")).replace("＋", "+") for group in groups)


def _letters(code: str) -> str:
    """A code's characters apart; a measure (`30cm`, `2nd`, `5GHz`) is a word."""
    if _WORD.fullmatch(code):
        return code
    return ", ".join(" ".join(piece) for piece in re.split(r"[-_/.]", code))

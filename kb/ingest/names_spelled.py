"""Names spelled letter by letter: "Rahman R A H M A N", "K for Kilo, O, W", and the word they spell."""

from __future__ import annotations

import re

from kb.ingest.contexts import follows_order_word
from kb.ingest.spans import NAME_MASK, Span

_LETTER = r"(?:(?:(?:double|triple) )?[A-Za-z](?![A-Za-z'])(?: (?:for|as in|like) [A-Za-z]+)?)"
_BETWEEN = (
    r"(?:[ ,.\-]{1,3}(?:(?:then|and|space|hyphen|dash|apostrophe|uh|um|er|capital|big|small|new word)[ ,]+){0,2})"
)
_SPELLED = re.compile(rf"(?<![A-Za-z'])(?P<letters>{_LETTER}(?:{_BETWEEN}{_LETTER}){{2,24}})(?![ ,.\-]{{0,2}}\d)")
_PHONETIC = re.compile(r"(?i: (?:for|as in|like) [A-Za-z]+)")
_CUE = re.compile(
    rf"(?:[{NAME_MASK}]|(?<![A-Za-z])(?i:(?:sur|first |last |full |user)?name|names|spel[lt]\w*|letters"
    r"|letter by letter|called|under|initials)(?![A-Za-z])|拼音|拼写|拼寫|拼法|英文|字母|名字|姓名|叫)"
    r"(?:[^.!?\n\d]{0,24})$"
)
_CUE_AFTER = re.compile(
    r"(?i)[ ,.\-]*(?:is |that's |it's |'s )?(?:the |my |his |her |their )?(?:sur|first |last |family )?name(?![a-z])"
)
_THING = re.compile(
    r"(?i)(?<![a-z])(?:code|model|error|serial|brand|display\w*|shows?|showing|says?|flash\w*|button|mode|programme?"
    r"|label|sticker|make)(?![a-z])[^.!?\n]{0,20}$|[型代故显屏按键牌][^。！？\n]{0,8}$"
)
_WORD_BEFORE = re.compile(r"(?P<word>[A-Za-z][A-Za-z'\-]+)[ ,.:\-]*(?:(?:that's|spelled|spelt|it's|as in)[ ,:]+){0,2}$")
_WORD_AFTER = re.compile(r"[ ,.:\-]*(?:(?:that's|so|spells?|is)[ ,]+)?(?P<word>[A-Za-z][A-Za-z'\-]+)")
_REACH = 60
_SHORTEST = 3


def find_spelled_names(text: str) -> list[Span]:
    """Letters read out after a word that announces a name, or beside the word they spell, and that word itself."""
    found: list[Span] = []
    for match in _SPELLED.finditer(text):
        start, end = match.span("letters")
        spelled = _spelled(match["letters"])
        before = text[max(0, start - _REACH) : start]
        said = _beside(text, start, end, spelled)
        if len(spelled) < _SHORTEST or follows_order_word(text, start) or (_THING.search(before) and not said):
            continue
        if said or _CUE.search(before) or _CUE_AFTER.match(text, end) or _is_phonetic(match["letters"]):
            found += [Span(start, end, "name"), *_elsewhere(text, spelled)]
    return found


def _spelled(letters: str) -> str:
    """The word the letters make: a doubled letter twice, an example word not at all."""
    plain = _PHONETIC.sub("", letters)
    plain = re.sub(r"(?i)(double|triple) ([a-z])", lambda m: m[2] * (2 if m[1].lower() == "double" else 3), plain)
    return "".join(part for part in re.findall(r"[A-Za-z]+", plain) if len(set(part.lower())) == 1).lower()


def _is_phonetic(letters: str) -> bool:
    return len(_PHONETIC.findall(letters)) >= _SHORTEST


def _beside(text: str, start: int, end: int, spelled: str) -> bool:
    """Whether the word just before or after is what was spelled."""
    before, after = _WORD_BEFORE.search(text[max(0, start - _REACH) : start]), _WORD_AFTER.match(text, end)
    return any(m is not None and re.sub(r"[^a-z]", "", m["word"].lower()) == spelled for m in (before, after))


def _elsewhere(text: str, spelled: str) -> list[Span]:
    pattern = rf"(?<![A-Za-z]){spelled}(?![A-Za-z])"
    return [Span(*m.span(), "name") for m in re.finditer(pattern, text, re.IGNORECASE)]

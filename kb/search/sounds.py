"""Chinese words written with a wrong character, or typed as pinyin, in full or by initials."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Literal

from kb.search.lexicon import (
    GAP,
    Lexicon,
    common_characters,
    is_chinese_character,
    is_english,
    readings,
    syllables,
)

HOMOPHONE, CHARACTER, SHORT_CHARACTER, WHOLE_WORD_LEFT = 8.0, 15.0, 18.0, 20.0
COMMON = 6.0
"""What the mended reading must be likelier by, in nats: for a character of the same sound, for another one in a word of
three characters or more, for another one in a word of two."""
_CANDIDATES = 40
_CONTEXT = 4
_HAN = re.compile(r"[一-鿿]{2,}")
_LATIN = re.compile(r"(?<![A-Za-z0-9./@_-])[A-Za-z]+(?:'[a-z]+)?(?![A-Za-z0-9/@_-]|\.\w)")
Gain = tuple[float, int, int, str, Literal["homophone", "character"]]
Swap = tuple[int, int, str, Literal["homophone", "character"]]
Typed = tuple[int, int, str, Literal["pinyin", "initials"]]


def wrong_characters(text: str, lexicon: Lexicon) -> Iterator[Swap]:
    """The likeliest one-character slip of each run of Chinese characters of a simplified text, if any is likely."""
    for run in _HAN.finditer(text):
        if gains := list(_swaps(run.group(), lexicon)):
            _, start, end, word, why = max(gains)
            yield run.start() + start, run.start() + end, word, why


def _swaps(run: str, lexicon: Lexicon) -> Iterator[Gain]:
    _, words = lexicon.path(run)
    owner = [i for i, word in enumerate(words) for _ in word]
    costs = [lexicon.surprise(word) for word in words]
    for place, character in enumerate(run):
        word = words[owner[place]]
        if len(word) > 2 or not _may_be_wrong(character, lexicon):
            continue
        if run[max(0, place - 1) : place + 1] in lexicon.pairs or run[place : place + 2] in lexicon.pairs:
            continue  # the index writes it next to the same character
        for start in range(max(0, place - 3), place + 1):
            for end in range(max(place + 1, start + 2), min(len(run), start + 4) + 1):
                most = sum(costs[owner[start] : owner[end - 1] + 1])
                yield from _swaps_in(run, start, place, end, len(word) == 1, most, lexicon)


def _may_be_wrong(character: str, lexicon: Lexicon) -> bool:
    """Not a numeral, nor one of the most frequent characters, nor a rare one that the index itself uses."""
    if unicodedata.numeric(character, None) is not None or lexicon.surprise(character) < COMMON:
        return False
    return character not in lexicon.rare_characters


def _swaps_in(run: str, start: int, place: int, end: int, alone: bool, most: float, lexicon: Lexicon) -> Iterator[Gain]:
    """The words of the index that differ from `run[start:end]` at `place` and are likelier by enough."""
    head, tail = run[start:place], run[place + 1 : end]
    for word in lexicon.gapped.get(head + GAP + tail, ())[:_CANDIDATES]:
        bound = most - lexicon.surprise(word)
        if bound < HOMOPHONE or word[place - start] == run[place] or run[place] in head + tail:
            continue
        same = syllables(word)[place - start] == readings(run[place])[0]
        if not same and not alone:
            continue
        needed = HOMOPHONE if same else CHARACTER if len(word) > 2 else SHORT_CHARACTER
        if not same and any(len(part) > 1 and lexicon.is_word(part) for part in (head, tail)):
            needed = WHOLE_WORD_LEFT
        if bound > needed and (gain := _gain(run, start, end, word, lexicon) - needed) > 0:
            yield gain, start, end, word, "homophone" if same else "character"


def _gain(run: str, start: int, end: int, word: str, lexicon: Lexicon) -> float:
    """How much likelier the neighbourhood is with `word` in it, in nats."""
    before, after = run[max(0, start - _CONTEXT) : start], run[end : end + _CONTEXT]
    return lexicon.path(before + run[start:end] + after)[0] - lexicon.path(before + word + after)[0]


def typed_pinyin(text: str, lexicon: Lexicon) -> Iterator[Typed]:
    """Runs of Latin letters that spell Chinese words, in a text that is not English."""
    tokens = list(_LATIN.finditer(text))
    strange = [t for t in tokens if _is_strange(t.group(), lexicon)]
    if not strange or not lexicon.chinese:
        return
    spelt = [t for t in tokens if _spelling().fullmatch(t.group().lower())]
    foreign = [t for t in tokens if t not in spelt and t not in strange]
    if sum(len(t.group()) for t in strange) < sum(len(t.group()) for t in foreign):
        return
    runs = [run for run in _runs(text, spelt) if any(token in strange for token in run)]
    decoded = [_decoded(run, lexicon) for run in runs]
    if any(_is_sure(words) for words in decoded):
        found = ((run, "".join(words)) for run, words in zip(runs, decoded, strict=True) if words)
        yield from ((run[0].start(), run[-1].end(), words, "pinyin") for run, words in found)
    for token in strange:
        if token not in spelt and token.group().islower() and (phrase := _abbreviated(token.group(), lexicon)):
            yield *token.span(), phrase, "initials"


def _is_strange(token: str, lexicon: Lexicon) -> bool:
    word = token.lower()
    return len(word) > 1 and not is_english(word) and not lexicon.knows(word)


def _runs(text: str, tokens: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    run: list[re.Match[str]] = []
    for token in tokens:
        if run and text[run[-1].end() : token.start()].strip():
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _decoded(run: list[re.Match[str]], lexicon: Lexicon) -> Sequence[str]:
    """The likeliest Chinese words for a run of pinyin; none where it is not all pinyin."""
    letters = "".join(token.group().lower().replace("'", "") for token in run)
    ends, breaks = 0, set()
    for token in run:
        ends += len(token.group().replace("'", ""))
        breaks.add(ends)
    best: list[tuple[float, tuple[str, ...]] | None] = [(0.0, ())] + [None] * len(letters)
    for start in range(len(letters)):
        if (reached := best[start]) is None:
            continue
        for end in range(start + 1, min(len(letters), start + 24) + 1):
            for word in _words(letters[start:end], {b - start for b in breaks if start < b < end}, lexicon):
                cost = reached[0] + lexicon.phrases.get(word, lexicon.surprise(word))
                if (known := best[end]) is None or cost < known[0]:
                    best[end] = (cost, (*reached[1], word))
    return best[-1][1] if best[-1] else ()


def _is_sure(words: Sequence[str]) -> bool:
    """Whether two fifths of the characters are in words of more than one."""
    long = sum(len(word) for word in words if len(word) > 1)
    return long > 0 and 5 * long >= 2 * sum(map(len, words))


def _words(letters: str, breaks: set[int], lexicon: Lexicon) -> Iterator[str]:
    """Words that sound so and whose syllables end where the typist put a space."""
    if not breaks and (single := common_characters().get(letters)):
        yield single
    for word in lexicon.heard.get(letters, ()):
        if breaks <= set(accumulate(map(len, syllables(word)))):
            yield word


@lru_cache(maxsize=1)
def _spelling() -> re.Pattern[str]:
    known = sorted((s for s in common_characters() if (s.isascii() and len(s) > 1) or s in "ae"), key=len, reverse=True)
    return re.compile(rf"(?:(?:{'|'.join(known)})'?)+")


def _abbreviated(letters: str, lexicon: Lexicon) -> str | None:
    """The phrase of the titles, or the word of the index, that begins its characters with these letters."""
    text, initials, starts = lexicon.title_initials
    found: Counter[str] = Counter()
    at = initials.find(letters)
    while at >= 0:
        phrase = text[at : at + len(letters)]
        if at in starts and at + len(letters) in starts and all(is_chinese_character(c) for c in phrase):
            found[phrase] += 1
        at = initials.find(letters, at + 1)
    return max(found, key=lambda phrase: (found[phrase], -lexicon.path(phrase)[0])) if found else None

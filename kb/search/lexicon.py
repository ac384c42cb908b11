"""The words of an index, arranged for finding what a question probably meant: by sound, by spelling, by gap.

General knowledge comes from libraries: how common a Chinese word is from rjieba's dictionary, how a character sounds
from pypinyin, which English words exist from the frequency list of symspellpy.
"""

from __future__ import annotations

import importlib.resources
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from math import log

import rjieba
from pypinyin.contrib.tone_convert import to_normal
from pypinyin.phrases_dict import phrases_dict
from pypinyin.pinyin_dict import pinyin_dict

from kb.search.terms import terms

LONGEST_WORD = 6
"""Chinese characters; longer words are compounds of words that are looked up on their own."""
_CHINESE_TOKENS = 60_101_967
"""Sum of the frequencies in the dictionary of jieba, which rjieba carries."""
_UNSEEN = 1e-9
_ENGLISH = "frequency_dictionary_en_82_765.txt"
_CODE = re.compile(r"(?=[a-z-]*[0-9])[a-z]{1,4}[a-z0-9]*(?:-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z]{5,}")
LONGEST_PHRASE = 8
LONGEST_CODE = 16
RARE = 300
"""Occurrences in the 60 million words that jieba counted."""
_HAN = re.compile(r"[一-鿿]+")
GAP = "\0"
"""Stands for the one character that may be wrong."""


@dataclass(frozen=True, eq=False)  # no slots: the derived lookups are kept in the instance
class Lexicon:
    """The words that what one asker may find is written with."""

    counts: Mapping[str, int]
    """Term, as `kb.search.terms.terms` gives it, to the number of passages that hold it."""
    words: Mapping[str, int]
    """Surface word, lower case and simplified but unstemmed, to the number of passages that hold it."""
    titles: Sequence[str]
    """Titles and curated questions of documents, simplified."""

    def with_tables_of(self, other: Lexicon) -> Lexicon:
        """This lexicon, once it has taken over what `other` was arranged into: its words are not found by slips yet."""
        self.__dict__["arranged_with"] = other.arranged_with
        self.__dict__.update({name: other.__dict__[name] for name in TABLES if name in other.__dict__})
        return self

    def arrange(self) -> None:
        """Makes all of its tables, so that no question waits for one."""
        for name in TABLES:
            getattr(self, name)

    def knows(self, word: str) -> bool:
        """Whether a lower-case Latin word, or another form of it, is written in the index."""
        return word in self.words or all(term in self.counts for term in terms(word))

    def surprise(self, word: str) -> float:
        """-ln of a Chinese word's probability, half measured here and half in general Chinese; lower is likelier."""
        if (known := self._surprises.get(word)) is None:
            known = -log(self.words.get(word, 0) / self._total / 2 + _general(word) + _UNSEEN)
            self._surprises[word] = known
        return known

    def path(self, text: str) -> tuple[float, list[str]]:
        """The likeliest words of a run of Chinese characters, with their summed surprise."""
        best: list[tuple[float, int]] = [(0.0, 0)]
        for end in range(1, len(text) + 1):
            reached = (best[end - 1][0] + self.surprise(text[end - 1]), end - 1)
            for start in range(max(0, end - LONGEST_WORD), end - 1):
                if self.is_word(word := text[start:end]):
                    reached = min(reached, (best[start][0] + self.surprise(word), start))
            best.append(reached)
        words, end = [], len(text)
        while end:
            words.append(text[best[end][1] : end])
            end = best[end][1]
        return best[-1][0], words[::-1]

    def is_word(self, word: str) -> bool:
        """Whether a Chinese word is in the index or in the dictionary."""
        return word in self.words or bool(rjieba.has_word(word))

    @cached_property
    def arranged_with(self) -> int:
        """How many words it had when its tables were made."""
        return len(self.words)

    @cached_property
    def _surprises(self) -> dict[str, float]:
        return {}

    @cached_property
    def _total(self) -> int:
        return sum(self.words.values()) + 1

    @cached_property
    def chinese(self) -> tuple[str, ...]:
        """The Chinese words of two characters and more, the most frequent first."""
        found = (word for word in self.words if 2 <= len(word) <= LONGEST_WORD and _HAN.fullmatch(word))
        return tuple(sorted(found, key=lambda word: (-self.words[word], word)))

    @cached_property
    def pairs(self) -> frozenset[str]:
        """Two characters that stand together in a Chinese word or a title."""
        runs = (*self.chinese, *(run for title in self.titles for run in _HAN.findall(title)))
        return frozenset(a + b for run in runs for a, b in pairwise(run))

    @cached_property
    def rare_characters(self) -> frozenset[str]:
        """Characters of the index that general Chinese hardly uses: a question with one of them means it."""
        used = filter(is_chinese_character, set().union(*self.words))
        return frozenset(character for character in used if _general(character) * _CHINESE_TOKENS * 2 < RARE)

    @cached_property
    def heard(self) -> Mapping[str, Sequence[str]]:
        """Toneless pinyin without spaces to the Chinese words, characters and phrases of titles that sound so."""
        characters = (word for word in self.words if len(word) == 1 and is_chinese_character(word))
        found = defaultdict(list)
        for word in dict.fromkeys((*self.chinese, *self.phrases, *characters)):
            found["".join(syllables(word))].append(word)
        return dict(found)

    @cached_property
    def phrases(self) -> Mapping[str, float]:
        """Two or three neighbouring words of titles to their surprise, which is less than that of the words apart."""
        found: Counter[str] = Counter()
        for title in self.titles:
            for run in _HAN.findall(title):
                words = rjieba.cut(run, False)
                found.update(a + b for a, b in pairwise(words))
                found.update(a + b + c for a, b, c in zip(words, words[1:], words[2:], strict=False))
        return {
            phrase: -log(count / self._total / 2) for phrase, count in found.items() if len(phrase) <= LONGEST_PHRASE
        }

    @cached_property
    def gapped(self) -> Mapping[str, Sequence[str]]:
        """A Chinese word with `GAP` for one of its characters to the words that fill it, the most frequent first."""
        found = defaultdict(list)
        for word in self.chinese:
            if self.words[word] < 3 and not rjieba.has_word(word):
                continue  # a rare word that no dictionary has is often two words cut as one
            for i in range(len(word)):
                found[word[:i] + GAP + word[i + 1 :]].append(word)
        return dict(found)

    @cached_property
    def latin(self) -> Mapping[tuple[str, int], Sequence[str]]:
        """First letter and length to the Latin words that have them."""
        found = defaultdict(list)
        for word in self.words:
            if word.isascii() and word.isalpha() and len(word) > 2:
                found[word[0], len(word)].append(word)
        return dict(found)

    @cached_property
    def names(self) -> Mapping[str, int]:
        """Latin words of titles that no English dictionary has, products mostly, to the number of titles."""
        found = Counter(word for title in self.titles for word in _NAME.findall(title.lower()))
        return {word: count for word, count in found.items() if not is_english(word)}

    @cached_property
    def codes(self) -> Mapping[str, str]:
        """Letters and digits of an error code or a model number to how it is written, upper case."""
        found: dict[str, str] = {}
        written = (word for word in {*self.counts, *self.words} if len(word) <= LONGEST_CODE and _CODE.fullmatch(word))
        for word in sorted(written, key=lambda word: (-self.counts.get(word, 0), word)):
            found.setdefault(word.replace("-", ""), word.upper())
        return found

    @cached_property
    def code_keys(self) -> Sequence[str]:
        """The keys of `codes`, sorted, for finding out whether a prefix can still become one."""
        return sorted(self.codes)

    @cached_property
    def title_initials(self) -> tuple[str, str, frozenset[int]]:
        """All titles as one text; the initial of every character's pinyin, place by place; where its words begin."""
        text = "\n".join(title.lower() for title in self.titles)
        initials, starts = [], set()
        at = 0
        for word in _pieces(text):
            starts.add(at)
            chinese = is_chinese_character(word[0])  # as it was cut: a rarer character stands with its neighbours
            initials.append("".join(map(_initial, word, syllables(word))) if chinese else word)
            at += len(word)
        return text, "".join(initials), frozenset(starts | {at})


def _initial(character: str, syllable: str) -> str:
    return (syllable or character)[0]  # a few readings are nothing but a tone


def _pieces(text: str) -> Iterator[str]:
    for run in re.findall(r"[一-鿿]+|[^一-鿿]+", text):
        yield from rjieba.cut(run, False) if is_chinese_character(run[0]) else (run,)


def is_chinese_character(character: str) -> bool:
    """Whether a character is one of the common block of Chinese characters."""
    return "一" <= character <= "鿿"


@lru_cache(maxsize=65_536)
def _general(word: str) -> float:
    known = rjieba.has_word(word)
    return float(rjieba.suggest_freq(word)) / _CHINESE_TOKENS / 2 if known else 0.0


@lru_cache(maxsize=32_768)
def readings(character: str) -> tuple[str, ...]:
    """The toneless pinyin of a character, its usual one first, `v` for `ü`; the character itself where it has none."""
    marked = pinyin_dict.get(ord(character), character)
    return tuple(dict.fromkeys(_toneless(reading) for reading in marked.split(",")))


@lru_cache(maxsize=65_536)
def syllables(word: str) -> tuple[str, ...]:
    """The toneless pinyin of a word, one syllable for each character, as said in this word."""
    phrase = phrases_dict.get(word)
    if phrase and len(phrase) == len(word):
        return tuple(_toneless(reading[0]) for reading in phrase)
    return tuple(readings(character)[0] for character in word)


@lru_cache(maxsize=4_096)
def _toneless(reading: str) -> str:
    return str(to_normal(reading))


@lru_cache(maxsize=1)
def common_characters() -> Mapping[str, str]:
    """Toneless syllable to the character most often meant by it."""
    characters = [chr(point) for point in pinyin_dict if rjieba.has_word(chr(point))]
    characters.sort(key=_general)
    return {readings(character)[0]: character for character in characters}


@lru_cache(maxsize=1)
def english_words() -> Mapping[str, int]:
    """The English words of symspellpy's frequency list, to how often they occur in books."""
    text = (importlib.resources.files("symspellpy") / _ENGLISH).read_text("utf-8-sig")
    return {word: int(count) for word, count in (line.split() for line in text.splitlines() if line)}


def is_english(word: str) -> bool:
    """Whether a lower-case word is English, with or without its possessive or plural ending."""
    words = english_words()
    return word in words or word.removesuffix("'s") in words or word.replace("'", "") in words


TABLES = tuple(name for name, made in vars(Lexicon).items() if isinstance(made, cached_property))
"""What a lexicon is arranged into when it is first needed."""

"""Misspelt English words, and product names that were heard as other words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from string import ascii_lowercase

import jellyfish
from rapidfuzz import process
from rapidfuzz.distance import OSA

from kb.search.lexicon import Lexicon, english_words, is_english
from kb.search.terms import question_terms

SHORTEST = 4
"""Letters; among shorter words too many are one edit apart."""
TWO_EDITS = 8
"""Letters from which a word may hold two slips."""
_TOKEN = re.compile(r"(?<![\w./\\@:#$%&+=~-])[A-Za-z]+(?:'[a-z]+)?(?![\w/\\@#$%&+=~-]|[.:]\w)")
Found = tuple[int, int, str]


def misspelt(question: str, lexicon: Lexicon) -> Iterator[Found]:
    """Start, end and meant word of each English word that is not one but nearly."""
    for match in _TOKEN.finditer(question):
        if _is_ordinary(match.group(), match.start()) and (meant := nearest(match.group().lower(), lexicon)):
            yield *match.span(), meant


def _is_ordinary(word: str, start: int) -> bool:
    """Not an abbreviation, a `CamelCase` identifier or a short name, which are spelt as their owners like."""
    if word.islower() or (start == 0 and word[1:].islower()):
        return len(word) >= SHORTEST
    return len(word) > 6 and (word[1:].islower() or word.isupper())


def nearest(word: str, lexicon: Lexicon) -> str | None:
    """The word of the index that an unknown word is a slip of; the nearest, then the most frequent."""
    if "'" in word or is_english(word) or lexicon.knows(word):
        return None
    distance, _, _, meant = min(_near(word, lexicon), default=(0, False, 0, None))
    if distance > 1 and any(edit in english_words() for edit in _edits(word, len(word) + 1)):
        return None  # an English word that the index lacks is nearer
    return meant


def _near(word: str, lexicon: Lexicon) -> Iterator[tuple[int, bool, int, str]]:
    edits = 2 if len(word) >= TWO_EDITS else 1
    for length in range(len(word) - edits, len(word) + edits + 1):
        near = process.extract(
            word, lexicon.latin.get((word[0], length), ()), scorer=OSA.distance, score_cutoff=edits, limit=8
        )
        yield from ((distance, False, -lexicon.words[found], found) for found, distance, _ in near)
    for found in _edits(word, 1):
        if len(found) > SHORTEST and found in lexicon.words:
            yield 1, True, -lexicon.words[found], found


def _edits(word: str, places: int) -> Iterator[str]:
    """What one edit at one of the first `places` makes of a word."""
    for i in range(places):
        head, tail = word[:i], word[i:]
        yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in ascii_lowercase:
            yield head + letter + tail
            yield head + letter + tail[1:]


def misheard(question: str, lexicon: Lexicon) -> Iterator[Found]:
    """Start, end and meant name of neighbouring words that sound like one product name of a title."""
    if not lexicon.names:
        return
    for left, right in pairwise(_TOKEN.finditer(question)):
        if question[left.end() : right.start()].strip() or len(left.group()) < SHORTEST or len(right.group()) < 3:
            continue
        if name := _name(left.group().lower(), right.group().lower(), lexicon):
            yield left.start(), right.end(), name


def _name(left: str, right: str, lexicon: Lexicon) -> str | None:
    """A product name that two English words sound like, unless the index uses these words more than the name."""
    if len(question_terms(f"{left} {right}")) < 2 or not is_english(left):
        return None
    usual = lexicon.words.get(left, 0) + lexicon.words.get(right, 0)
    names = (name for name in lexicon.names if usual <= 4 * lexicon.words.get(name, 0))
    return next((name for name in names if _sounds_like((left + right).replace("'", ""), name)), None)


def _sounds_like(joined: str, name: str) -> bool:
    if joined[0] != name[0] or abs(len(joined) - len(name)) > 2 or len(name) < TWO_EDITS:
        return False
    if OSA.distance(joined, name) <= 1:
        return True
    heard = OSA.distance(jellyfish.metaphone(joined), jellyfish.metaphone(name))
    return heard == 0 or (heard == 1 and len(name) >= 9 and OSA.distance(joined, name) <= 3)

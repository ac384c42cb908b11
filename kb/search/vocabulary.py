"""What an index is written with, gathered passage by passage, for the lexicons that questions are understood by.

The public's lexicon knows public passages alone: what a question is taken to mean must not tell what it may not see.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from kb.errors import IndexCorrupt
from kb.model import PUBLIC
from kb.search.analysis import Analysed
from kb.search.lexicon import Lexicon
from kb.search.terms import is_chinese

_FILE = "vocabulary.json"
LARGE = 10_000
"""Words from which on a lexicon is arranged anew only once it has grown by `_GROWTH`."""
_GROWTH = 0.05
TITLES = 20_000
"""Titles and curated questions that slips are looked for in: more would take minutes to arrange."""
_LATIN = re.compile(r"[a-z]+(?:'[a-z]+)?|[a-z0-9]+(?:-[a-z0-9]+)*")


class Words(msgspec.Struct, frozen=True):
    """Terms and surface words with the number of passages that hold them, and titles and curated questions."""

    counts: dict[str, int]
    words: dict[str, int]
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of public passages, and of those that are for agents or groups; tickets are not counted."""

    public: Words
    internal: Words
    lexicons: Mapping[bool, Lexicon]
    """By whether internal words are in it."""

    def arrange(self) -> None:
        """Makes the tables of its lexicons that are not made yet."""
        for lexicon in self.lexicons.values():
            lexicon.arrange()

    def extended(self, passages: Iterable[Analysed]) -> Vocabulary:
        """This vocabulary with more passages; the very same where they bring no new word or title."""
        public, internal = gather(passages)
        if _holds(self.public, public) and _holds(self.internal, internal):
            return self
        grown = of(_added(self.public, public), _added(self.internal, internal))
        arranged = {inner: _arranged(lexicon, self.lexicons[inner]) for inner, lexicon in grown.lexicons.items()}
        return replace(grown, lexicons=arranged)


def _arranged(lexicon: Lexicon, before: Lexicon) -> Lexicon:
    """A grown lexicon. While it has grown by little, a large one keeps the tables of the one `before`.

    Making them anew takes a second for each 50,000 words. What was added meanwhile is known, and no longer taken for a
    slip, but no slip is mended to it yet.
    """
    grown = len(lexicon.words) - before.arranged_with
    keeps = len(lexicon.words) > LARGE and grown <= _GROWTH * len(lexicon.words)
    return lexicon.with_tables_of(before) if keeps else lexicon


def of(public: Words, internal: Words) -> Vocabulary:
    """A vocabulary from its two parts."""
    whole = _added(public, internal)
    made = {False: Lexicon(public.counts, public.words, public.titles)}
    made[True] = Lexicon(whole.counts, whole.words, whole.titles)
    return Vocabulary(public, internal, made)


class Gathering:
    """Takes passages, and counts the words of public and of internal ones."""

    def __init__(self) -> None:
        self._found: dict[bool, tuple[Counter[str], Counter[str], dict[str, None]]] = {
            is_public: (Counter(), Counter(), {}) for is_public in (True, False)
        }

    def add(self, passage: Analysed) -> None:
        """Takes one passage."""
        if passage.access.kind == "ticket":
            return
        counts, words, titles = self._found[PUBLIC in passage.access.audience]
        held = set(passage.terms)
        counts.update(held)
        words.update({term for term in held if not term.isascii() and is_chinese(term)})
        words.update(set(_LATIN.findall(passage.plain.lower())))
        if len(titles) < TITLES:
            titles[passage.plain if passage.access.role == "question" else passage.title] = None

    def words(self) -> tuple[Words, Words]:
        """The words of public and of internal passages."""
        public, internal = (Words(dict(c), dict(w), tuple(t)) for c, w, t in (self._found[True], self._found[False]))
        return public, internal


def gather(passages: Iterable[Analysed]) -> tuple[Words, Words]:
    """The words of public and of internal passages."""
    gathering = Gathering()
    for passage in passages:
        gathering.add(passage)
    return gathering.words()


def write(folder: Path, words: tuple[Words, Words]) -> None:
    """Writes the file of a new generation. Raises OSError."""
    (folder / _FILE).write_bytes(msgspec.json.encode(words))


def read(folder: Path) -> Vocabulary:
    """The vocabulary of a generation. Raises IndexCorrupt."""
    try:
        return of(*msgspec.json.decode((folder / _FILE).read_bytes(), type=tuple[Words, Words]))
    except (OSError, msgspec.DecodeError) as error:
        raise IndexCorrupt(f"{folder / _FILE} cannot be read ({error}): run `kb reindex --full`") from error


def _holds(known: Words, new: Words) -> bool:
    return new.words.keys() <= known.words.keys() and set(new.titles) <= set(known.titles)


def _added(one: Words, other: Words) -> Words:
    titles = tuple(dict.fromkeys((*one.titles, *other.titles)))
    return Words(_summed(one.counts, other.counts), _summed(one.words, other.words), titles[:TITLES])


def _summed(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {**one, **{word: one.get(word, 0) + count for word, count in other.items()}}

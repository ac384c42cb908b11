"""The forward index: every passage's terms, sentence by sentence, so that how well its sentences hold a question's
words is known for many candidates in one step, without reading a text.

A record is `(m,) uint32`: the terms of the heading path, then those of each sentence, each group begun by a 0.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt
from kb.search.terms import terms

Record = NDArray[np.uint32]
_SENTENCE_END = re.compile(r"(?<=[。！？!?；;\n])|(?<=[.:]) ")
_LOW = np.uint32(0xFFFF)
_OFFSETS, _TERMS = "forward.offsets.npy", "forward.terms.npy"


def key(term: str) -> int:
    """A term's number in [1, 2**32): CRC-32; two terms rarely share one."""
    return zlib.crc32(term.encode()) or 1


def record(embedded: str) -> Record:
    """The record of a passage as the indexes see it: its heading path, a line end, then its text."""
    found: list[int] = []
    for part in parts(embedded):
        held = dict.fromkeys(map(key, terms(part))) if part else {}
        if held or not found:
            found += [0, *held]
    return np.array(found, np.uint32)


def parts(embedded: str) -> list[str]:
    """The heading path of a passage, then its sentences, split fast and roughly."""
    heading, _, text = embedded.partition("\n")
    return [heading, *_SENTENCE_END.split(text)]


def groups(record: Record) -> list[frozenset[int]]:
    """The terms of a record's heading path, then those of each sentence that has any."""
    return [frozenset(group.tolist()) - {0} for group in np.split(record, np.flatnonzero(record == 0)[1:])]


@dataclass(frozen=True, slots=True)
class Forward:
    """Records by position: `flat[offsets[i]:offsets[i + 1]]` of the base generation, then `delta`."""

    offsets: NDArray[np.int64]
    flat: NDArray[np.uint32]
    delta: tuple[Record, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1 + len(self.delta)

    def extended(self, records: Iterable[Record]) -> Forward:
        """These records with more at the end."""
        return replace(self, delta=(*self.delta, *records))

    def record(self, place: int) -> Record:
        """The record at a position."""
        base = len(self.offsets) - 1
        if place >= base:
            return self.delta[place - base]
        return self.flat[self.offsets[place] : self.offsets[place + 1]]

    def held(self, places: Sequence[int], wanted: Wanted) -> Held:
        """Which of the wanted concepts stand in the records at `places`."""
        flat, begins = self._records(np.asarray(places, np.int64))
        starts = np.flatnonzero(flat == 0)  # of every heading and sentence
        first = np.searchsorted(starts, begins)
        owner = np.repeat(np.arange(len(places)), np.diff(first, append=len(starts)))
        hit, word = _found(flat, wanted.keys)
        group = np.searchsorted(starts, hit) - 1
        holds = np.zeros((len(starts), len(wanted.rarity)))
        np.maximum.at(holds, (group, wanted.concepts[word]), wanted.strengths[word])
        return Held(holds, owner, first, np.diff(starts, append=len(flat)) - 1)

    def _records(self, places: NDArray[np.int64]) -> tuple[Record, NDArray[np.int64]]:
        """The records at `places` one after the other, and where each begins."""
        if self.delta:
            records = [self.record(place) for place in places.tolist()]
            return np.concatenate([np.zeros(0, np.uint32), *records]), np.cumsum([0, *map(len, records)])[:-1]
        starts = self.offsets[places]
        sizes = self.offsets[places + 1] - starts
        begins = np.cumsum(sizes) - sizes
        return self.flat[np.repeat(starts - begins, sizes) + np.arange(sizes.sum())], begins


def _found(flat: Record, keys: Record) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where in `flat` one of the distinct `keys` stands, and which one. By its low bits first: most terms are none."""
    likely = np.zeros(_LOW + 1, bool)
    likely[keys & _LOW] = True
    hit = np.flatnonzero(likely[flat & _LOW])
    order = np.argsort(keys)
    ordered = keys[order]
    at = np.minimum(np.searchsorted(ordered, flat[hit]), len(keys) - 1)
    same = ordered[at] == flat[hit]
    return hit[same], order[at[same]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question asks for: concepts of some `rarity` `(c,)`, each said by one or more words.

    By word: its `keys`, the number of its concept, and its strength in (0, 1]: 1 for a word as asked, less for a
    synonym or translation.
    """

    keys: NDArray[np.uint32]
    concepts: NDArray[np.int64]
    strengths: NDArray[np.float64]
    rarity: NDArray[np.float64]
    identifiers: NDArray[np.bool_]
    """`(c,)`: which concepts are codes or model numbers."""


@dataclass(frozen=True, slots=True)
class Held:
    """`holds` is `(groups, concepts)` in [0, 1]; `owner[g]` the place of a group, `first[p]` a place's heading group.

    `sizes[g]` is how many distinct terms the group has.
    """

    holds: NDArray[np.float64]
    owner: NDArray[np.int64]
    first: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def whole(self) -> NDArray[np.float64]:
        """`(places, concepts)`: what each passage holds, heading included."""
        return np.maximum.reduceat(self.holds, self.first, axis=0) if len(self.first) else self.holds

    def heading(self) -> NDArray[np.float64]:
        """`(places, concepts)`: what each heading path holds."""
        return self.holds[self.first]

    def best_sentence(self, rarity: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(places,)`: the greatest rarity that one sentence holds; what only its heading path holds counts half."""
        if not len(self.first):
            return np.zeros(0)
        under = np.maximum(self.holds, 0.5 * self.holds[self.first][self.owner])
        alone = np.diff(np.append(self.first, len(self.owner))) == 1
        under[self.first[~alone]] = 0.0
        return np.asarray(np.maximum.reduceat(under @ rarity, self.first))


EMPTY = Forward(np.zeros(1, np.int64), np.zeros(0, np.uint32))


def write(folder: Path, records: Iterable[Record]) -> None:
    """Writes records as files of a new generation. Raises OSError."""
    every = list(records)
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in every])]).astype(np.int64)
    flat = np.concatenate([np.zeros(0, np.uint32), *every])
    for name, values in ((_OFFSETS, offsets), (_TERMS, flat)):
        with (folder / name).open("wb") as stream:
            np.save(stream, values)


def read(folder: Path, count: int) -> Forward:
    """The `count` records of a generation, mapped into memory. Raises IndexCorrupt."""
    try:
        offsets = np.load(folder / _OFFSETS)
        flat = np.load(folder / _TERMS, mmap_mode="r") if offsets[-1] else np.zeros(0, np.uint32)
    except (OSError, ValueError, IndexError) as error:
        raise IndexCorrupt(f"{folder} has no whole forward index ({error}): run `kb reindex --full`") from error
    if len(offsets) != count + 1 or offsets[-1] != len(flat):
        raise IndexCorrupt(f"{folder}: the forward index does not hold {count} passages: run `kb reindex --full`")
    return Forward(offsets, np.asarray(flat).view(np.ndarray))  # a slice of a plain array costs a tenth of a memmap's

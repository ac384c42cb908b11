"""The forward index: every passage's terms, sentence by sentence, so that how well its sentences hold a question's
words is known for many candidates in one step, without reading a text.

A record is `(m,) uint32`: the terms of the heading path, then those of each sentence, each group begun by a 0.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt
from kb.search.mapped import mapped, saved

Record = NDArray[np.uint32]
_LOW = np.uint32(0xFFFF)
_OFFSETS, _TERMS = "forward.offsets.npy", "forward.terms.u32"


@lru_cache(maxsize=65_536)
def key(term: str) -> int:
    """A term's number in [1, 2**32): CRC-32; two terms rarely share one."""
    return zlib.crc32(term.encode()) or 1


def record(parts: Iterable[Sequence[str]]) -> Record:
    """The record of a passage by the terms of its heading path, then of each of its sentences."""
    found: list[int] = []
    for held in parts:
        if held or not found:
            found += [0, *dict.fromkeys(map(key, held))]
    return np.array(found, np.uint32)


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


class ForwardWriter:
    """Takes the records of a new generation, and keeps only where they end; a context that closes its file."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._folder, self._ends = folder, array("q", [0])
        self._stream = (folder / _TERMS).open("wb")

    def __enter__(self) -> ForwardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def add(self, record: Record) -> None:
        """Takes one record. Raises OSError."""
        self._stream.write(record.astype("<u4").tobytes())
        self._ends.append(self._ends[-1] + len(record))

    def finish(self) -> None:
        """Completes the files. Raises OSError."""
        self._stream.flush()
        saved(self._folder / _OFFSETS, np.array(self._ends, np.int64))


def read(folder: Path, count: int) -> Forward:
    """The `count` records of a generation, mapped into memory. Raises IndexCorrupt."""
    try:
        offsets = mapped(folder / _OFFSETS)
        flat = np.memmap(folder / _TERMS, "<u4", "r").view(np.ndarray) if offsets[-1] else np.zeros(0, np.uint32)
    except (OSError, ValueError, IndexError) as error:
        raise IndexCorrupt(f"{folder} has no whole forward index ({error}): run `kb reindex --full`") from error
    if len(offsets) != count + 1 or offsets[-1] != len(flat):
        raise IndexCorrupt(f"{folder}: the forward index does not hold {count} passages: run `kb reindex --full`")
    return Forward(offsets, flat)

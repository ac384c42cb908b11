"""Document ids by number, on disk: a million of them cost a process no memory until they are asked for."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from kb.search.mapped import mapped, saved

_ENDS, _LETTERS, _SUMS, _ORDER = "names.ends.npy", "names.letters.npy", "names.sums.npy", "names.order.npy"


@dataclass(frozen=True, slots=True)
class Names:
    """Distinct names numbered from 0: those of a generation, then `later` ones.

    Name `n` is `letters[ends[n - 1]:ends[n]]` in UTF-8. `sums` are the names' CRC-32 in order, `order` their numbers.
    """

    ends: NDArray[np.int64]
    letters: NDArray[np.uint8]
    sums: NDArray[np.uint32]
    order: NDArray[np.int32]
    later: tuple[str, ...] = ()
    _numbers: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ends) + len(self.later)

    def __getitem__(self, number: int) -> str:
        if number >= len(self.ends):
            return self.later[number - len(self.ends)]
        return self.letters[self.ends[number - 1] if number else 0 : self.ends[number]].tobytes().decode()

    def number(self, name: str) -> int | None:
        """The number of a name, None where it has none."""
        if (known := self._numbers.get(name)) is not None:
            return known
        wanted = np.uint32(zlib.crc32(name.encode()))
        first, last = np.searchsorted(self.sums, wanted, "left"), np.searchsorted(self.sums, wanted, "right")
        return next((int(n) for n in self.order[first:last] if self[int(n)] == name), None)

    def extended(self, names: Iterable[str]) -> Names:
        """These names and those of `names` that have no number yet."""
        new = [name for name in dict.fromkeys(names) if self.number(name) is None]
        numbers = {name: len(self) + place for place, name in enumerate(new)}
        return replace(self, later=(*self.later, *new), _numbers={**self._numbers, **numbers}) if new else self


class Chosen(Sequence[str]):
    """Some names, in an order; each is read when it is asked for."""

    def __init__(self, names: Names, numbers: Sequence[int]) -> None:
        self._names, self._numbers = names, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(map(self._names.__getitem__, self._numbers[place]))
        return self._names[self._numbers[place]]


class Collected:
    """Names on their way to a file; `add` numbers them in the order in which they come."""

    def __init__(self) -> None:
        self._ends, self._letters, self._sums = array("q"), bytearray(), array("I")

    def add(self, name: str) -> int:
        """The number of a name that was not added before."""
        encoded = name.encode()
        self._letters += encoded
        self._ends.append(len(self._letters))
        self._sums.append(zlib.crc32(encoded))
        return len(self._ends) - 1

    def names(self) -> Names:
        """All that were added."""
        sums = np.array(self._sums, np.uint32)
        order = np.argsort(sums, kind="stable").astype(np.int32)
        letters = np.frombuffer(bytes(self._letters), np.uint8)
        return Names(np.array(self._ends, np.int64), letters, sums[order], order)


NOBODY = Collected().names()


def write(folder: Path, names: Names) -> None:
    """Writes the names of a new generation. Raises OSError."""
    for file, values in ((_ENDS, names.ends), (_LETTERS, names.letters), (_SUMS, names.sums), (_ORDER, names.order)):
        saved(folder / file, values)


def read(folder: Path) -> Names:
    """The names of a generation, mapped into memory. Raises OSError, ValueError."""
    ends, letters, sums, order = (mapped(folder / file) for file in (_ENDS, _LETTERS, _SUMS, _ORDER))
    return Names(ends, letters, sums, order)

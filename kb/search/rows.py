"""The vectors of a generation as they are, row by row: what every cosine that is shown or weighed is computed from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
_MAPPED_UP_TO = 256 * 2**20
"""Bytes. A larger file is read row by row: mapped, all of it would in time count as every process's memory."""
_CHUNK = 16_384  # rows


@dataclass(frozen=True, slots=True)
class Rows:
    """`(count, dim)` float32 in a file, little-endian, without a header."""

    file: Path
    count: int
    dim: int
    _descriptor: int = field(repr=False)
    _mapped: Matrix | None = field(repr=False)

    def __len__(self) -> int:
        return self.count

    def at(self, places: Sequence[int] | NDArray[np.int64]) -> Matrix:
        """`(k, dim)`: the rows at some positions. Raises OSError."""
        if self._mapped is not None:
            return self._mapped[places]
        size = 4 * self.dim
        found = b"".join([os.pread(self._descriptor, size, size * int(place)) for place in places])
        return np.frombuffer(found, "<f4").reshape(len(places), self.dim)

    def chunks(self, size: int = _CHUNK) -> Iterator[Matrix]:
        """All rows, in pieces. Raises OSError."""
        for start in range(0, self.count, size):
            count = min(size, self.count - start)
            whole = os.pread(self._descriptor, 4 * self.dim * count, 4 * self.dim * start)
            yield np.frombuffer(whole, "<f4").reshape(count, self.dim)

    def __del__(self) -> None:
        os.close(self._descriptor)


def write(file: Path, vectors: Iterable[Matrix]) -> int:
    """Writes pieces of `(m, dim)` to a new file, and returns how many rows that makes. Raises OSError."""
    count = 0
    with file.open("wb") as stream:
        for piece in vectors:
            stream.write(np.ascontiguousarray(piece, "<f4").tobytes())
            count += len(piece)
    return count


def opened(file: Path, count: int, dim: int) -> Rows:
    """The rows in a file. Raises OSError, and ValueError where it holds another number of them."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if (found := os.fstat(descriptor).st_size) != 4 * count * dim:
            raise ValueError(f"{file} has {found} bytes, not those of {count} vectors of {dim} dimensions")
        small = 0 < found <= _MAPPED_UP_TO
        shared = np.memmap(file, "<f4", "r", shape=(count, dim)).view(np.ndarray) if small else None
        return Rows(file, count, dim, descriptor, np.zeros((0, dim), np.float32) if not found else shared)
    except BaseException:
        os.close(descriptor)
        raise

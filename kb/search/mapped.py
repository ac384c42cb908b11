"""Arrays as files of a generation, mapped into memory: processes share them, and what nobody reads is not loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def saved(file: Path, values: NDArray[Any]) -> None:
    """Writes an array to a new file. Raises OSError."""
    with file.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(values))


def mapped(file: Path) -> NDArray[Any]:
    """The array in a file. Raises OSError, and ValueError where it is no whole array.

    As a plain array: a slice of that costs a tenth of a memmap's.
    """
    try:
        return np.asarray(np.load(file, mmap_mode="r")).view(np.ndarray)
    except ValueError:
        return _empty(file)  # an array of no bytes cannot be mapped


def _empty(file: Path) -> NDArray[Any]:
    values: NDArray[Any] = np.load(file, allow_pickle=False)
    if values.size:
        raise ValueError(f"{file} is cut short")
    return values

"""Small files of JSON lines that only ever grow, and survive a power cut line by line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from kb.errors import StoreError

_T = TypeVar("_T")


def read(file: Path, shape: type[_T]) -> list[_T]:
    """Every line of a file; none where there is no file. Raises StoreError where a whole line cannot be read."""
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}: check that you may read it") from error
    try:  # what follows the last line's end was being written when the power went
        return [msgspec.json.decode(line, type=shape) for line in lines[:-1] if line]
    except msgspec.DecodeError as error:
        raise StoreError(f"{file}: {error}: take the line out, or put the file back from a backup") from error


def append(file: Path, values: Iterable[object]) -> None:
    """Adds lines and waits until they are on the disk; the file is for its owner alone. Raises OSError."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        written = stream.read()
        stream.truncate(written.rfind(b"\n") + 1)
        stream.seek(0, os.SEEK_END)
        stream.write(b"".join(msgspec.json.encode(value) + b"\n" for value in values))
        stream.flush()
        os.fsync(stream.fileno())
    settle(file.parent)


def settle(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

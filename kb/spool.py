"""Values kept on disk, so that what is published together need not be in memory together."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Generic, TypeVar

_T = TypeVar("_T")


class Spool(Generic[_T]):
    """Appended to once, then read as often as wanted, in order; `keep` leaves some out when it is read.

    Its file has no name: the operating system removes it when the process ends, however it ends. Raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)  # not the system's folder for such files, which may be in memory
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - for the life of the spool
        weakref.finalize(self, _close, self._file)
        self._folder = folder
        self.keep: Callable[[_T], bool] = _every

    def append(self, value: _T) -> None:
        """Adds a value at the end. Raises OSError, which names the folder."""
        with self._named():
            pickle.dump(value, self._file, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[_T]:
        with self._named():  # what was appended last may not have left the process yet
            self._file.seek(0)
        while True:
            try:
                value: _T = pickle.load(self._file)  # noqa: S301 - written by this very process
            except EOFError:
                return
            if self.keep(value):
                yield value

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._folder)) from error


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # what it holds in memory may not fit on the disk, and nobody wants it any more
        file.close()


def _every(_: object) -> bool:
    return True

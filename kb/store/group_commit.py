"""One thread that writes for all others of a process, one transaction for all that has gathered meanwhile."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from kb.errors import KbError, StoreError
from kb.store import database

T = TypeVar("T")
Write = Callable[[Database], T]
"""Writes a few rows within a transaction; one that raises a KbError has written nothing."""
MOST = 10_000
"""Entries that wait; a further one is lost, or refused."""
_TOGETHER = 500
_SETTLED_SECONDS = 1.0
"""How much a power cut may cost of what nobody waits for."""
_TOLD_SECONDS = 60.0
log = logging.getLogger("kb.journal")


@dataclass(frozen=True, slots=True)
class _Entry:
    """`prepare` runs before the transaction begins, and gives what is written; who waits is told by `done`."""

    prepare: Callable[[], Write[Any]]
    done: Future[Any] | None = None
    settled: bool = False

    def fail(self, error: Exception) -> None:
        if self.done is not None:
            self.done.set_exception(error)


class GroupCommit:
    """Writes to one database from a thread of its own, begun at the first entry; safe to share between threads.

    `lost` counts what was noted and could not be written.
    """

    def __init__(self, file: Path, opened: Callable[[Path], Database]) -> None:
        self._file, self._opened = file, opened
        self._db: Database | None = None
        self._waiting: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._unsettled, self._settled_at = False, 0.0
        self.lost, self._told_at = 0, 0.0

    def note(self, prepare: Callable[[], Write[Any]]) -> None:
        """Hands over what is to be written, and returns at once; what cannot be written is counted as lost."""
        if not self._add(_Entry(prepare)):
            self._lose(1, StoreError(f"{self._file}: {MOST:,} entries wait to be written"))

    def keep(self, write: Write[T], *, settled: bool = False) -> T:
        """Returns what `write` gave once it is committed: killing this process no longer undoes it.

        With `settled`, a power cut does not either. Raises what `write` raised, or StoreError where it is not kept.
        """
        entry = _Entry(lambda: write, Future(), settled)
        if not self._add(entry):
            raise StoreError(f"{self._file}: too much waits to be written: try again")
        assert entry.done is not None  # noqa: S101 - made above
        result: T = entry.done.result()
        return result

    def close(self) -> None:
        """Writes what waits, then frees the database; from then on nothing is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _add(self, entry: _Entry) -> bool:
        with self._changed:
            if self._closed or len(self._waiting) >= MOST:
                return False
            self._waiting.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kb-journal", daemon=True)
                self._thread.start()
            self._changed.notify()
            return True

    def _run(self) -> None:
        while (entries := self._gathered()) is not None:
            try:
                self._write_all(entries)
            except Exception as error:  # a defect must not end the thread for which others wait
                log.error("unexpected error", exc_info=error)
                for entry in entries:
                    if entry.done is not None and not entry.done.done():
                        entry.fail(StoreError(f"{self._file}: {error}"))
        if self._db is not None:
            self._db.close()

    def _gathered(self) -> list[_Entry] | None:
        """What waits, in order; empty when it is time to settle; None once closed and all is written."""
        with self._changed:
            while not self._waiting and not self._closed:
                left = self._settled_at + _SETTLED_SECONDS - time.monotonic() if self._unsettled else None
                if left is not None and left <= 0:
                    return []
                self._changed.wait(left)
            if not self._waiting:
                return None
            return [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]

    def _write_all(self, entries: Sequence[_Entry]) -> None:
        ready = [(entry, write) for entry in entries if (write := self._prepared(entry))]
        results: list[tuple[_Entry, Any]] = []
        if ready:
            try:
                results = self._committed(ready)
                self._unsettled = True
            except KbError as error:
                self._reopen()
                self._fail([entry for entry, _ in ready], error)
        _tell([(entry, result) for entry, result in results if not entry.settled])
        waits = [(entry, result) for entry, result in results if entry.settled]
        due = self._unsettled and time.monotonic() - self._settled_at >= _SETTLED_SECONDS
        if waits or due:
            try:
                self._settle()
            except OSError as error:
                self._fail([entry for entry, _ in waits], StoreError(f"{self._file}: {error.strerror}"))
                return
        _tell(waits)

    def _prepared(self, entry: _Entry) -> Write[Any] | None:
        try:
            return entry.prepare()
        except Exception as error:  # one bad entry must not cost those that wait beside it
            log.error("what was to be written down cannot be", exc_info=error)
            self._fail([entry], error)
            return None

    def _committed(self, ready: Sequence[tuple[_Entry, Write[Any]]]) -> list[tuple[_Entry, Any]]:
        """The results of what is committed; an entry whose own KbError says why is failed and harms no other."""
        self._db = self._db or self._opened(self._file)
        results = []
        with database.transaction(self._db):
            for entry, write in ready:
                try:
                    results.append((entry, write(self._db)))
                except KbError as refused:
                    results.append((entry, refused))
        return results

    def _reopen(self) -> None:
        """Later entries begin anew: the disk may have space again, or the file another shape."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _settle(self) -> None:
        """All that is committed outlives a power cut: it stands in the write-ahead log, which is now on the disk."""
        self._unsettled, self._settled_at = False, time.monotonic()
        with Path(f"{self._file}-wal").open("rb") as stream:
            os.fsync(stream.fileno())

    def _fail(self, entries: Sequence[_Entry], error: Exception) -> None:
        for entry in entries:
            entry.fail(error)
        if noted := sum(entry.done is None for entry in entries):
            self._lose(noted, error)

    def _lose(self, count: int, why: Exception) -> None:
        self.lost += count
        if not self._told_at or time.monotonic() - self._told_at > _TOLD_SECONDS:
            self._told_at = time.monotonic()
            log.error("%s: %d searches went unrecorded so far", why, self.lost)


def _tell(results: Sequence[tuple[_Entry, Any]]) -> None:
    for entry, result in results:
        if isinstance(result, KbError):
            entry.fail(result)
        elif entry.done is not None:
            entry.done.set_result(result)

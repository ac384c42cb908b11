"""Many threads write as one: whoever finds nobody writing writes for all that wait, in one transaction."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
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
"""How much of what nobody waits for a power cut may cost."""
_TOLD_SECONDS = 60.0
log = logging.getLogger("kb.journal")


@dataclass(frozen=True, slots=True)
class _Entry:
    """`prepare` runs before the transaction begins, and gives what is written; `noted` where nobody waits for it."""

    prepare: Callable[[], Write[Any]]
    noted: bool
    done: Future[Any] = field(default_factory=Future)


class GroupCommit:
    """Writes to one database for the threads of a process; `lost` counts what was noted and could not be written."""

    def __init__(self, file: Path, opened: Callable[[Path], Database]) -> None:
        self._file, self._opened = file, opened
        self._db: Database | None = None
        self._kept: deque[_Entry] = deque()
        self._noted: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._writing, self._settling = threading.Lock(), threading.Lock()
        self._commits = self._settled = 0
        self._thread: threading.Thread | None = None
        self._closed = False
        self.lost, self._told_at = 0, 0.0
        self.trouble: str | None = None
        """Why the last transaction failed; None where it went well."""

    @property
    def queued(self) -> int:
        """How many entries wait to be written."""
        return len(self._kept) + len(self._noted)

    def note(self, prepare: Callable[[], Write[Any]]) -> None:
        """Hands over what is to be written, and returns at once; what cannot be written is counted as lost."""
        if not self._add(self._noted, _Entry(prepare, noted=True)):
            self._lose(1, StoreError(f"{self._file}: {MOST:,} entries wait to be written"))

    def keep(self, write: Write[T], *, settled: bool = False) -> T:
        """Returns what `write` gave once it is committed: killing this process no longer undoes it.

        With `settled` it is written after all that was noted before, and a power cut does not undo it either. Raises
        what `write` raised, or StoreError where it is not kept.
        """
        entry = _Entry(lambda: write, noted=False)
        if not self._add(self._kept, entry):
            raise StoreError(f"{self._file}: too much waits to be written: try again")
        while not entry.done.done():
            with self._writing:
                if not entry.done.done():
                    self._write_all(self._gathered(noted=settled))
        result: T = entry.done.result()
        if settled:
            self._settle()
        return result

    def close(self) -> None:
        """Writes what waits, then frees the database; from then on nothing is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _add(self, waiting: deque[_Entry], entry: _Entry) -> bool:
        with self._changed:
            if self._closed or len(waiting) >= MOST:
                return False
            waiting.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kb-journal", daemon=True)
                self._thread.start()
            if entry.noted:
                self._changed.notify()
            return True

    def _run(self) -> None:
        """Writes what was noted, and settles what was committed, until closed."""
        settle_at = 0.0
        while not self._closed or self._noted or self._kept:
            with self._changed:
                if not self._noted and not self._closed:
                    self._changed.wait(_SETTLED_SECONDS)
            with self._writing:
                self._write_all(self._gathered(noted=True))
                if self.trouble:
                    self._try_again()
            if time.monotonic() >= settle_at:
                settle_at = time.monotonic() + _SETTLED_SECONDS
                self._settle_quietly()
        with self._writing:
            self._close()

    def _gathered(self, *, noted: bool) -> list[_Entry]:
        """What waits, in order; what was `noted` before what is kept, which may be about it."""
        with self._changed:
            found: list[_Entry] = []
            for waiting in (self._noted, self._kept) if noted else (self._kept,):
                found += [waiting.popleft() for _ in range(min(_TOGETHER, len(waiting)))]
            return found

    def _write_all(self, entries: Sequence[_Entry]) -> None:
        """Every entry's future is done when this returns."""
        ready = [(entry, write) for entry in entries if (write := self._prepared(entry))]
        if not ready:
            return
        try:
            results = self._committed(ready)
        except Exception as error:  # noqa: BLE001 - not even a defect may leave those who wait without an answer
            self._close()
            self.trouble = f"{self._file}: {type(error).__name__}"
            self._fail([entry for entry, _ in ready], error)
            return
        self._commits, self.trouble = self._commits + 1, None
        for entry, result in results:
            if isinstance(result, KbError):
                entry.done.set_exception(result)
            else:
                entry.done.set_result(result)

    def _try_again(self) -> None:
        """After a failure nobody may ask any more: whether writing works is found out without them."""
        try:
            self._committed([])
        except Exception:  # noqa: BLE001 - it was told when it began
            self._close()
        else:
            self.trouble = None

    def _prepared(self, entry: _Entry) -> Write[Any] | None:
        try:
            return entry.prepare()
        except Exception as error:  # noqa: BLE001 - one bad entry must not cost those that wait beside it
            self._fail([entry], error)
            return None

    def _committed(self, ready: Sequence[tuple[_Entry, Write[Any]]]) -> list[tuple[_Entry, Any]]:
        """The results of what is committed; an entry whose own KbError says why is refused and harms no other."""
        self._db = self._db or self._opened(self._file)
        results: list[tuple[_Entry, Any]] = []
        with database.transaction(self._db):
            for entry, write in ready:
                try:
                    results.append((entry, write(self._db)))
                except KbError as refused:
                    results.append((entry, refused))
        return results

    def _settle(self) -> None:
        """All that is committed outlives a power cut: the write-ahead log that holds it is on the disk.

        Raises StoreError.
        """
        commits = self._commits
        with self._settling:
            if self._settled >= commits:
                return
            commits = self._commits
            try:
                with Path(f"{self._file}-wal").open("rb") as stream:
                    os.fsync(stream.fileno())
            except OSError as error:
                raise StoreError(
                    f"{self._file}: {error.strerror}: what was said may not outlive a power cut"
                ) from error
            self._settled = commits

    def _settle_quietly(self) -> None:
        try:
            self._settle()
        except StoreError as error:
            log.error("%s", error)

    def _close(self) -> None:
        """Later entries begin anew: the disk may have space again by then."""
        if self._db is not None:
            self._db.close()
            self._db, self._settled = None, self._commits

    def _fail(self, entries: Sequence[_Entry], error: Exception) -> None:
        if not isinstance(error, KbError):
            log.error("what was to be written down cannot be", exc_info=error)
            error = StoreError(f"{self._file}: {error}")
        for entry in entries:
            entry.done.set_exception(error)
        if noted := sum(entry.noted for entry in entries):
            self._lose(noted, error)

    def _lose(self, count: int, why: Exception) -> None:
        self.lost += count
        if not self._told_at or time.monotonic() - self._told_at > _TOLD_SECONDS:
            self._told_at = time.monotonic()
            log.error("%s: %d searches went unrecorded so far", why, self.lost)

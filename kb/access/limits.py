"""So many calls a minute by each key and address, for all workers together.

A process takes several at a time from the journal, so that most calls cost no write; what it has taken and not used
when the minute ends is lost, so that with several workers a caller may be refused a few per cent early, never late.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlite_utils import Database

from kb.config import Paths
from kb.store import database, limits
from kb.store.journal_migrations import migrations

WINDOW_SECONDS = 60.0
_SHARE = 50
"""One in so many of a caller's calls takes the next ones from the journal."""
_REMEMBERED = 10_000


@dataclass(slots=True)
class _Lease:
    """Calls that this process may let pass until a time; `last` where the journal has no more to give."""

    left: int
    until: float
    last: bool


class Limits:
    """Counts calls; safe to share between threads."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._counting, self._taking = threading.Lock(), threading.Lock()
        self._journal: Database | None = None
        self._leases: OrderedDict[str, _Lease] = OrderedDict()

    def at_once(self, who: str) -> int | None:
        """As `wait`, but never waits for the journal; None where that has to be asked."""
        now = time.time()
        with self._counting:
            lease = self._leases.get(who)
            if lease is None or lease.until <= now or (lease.left < 1 and not lease.last):
                return None
            if lease.left < 1:
                return max(1, math.ceil(lease.until - now))
            lease.left -= 1
            return 0

    def wait(self, who: str, limit: int) -> int:
        """Seconds that a caller has to wait before one more call: 0 where it may be made, and is counted."""
        with self._taking:
            while (seconds := self.at_once(who)) is None:
                self._keep(who, self._take(who, limit, time.time()))
        return seconds

    def _keep(self, who: str, lease: _Lease) -> None:
        with self._counting:
            self._leases[who] = lease
            self._leases.move_to_end(who)
            while len(self._leases) > _REMEMBERED:
                self._leases.popitem(last=False)

    def _take(self, who: str, limit: int, now: float) -> _Lease:
        wanted = max(1, limit // _SHARE)
        with database.explained(self._paths.journal):
            if self._journal is None:
                self._journal = database.open_for_writing(self._paths.journal, shape=migrations)
                self._journal.execute("PRAGMA synchronous = NORMAL")  # a count lost in a power cut is no loss
            granted, until = limits.take(self._journal, who, wanted, limit, now=now, until=now + WINDOW_SECONDS)
        return _Lease(granted, until, last=granted < wanted)

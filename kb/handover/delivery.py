"""Bringing what waits to the centre's webhook: leased, in order, again and again with growing pauses, then given up."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from contextlib import closing

import msgspec
from sqlite_utils import Database

from kb.config import Paths, Settings
from kb.errors import KbError
from kb.handover.envelope import Envelopes, sealed
from kb.handover.webhook import SECONDS, Outcome, Webhook
from kb.store import conversations, database, handovers
from kb.store.handovers import KeptHandOver
from kb.store.journal import open_journal

_THREADS = 2
"""So that one slow post does not hold up every other conversation."""
_POLL_SECONDS = 0.25
_LEASE_SECONDS = 4 * SECONDS
"""Longer than a try can take: who was killed within one has it taken from them after that, not before."""
_LONGEST_PAUSE = 300.0
_TROUBLE_SECONDS = 5.0
_HOUR = 3_600.0
log = logging.getLogger("kb.handover")


class Delivery:
    """The threads of one process that deliver; those of others share the work by leases in the database."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._paths, self._settings = paths, settings
        self._stopping, self._woken = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self.outcomes = Counter[str]()
        """What came of each try: `sent`, `put_off`, `dead`; and envelopes that `expired`."""

    def start(self) -> None:
        """Begins, whether or not there is a webhook: envelopes expire all the same."""
        for number in range(_THREADS):
            thread = threading.Thread(target=self._run, name=f"kb-handover-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Ends; what is on its way is finished first."""
        self._stopping.set()
        self._woken.set()
        for thread in self._threads:
            thread.join()

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except (KbError, OSError) as error:
                log.error("hand-overs cannot be delivered: %s", error)
                self._stopping.wait(_TROUBLE_SECONDS)

    def _work(self) -> None:
        while not self._paths.journal.exists():  # nothing was ever handed over; none is made for looking
            if self._stopping.wait(_POLL_SECONDS):
                return
        with closing(open_journal(self._paths.journal)) as db, database.explained(self._paths.journal):
            self._overwrite(db)  # whatever a process that was killed had deleted and not overwritten
            rest: tuple[Webhook, Envelopes] | None = None
            while not self._stopping.is_set():
                self._expire(db)
                if self._settings.handover_url is None or not self._something_due(db):
                    self._woken.wait(_POLL_SECONDS)
                    self._woken.clear()
                    continue
                rest = rest or (Webhook(self._paths, self._settings), Envelopes(self._paths, self._settings))
                self._deliver_one(db, *rest)

    def _something_due(self, db: Database) -> bool:
        now = time.time()
        query = "SELECT 1 FROM handovers WHERE state = 'waiting' AND due <= ? AND leased_until <= ? LIMIT 1"
        return db.execute(query, [now, now]).fetchone() is not None

    def _deliver_one(self, db: Database, webhook: Webhook, envelopes: Envelopes) -> None:
        with database.transaction(db):
            row = handovers.lease(db, time.time(), _LEASE_SECONDS)
        if row is None:
            self._stopping.wait(_POLL_SECONDS)  # an earlier one of the same conversation is not there yet
            return
        self._note(db, row, webhook.post(row.id, self._body(row, envelopes)))

    def _body(self, row: KeptHandOver, envelopes: Envelopes) -> bytes:
        document = msgspec.json.decode(row.document)
        content = envelopes.open(row.envelope) if row.envelope is not None else None
        if content is None:
            document["envelope"], document["envelope_lost"] = None, True
        elif key := self._settings.handover_public_key:
            document["envelope"] = sealed(content, key)
        else:
            document["envelope"] = msgspec.json.decode(content)
        return msgspec.json.encode(document)

    def _note(self, db: Database, row: KeptHandOver, outcome: Outcome) -> None:
        now = time.time()
        if outcome.reply is not None:
            with database.transaction(db):
                handovers.taken(db, row.id, msgspec.json.encode(outcome.reply).decode())
            self._overwrite(db)
            self.outcomes["sent"] += 1
            return
        trouble, is_over = outcome.trouble or "", outcome.for_good or now >= row.give_up
        due = now + max(outcome.after, pause(self._settings.handover_retry_seconds, row.tries))
        with database.transaction(db):
            handovers.give_up(db, row.id, trouble) if is_over else handovers.put_off(db, row.id, due, trouble)
        self.outcomes["dead" if is_over else "put_off"] += 1
        log.warning("hand-over %s: %s: %s", row.id, trouble, "given up" if is_over else "tried again later")

    def _expire(self, db: Database) -> None:
        now = time.time()
        said_before = now - self._settings.envelope_hours * _HOUR
        query = (
            "SELECT EXISTS (SELECT 1 FROM handovers WHERE envelope IS NOT NULL AND envelope_until <= ?)"
            " OR EXISTS (SELECT 1 FROM turns WHERE closed IS NOT NULL AND at <= ?)"
        )
        if not db.execute(query, [now, said_before]).fetchone()[0]:
            return
        with database.transaction(db):
            gone = handovers.expire_envelopes(db, now)
            words = conversations.expire_words(db, said_before)
        if gone or words:
            self._overwrite(db)
        if gone:
            self.outcomes["expired"] += gone
            log.warning("%d envelopes were deleted that nobody acknowledged in time", gone)

    def _overwrite(self, db: Database) -> None:
        """Empties the write-ahead log, which holds what was deleted from the database; waits for who reads it."""
        until = time.monotonic() + _TROUBLE_SECONDS
        while db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] and time.monotonic() < until:
            time.sleep(0.02)


def pause(first: float, tries: int) -> float:
    """Seconds until the next try: doubled each time, at most five minutes, and by chance up to a half shorter."""
    longest = min(_LONGEST_PAUSE, first * 2.0 ** min(tries - 1, 20))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that many do not come at once

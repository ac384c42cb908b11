"""Calls in progress, shared by all workers: what is said is redacted, kept for hours, and read as it arrives."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlite_utils import Database

from kb.assist.lines import Speaker, Utterance
from kb.assist.speech import digits
from kb.config import Paths, Settings
from kb.customers import Customers
from kb.errors import UsageError
from kb.journal import Journal, Origin
from kb.store import calls, database
from kb.store.calls import KeptUtterance
from kb.store.journal import open_journal

T = TypeVar("T")
MOST = 5_000
"""Utterances of one call; a call of an hour has about a thousand."""
NUMBER = "[number]"
"""In place of digits that were read aloud in several breaths, of which no part is a number by itself."""
_PLACEHOLDERS = re.compile(r"(?:\[(?:number|phone|bank card|resident id|iban)\][\s,.]*)+")
_BREATHS = 4
_LONG = 7  # digits from which on a number read aloud may name a person


@dataclass(frozen=True, slots=True)
class Said:
    """What a sender says was said; `sequence` is theirs and names the utterance, `at` seconds on their clock."""

    sequence: int
    speaker: Speaker
    text: str
    final: bool
    at: float


class Calls:
    """Keeps and reads utterances; safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings, journal: Journal) -> None:
        self._paths, self._journal = paths, journal
        self._customers = Customers(paths.customer_key)
        self._seconds = settings.call_hours * 3600.0
        self._lock = threading.Lock()
        self._db: Database | None = None

    def name(self, call_id: str) -> str:
        """What a call is kept under: a keyed hash, for ids are telephone numbers now and then."""
        return self._customers.hash(f"call {call_id}")

    def hear(self, call_id: str, said: Said, origin: Origin) -> tuple[KeptUtterance, bool]:
        """What is committed under the sequence, and whether it is this one. Raises UsageError, StoreError."""
        call = self.name(call_id)
        lead = self._read(lambda db: calls.before(db, call, said.sequence, 1))
        text = self._journal.redacted_after(lead[0].text if lead else "", said.text)
        customer = self._journal.customer(origin)
        kept = KeptUtterance(
            call, said.sequence, time.time(), said.at, said.speaker, text, said.final, origin.caller, customer
        )
        return self._journal.keep(lambda db: _add(db, kept))

    def after(self, call: str, number: int) -> list[KeptUtterance]:
        """A call's utterances after one that have not expired, in order of arrival. Raises StoreError."""
        return self._read(lambda db: calls.after(db, call, number, time.time() - self._seconds))

    def newest(self) -> int:
        """The number of the last arrival of all calls. Raises StoreError."""
        return self._read(calls.newest)

    def close(self) -> None:
        """Frees the database."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _read(self, query: Callable[[Database], T]) -> T:
        with self._lock, database.explained(self._paths.journal):
            self._db = self._db or open_journal(self._paths.journal)
            return query(self._db)


def utterance(kept: KeptUtterance) -> Utterance:
    """As the assist engine hears it."""
    speaker: Speaker = "customer" if kept.speaker == "customer" else "agent"
    return Utterance(kept.number, kept.sequence, speaker, kept.text, kept.final, kept.at)


def _add(db: Database, said: KeptUtterance) -> tuple[KeptUtterance, bool]:
    if calls.count(db, said.call) >= MOST:
        raise UsageError(f"this call has {MOST:,} utterances: begin another")
    breaths = _number(db, said)
    whole = [said, *breaths]
    found = any(_PLACEHOLDERS.fullmatch(one.text) for one in whole)
    if not digits(said.text) and not _PLACEHOLDERS.fullmatch(said.text):
        return calls.add(db, said)
    if not found and sum(digits(one.text) for one in whole) < _LONG:
        return calls.add(db, said)
    calls.blank(db, [one for one in breaths if digits(one.text)], NUMBER)
    return calls.add(db, replace(said, text=NUMBER) if digits(said.text) else said)


def _number(db: Database, said: KeptUtterance) -> list[KeptUtterance]:
    """The breaths just before this one in which its speaker read nothing but a number."""
    found = []
    for one in calls.before(db, said.call, said.sequence, _BREATHS, said.speaker):
        if not digits(one.text) and not _PLACEHOLDERS.fullmatch(one.text):
            break
        found.append(one)
    return found

"""Sessions: a random token in a browser's cookie, of which a hash is kept, until it is idle, old, or ended."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time

from sqlite_utils import Database

from kb.access.callers import Caller
from kb.access.keys import hash_of
from kb.access.people import caller_of
from kb.config import Paths, Settings
from kb.store import database, people, sessions
from kb.store.journal_migrations import migrations
from kb.store.people import Person
from kb.store.sessions import Begun, Session

BEGUN_SECONDS = 600.0
"""How long a sign-in by OpenID Connect may take at its issuer."""
LENT_SECONDS = 60.0
"""How long a window has to hand its sign-in over to the frame that opened it."""
_NOTED_SECONDS = 60.0
"""A use is noted once a minute at most: it is a write."""


class Sessions:
    """Opens, finds and ends sessions; safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._paths = paths
        self._idle, self._oldest = settings.session_idle_minutes * 60.0, settings.session_hours * 3600.0
        self._lock = threading.Lock()
        self._opened: tuple[Database, Database] | None = None

    def open(self, person: Person) -> str:
        """The token of a new session."""
        token, now = secrets.token_urlsafe(32), time.time()
        with self._lock, database.explained(self._paths.journal):
            _, journal = self._databases()
            sessions.forget(
                journal,
                created_before=now - self._oldest,
                seen_before=now - self._idle,
                begun_before=now - BEGUN_SECONDS,
            )
            sessions.add(journal, Session(hash_of(token), person.id, now, now))
        return token

    def caller(self, token: str) -> Caller | None:
        """Who calls with a token; None where its session is over, or its person was disabled."""
        now = time.time()
        with self._lock, database.explained(self._paths.journal):
            knowledge, journal = self._databases()
            session = sessions.by_hash(journal, hash_of(token))
            if session is None or now - session.seen_at > self._idle or now - session.created_at > self._oldest:
                return None
            person = people.by_id(knowledge, session.person_id)
            if person is None or person.disabled_at is not None:
                return None
            if now - session.seen_at > min(_NOTED_SECONDS, self._idle / 4):
                sessions.touch(journal, session.hash, now)
        return caller_of(person)

    def end(self, token: str) -> None:
        """Ends a session."""
        with self._lock, database.explained(self._paths.journal):
            sessions.end(self._databases()[1], hash_of(token))

    def begin(self, state: str, begun: Begun) -> None:
        """Keeps what the answer to a sign-in must fit."""
        with self._lock, database.explained(self._paths.journal):
            sessions.begin(self._databases()[1], hash_of(state), begun)

    def take_begun(self, state: str) -> Begun | None:
        """What an answer must fit, once; None where nothing has begun so, or too long ago."""
        with self._lock, database.explained(self._paths.journal):
            begun = sessions.take_begun(self._databases()[1], hash_of(state))
        return begun if begun and time.time() - begun.created_at < BEGUN_SECONDS else None

    def lend(self, person_id: str) -> str:
        """A code by which a frame of ours gets a session of the same person: once, within `LENT_SECONDS`."""
        code = secrets.token_urlsafe(32)
        with self._lock, database.explained(self._paths.journal):
            sessions.begin(self._databases()[1], _lent(code), Begun(person_id, "", "", time.time()))
        return code

    def redeem(self, code: str) -> Person | None:
        """Who lent a code; None where it is none, was used, is too old, or its person was disabled."""
        with self._lock, database.explained(self._paths.journal):
            knowledge, journal = self._databases()
            lent = sessions.take_begun(journal, _lent(code))
            person = people.by_id(knowledge, lent.nonce) if lent else None
        is_young = lent is not None and time.time() - lent.created_at < LENT_SECONDS
        return person if is_young and person is not None and person.disabled_at is None else None

    def _databases(self) -> tuple[Database, Database]:
        if self._opened is None:
            knowledge = database.open_for_reading(self._paths.database)
            self._opened = knowledge, database.open_for_writing(self._paths.journal, shape=migrations)
        return self._opened


def _lent(code: str) -> str:
    """By another name than the states of sign-ins, beside which codes are kept: none can be taken for the other."""
    return hash_of(f"frame {code}")


def csrf_token(token: str) -> str:
    """What a page sends along to show that it is ours: no other site can read it, or compute it without the cookie."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_token(given: str, token: str) -> bool:
    """Compared in the same time wherever they differ."""
    return hmac.compare_digest(given.encode(), csrf_token(token).encode())

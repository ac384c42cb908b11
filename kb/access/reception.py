"""What a server keeps to tell who calls: keys, sessions, passwords, limits, and the issuer where there is one."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from kb.access.callers import ANYBODY, Caller
from kb.access.keys import Keys, hash_of
from kb.access.limits import Limits
from kb.access.oidc import Identity, Issuer
from kb.access.people import Passwords, as_name, caller_of, end_sessions, set_password, vouched
from kb.access.sessions import Sessions
from kb.config import Paths, Settings
from kb.store import audit, database, people
from kb.store.people import Person

_PEOPLE = 10
"""So many people may share an address, an office's, and begin work in the same minute."""


class Reception:
    """Signs people in and out, and notes it; the parts are shared by all of a process's routes."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        """Raises SettingsError."""
        self.paths, self.settings = paths, settings
        self.keys, self.limits = Keys(paths), Limits(paths)
        self.sessions, self.passwords = Sessions(paths, settings), Passwords(paths)
        self.issuer = Issuer(settings) if settings.oidc_issuer else None

    def must_wait(self, address: str, name: str | None = None) -> int:
        """Seconds before a sign-in may be tried again from this address or under this name; 0 where it may be now."""
        most = self.settings.signin_attempts
        seconds = self.limits.wait(f"sign-in from {address}", _PEOPLE * most)
        return seconds if name is None else max(seconds, self.limits.wait(f"sign-in as {as_name(name)[:100]}", most))

    def sign_in(self, name: str, password: str, address: str) -> tuple[Caller, str] | None:
        """Who signed in and the token of their session; None where name and password do not belong together."""
        person = self.passwords.person(name, password)
        if person is None:
            self._note("", "sign_in_refused", self._known(name), address=address, why="name or password")
            return None
        return self._opened(person, address)

    def sign_in_vouched(self, identity: Identity, address: str) -> tuple[Caller, str]:
        """As `sign_in`, by the issuer's word. Raises SignInRefused."""
        person = vouched(self.paths, identity.identity, identity.name, identity.role, identity.groups)
        return self._opened(person, address)

    def sign_in_lent(self, code: str, address: str) -> tuple[Caller, str] | None:
        """As `sign_in`, by a code that a window of the same browser lent to a frame."""
        person = self.sessions.redeem(code)
        return None if person is None else self._opened(person, address)

    def refused(self, why: str, address: str) -> None:
        """Notes that the issuer's word was not enough."""
        self._note("", "sign_in_refused", "openid connect", address=address, why=why)

    def sign_out(self, caller: Caller, token: str) -> None:
        """Ends a session."""
        self.sessions.end(token)
        self._note(caller.id, "sign_out", caller.id)

    def sign_out_elsewhere(self, caller: Caller, token: str) -> int:
        """Ends a person's other sessions; how many those were."""
        ended = end_sessions(self.paths, caller.id, keep=hash_of(token))
        self._note(caller.id, "sign_out", caller.id, others=ended)
        return ended

    def change_password(self, caller: Caller, password: str, token: str) -> None:
        """Changes a person's own password; of their sessions, this one goes on. Raises UsageError."""
        set_password(self.paths, caller.id, password, actor=caller.id, keep=hash_of(token))

    def _opened(self, person: Person, address: str) -> tuple[Caller, str]:
        self._note(person.id, "sign_in", person.id, address=address)
        return caller_of(person), self.sessions.open(person)

    def _known(self, name: str) -> str:
        """The id of somebody; nothing of what was typed where it is nobody's name: it may be a password."""
        with closing(database.open_for_reading(self.paths.database)) as db:
            person = people.by_name(db, as_name(name))
        return person.id if person else "nobody"

    def _note(self, actor: str, action: str, subject: str, **detail: Any) -> None:
        with closing(database.open_for_writing(self.paths.database)) as db, database.transaction(db):
            audit.note(db, actor or ANYBODY.id, action, subject, detail)

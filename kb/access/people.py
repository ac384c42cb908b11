"""People and their passwords: made known, changed, disabled, and told from those who only guess."""

from __future__ import annotations

import secrets
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlite_utils import Database

from kb.access.callers import Caller, Role, role_of
from kb.access.groups import checked_groups
from kb.config import Paths
from kb.errors import AccountRefused, SignInRefused, UsageError
from kb.store import audit, database, people, sessions
from kb.store.journal_migrations import migrations
from kb.store.people import Person

SHORTEST, LONGEST = 10, 256
"""Characters of a password."""
_HASHER = PasswordHasher()


def caller_of(person: Person) -> Caller:
    """Who calls when a person does."""
    return Caller(person.id, person.name, role_of(person.role), frozenset(person.groups))


def create_person(
    paths: Paths, name: str, password: str, role: Role, groups: Iterable[str] = (), *, actor: str = audit.SHELL
) -> Person:
    """Makes a person known who signs in with a password. Raises UsageError, AccountRefused, StoreError."""
    hashed, checked = hash_password(password), checked_groups(groups)
    person = Person(new_id(), _checked_name(name), role, checked, time.time(), password=hashed)
    with _writing(paths) as db:
        if people.by_name(db, person.name):
            raise AccountRefused(f"{person.name!r} is known already: `kb user list` shows everybody", "known_name")
        people.put(db, person)
        audit.note(db, actor, "person_created", person.id, {"name": person.name, "role": role, "groups": checked})
    return person


def vouched(paths: Paths, identity: str, name: str, role: Role, groups: tuple[str, ...]) -> Person:
    """The person whom an issuer vouches for, with the role and groups that this gives them now; made at first sight.

    Raises SignInRefused for one who was disabled here.
    """
    with _writing(paths) as db:
        known = people.by_identity(db, identity)
        if known and known.disabled_at is not None:
            raise SignInRefused("whom the issuer names was disabled here", "disabled")
        if known and (known.name, known.role, known.groups) == (name, role, groups):
            return known
        person = (
            replace(known, name=name, role=role, groups=groups)
            if known
            else Person(new_id(), name, role, groups, time.time(), identity=identity)
        )
        people.put(db, person)
        said = {"name": name, "role": role, "groups": groups}
        audit.note(db, person.id, "person_changed" if known else "person_created", person.id, said)
    return person


def list_people(paths: Paths) -> list[Person]:
    """Everybody by name; nobody where nothing was ever stored."""
    if not paths.database.exists():
        return []
    with closing(database.open_for_writing(paths.database)) as db:
        return people.every(db)


def change_person(
    paths: Paths,
    name: str,
    *,
    role: Role | None = None,
    groups: Iterable[str] | None = None,
    actor: str = audit.SHELL,
) -> Person:
    """Changes what a person may do and see, from their next call on. Raises UsageError, AccountRefused."""
    checked = None if groups is None else checked_groups(groups)
    with _writing(paths) as db:
        person = _known(db, name)
        if person.password is None:
            raise AccountRefused(f"the issuer says of {person.name} at each sign-in what they may do", "by_issuer")
        changed = replace(person, role=role or person.role, groups=person.groups if checked is None else checked)
        if changed.role != person.role:
            _refuse_to_shut_out(db, person, actor)
        if changed != person:
            people.put(db, changed)
            said = {"role": changed.role, "groups": changed.groups}
            audit.note(db, actor, "person_changed", person.id, said)
    return changed


def set_password(paths: Paths, name: str, password: str, *, actor: str = audit.SHELL, keep: str = "") -> Person:
    """Changes a person's password and ends their sessions, all but the one whose token has the hash `keep`.

    Raises UsageError, AccountRefused.
    """
    hashed = hash_password(password)
    with _writing(paths) as db:
        person = _known(db, name)
        if person.password is None:
            said = f"{person.name} signs in through an issuer, which alone keeps a password of theirs"
            raise AccountRefused(said, "by_issuer")
        people.put(db, person := replace(person, password=hashed))
        audit.note(db, actor, "person_changed", person.id, {"changed": "password"})
    end_sessions(paths, person.id, keep)
    return person


def disable(paths: Paths, name: str, *, actor: str = audit.SHELL) -> Person:
    """Refuses a person from now on, and ends their sessions.

    Raises UsageError where nobody is named so, AccountRefused where it would shut out who does it, or the last admin.
    """
    with _writing(paths) as db:
        person = _known(db, name)
        _refuse_to_shut_out(db, person, actor)
        people.put(db, person := replace(person, disabled_at=person.disabled_at or time.time()))
        audit.note(db, actor, "person_disabled", person.id)
    end_sessions(paths, person.id)
    return person


def enable(paths: Paths, name: str, *, actor: str = audit.SHELL) -> Person:
    """Lets a disabled person sign in again. Raises UsageError where nobody is named so."""
    with _writing(paths) as db:
        people.put(db, person := replace(_known(db, name), disabled_at=None))
        audit.note(db, actor, "person_enabled", person.id)
    return person


def end_sessions(paths: Paths, person_id: str, keep: str = "") -> int:
    """Ends a person's sessions, all but the one whose token has the hash `keep`; how many those were."""
    with closing(database.open_for_writing(paths.journal, shape=migrations)) as journal:
        return sessions.end_all(journal, person_id, but=keep)


def hash_password(password: str) -> str:
    """Argon2id with the parameters of RFC 9106. Raises UsageError for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}")
    return _HASHER.hash(_normal(password))


def new_id() -> str:
    """An id for a person."""
    return f"p{secrets.token_hex(6)}"


def as_name(text: str) -> str:
    """The one way to write a name: its case and its width are nothing to remember."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


class Passwords:
    """Tells whether name and password belong together, in the same time whether the name is known or not."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    @cached_property
    def _nobody(self) -> str:
        """The hash that an unknown name is compared with."""
        return _HASHER.hash(secrets.token_urlsafe(16))

    def person(self, name: str, password: str) -> Person | None:
        """The person who signs in so; None where no such name is known, the password is wrong, or they are disabled."""
        nobody = self._nobody  # made at the first sign-in of all, whoever's that is
        with closing(database.open_for_reading(self._paths.database)) as db:
            person = people.by_name(db, as_name(name))
        right = _matches(person.password or "" if person else nobody, password[: LONGEST + 1])
        return person if right and person and person.disabled_at is None else None


def _matches(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """Keyboards write one character in several ways (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _checked_name(text: str) -> str:
    name = as_name(text)
    if not name or len(name) > 100 or not name.isprintable():
        raise UsageError(f"{text!r} is no name: accepted are 1 to 100 printable characters")
    return name


def _known(db: Database, name: str) -> Person:
    """By name, or by id, as those have none of their own who come through an issuer. Raises UsageError."""
    if person := people.by_id(db, name) or people.by_name(db, as_name(name)):
        return person
    raise UsageError(f"{name!r} is nobody's name or id: `kb user list` shows everybody")


def _refuse_to_shut_out(db: Database, person: Person, actor: str) -> None:
    """Nobody loses their own rights by a slip, nor the last admin theirs; a command in the shell is always meant."""
    if actor == person.id:
        raise AccountRefused("this is your own account: another admin may do that", "yourself")
    admins = [one.id for one in people.every(db) if one.role == "admin" and one.disabled_at is None]
    if actor != audit.SHELL and admins == [person.id]:
        raise AccountRefused(f"{person.name} is the only admin who may sign in: make another one first", "last_admin")


@contextmanager
def _writing(paths: Paths) -> Iterator[Database]:
    """A short transaction of its own, beside whatever else writes."""
    with closing(database.open_for_writing(paths.database)) as db, database.transaction(db):
        yield db

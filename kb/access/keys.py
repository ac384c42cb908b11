"""API keys: made, shown once, listed and revoked, each in a short transaction of its own, beside a running server.

A secret is 256 random bits, so that its SHA-256 tells nothing of it and no slow hash is needed, as a password's would.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from sqlite_utils import Database

from kb.access.callers import Caller, Role, role_of
from kb.access.groups import checked_groups
from kb.config import Paths
from kb.errors import UsageError
from kb.store import audit, database, keys
from kb.store.keys import StoredKey

PREFIX = "kb_"
"""What every key begins with, so that one which leaked is found by a scanner."""
_PERIOD = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key with its secret, which is nowhere else."""

    id: str
    key: str
    role: str
    groups: tuple[str, ...]
    expires_at: str | None


def create_key(
    paths: Paths,
    role: Role,
    groups: Iterable[str] = (),
    *,
    name: str = "",
    expires_at: float | None = None,
    actor: str = audit.SHELL,
) -> MadeKey:
    """Makes a key; the database is made too where there is none. Raises UsageError, StoreError."""
    made = StoredKey(f"k{secrets.token_hex(6)}", name, role, checked_groups(groups), time.time(), expires_at)
    secret = PREFIX + secrets.token_urlsafe(32)
    db = database.open_for_writing(paths.database)
    try:
        with database.transaction(db):
            keys.add(db, made, hash_of(secret))
            said = {"name": name, "role": role, "groups": made.groups, "expires_at": as_text(expires_at)}
            audit.note(db, actor, "key_created", made.id, said)
    finally:
        db.close()
    return MadeKey(made.id, secret, made.role, made.groups, as_text(made.expires_at))


def revoke_key(paths: Paths, id_: str, *, actor: str = audit.SHELL) -> None:
    """Ends a key for good. Raises UsageError where no key of this id holds."""
    db = database.open_for_writing(paths.database)
    try:
        with database.transaction(db):
            if not keys.revoke(db, id_, time.time()):
                raise UsageError(f"{id_!r} is the id of no key that holds: `kb key list` shows them")
            audit.note(db, actor, "key_revoked", id_)
    finally:
        db.close()


def list_keys(paths: Paths) -> list[StoredKey]:
    """All keys, oldest first; none where nothing was ever stored."""
    if not paths.database.exists():
        return []
    db = database.open_for_writing(paths.database)  # an older shape is no reason not to list
    try:
        return keys.every(db)
    finally:
        db.close()


def ensure_admin_key(paths: Paths) -> bool:
    """Whether there was no admin key that holds, so that one was made and written to `data/admin.key` (mode 0600)."""
    now = time.time()
    if any(key.role == "admin" and key.holds_at(now) for key in list_keys(paths)):
        return False
    made = create_key(paths, "admin", name="made by the first `kb serve`", actor=audit.SERVER)
    beside = paths.admin_key.with_name(f"{paths.admin_key.name}.{made.id}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(made.key + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(paths.admin_key)
    return True


def expiry(text: str, zone: tzinfo) -> float:
    """The end that `90d`, `12h`, `2w` or a date means (to its end), in seconds since 1970. Raises UsageError."""
    if period := _PERIOD.fullmatch(text.strip().lower()):
        hours = int(period[1]) * _HOURS[period[2]]
        end = datetime.now(UTC) + timedelta(hours=hours)
    else:
        try:
            end = datetime.combine(date.fromisoformat(text.strip()), datetime.min.time(), zone) + timedelta(days=1)
        except ValueError:
            raise UsageError(f"--expires {text!r}: accepted is 90d, 12h, 2w, or a date such as 2027-01-31") from None
    if end.timestamp() <= time.time():
        raise UsageError(f"--expires {text!r} is past: a key has to hold for a while")
    return end.timestamp()


def as_text(at: float | None) -> str | None:
    """A time as ISO 8601 in UTC."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def hash_of(secret: str) -> str:
    """SHA-256 as 64 hex digits, for a secret of at least 128 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Keys:
    """Tells whose a key is, by a database that others may change at any time; for one thread.

    What was looked up is remembered until the database changes: a key that was revoked is refused at the next call.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._db: Database | None = None
        self._version = -1
        self._known: dict[str, StoredKey] = {}

    def caller(self, secret: str) -> Caller | None:
        """Who calls with a key; None where it is wrong, expired or revoked. Raises StoreError."""
        if not secret.startswith(PREFIX):
            return None
        with database.explained(self._paths.database):
            key = self._key(hash_of(secret))
        if key is None or not key.holds_at(time.time()):
            return None
        return Caller(key.id, key.name, role_of(key.role), frozenset(key.groups))

    def _key(self, secret_hash: str) -> StoredKey | None:
        if self._db is None:
            self._db = database.open_for_reading(self._paths.database, busy_seconds=1.0)
        version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        if version != self._version:
            self._known.clear()
            self._version = version
        if (key := self._known.get(secret_hash)) is None and (key := keys.by_hash(self._db, secret_hash)):
            self._known[secret_hash] = key
        return key

"""API keys as the database holds them: who holds one and what it opens, and of its secret a hash alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

_COLUMNS = "id, name, role, groups, created_at, expires_at, revoked_at"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key without its secret; times are seconds since 1970."""

    id: str
    name: str
    role: str
    groups: tuple[str, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    def holds_at(self, now: float) -> bool:
        """Whether it opens anything at a time."""
        return self.state_at(now) == "holds"

    def state_at(self, now: float) -> Literal["holds", "expired", "revoked"]:
        """What has become of it at a time."""
        if self.revoked_at is not None:
            return "revoked"
        return "holds" if self.expires_at is None or now < self.expires_at else "expired"


def add(db: Database, key: StoredKey, secret_hash: str) -> None:
    """Stores a new key."""
    db.execute(
        f"INSERT INTO api_keys ({_COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own columns
        (
            key.id, key.name, key.role, json.dumps(key.groups), key.created_at, key.expires_at, key.revoked_at,
            secret_hash,
        ),
    )  # fmt: skip


def by_hash(db: Database, secret_hash: str) -> StoredKey | None:
    """The key whose secret has this hash, whether it still holds or not."""
    row = db.execute(f"SELECT {_COLUMNS} FROM api_keys WHERE hash = ?", (secret_hash,)).fetchone()  # noqa: S608 - our own columns
    return None if row is None else _key(row)


def every(db: Database) -> list[StoredKey]:
    """All keys ever made, oldest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, id").fetchall()  # noqa: S608 - our own columns
    return [_key(row) for row in rows]


def revoke(db: Database, id_: str, now: float) -> bool:
    """Whether a key of this id held until now; from here on it opens nothing."""
    done = db.execute("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, id_))
    return bool(done.rowcount)


def _key(row: Sequence[object]) -> StoredKey:
    id_, name, role, groups, *times = row
    return StoredKey(id_, name, role, tuple(json.loads(groups)), *times)  # type: ignore[arg-type]

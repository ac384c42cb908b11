"""The shape of the journal, as numbered functions applied in order.

Apart from the knowledge: it is written at every question, by every worker, and must not wait for an import's
transaction, nor wake readers of the knowledge. What a table holds of a person carries a column `customer`, the keyed
hash of a reference to them, by which it is erased.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("journal")


@migrations(name="0002_sessions")
def sessions(db: Database) -> None:
    """Who is signed in, who is on the way to it by OpenID Connect, and what was asked this minute; secrets as hashes.

    Times are seconds since 1970. A row of `limits` counts what one caller did in one window of time.
    """
    db.executescript("""
        CREATE TABLE sessions (
            hash TEXT PRIMARY KEY, person_id TEXT NOT NULL, created_at REAL NOT NULL, seen_at REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX sessions_by_person ON sessions (person_id);
        CREATE TABLE sign_ins_begun (
            hash TEXT PRIMARY KEY, nonce TEXT NOT NULL, verifier TEXT NOT NULL, next TEXT NOT NULL,
            created_at REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE limits (
            who TEXT PRIMARY KEY, until REAL NOT NULL, used INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX limits_by_end ON limits (until);
    """)

"""Sessions and sign-ins that have begun, as the journal holds them: workers share them, restarts keep them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one person; times are seconds since 1970."""

    hash: str
    person_id: str
    created_at: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was sent to an issuer and has not come back: what its answer must fit."""

    nonce: str
    verifier: str
    next: str
    created_at: float


def add(db: Database, session: Session) -> None:
    """Stores a new session."""
    db.execute(
        "INSERT INTO sessions (hash, person_id, created_at, seen_at) VALUES (?, ?, ?, ?)",
        (session.hash, session.person_id, session.created_at, session.seen_at),
    )


def by_hash(db: Database, token_hash: str) -> Session | None:
    """The session whose token has this hash."""
    row = db.execute(
        "SELECT hash, person_id, created_at, seen_at FROM sessions WHERE hash = ?", (token_hash,)
    ).fetchone()
    return None if row is None else Session(*row)


def touch(db: Database, token_hash: str, now: float) -> None:
    """Notes that a session was used."""
    db.execute("UPDATE sessions SET seen_at = ? WHERE hash = ?", (now, token_hash))


def end(db: Database, token_hash: str) -> None:
    """Ends a session."""
    db.execute("DELETE FROM sessions WHERE hash = ?", (token_hash,))


def end_all(db: Database, person_id: str, *, but: str = "") -> int:
    """Ends a person's sessions, all but one where that is named by its hash; how many those were."""
    done = db.execute("DELETE FROM sessions WHERE person_id = ? AND hash <> ?", (person_id, but))
    return int(done.rowcount)


def forget(db: Database, *, created_before: float, seen_before: float, begun_before: float) -> None:
    """Removes what is over."""
    db.execute("DELETE FROM sessions WHERE created_at < ? OR seen_at < ?", (created_before, seen_before))
    db.execute("DELETE FROM sign_ins_begun WHERE created_at < ?", (begun_before,))


def begin(db: Database, state_hash: str, begun: Begun) -> None:
    """Stores a sign-in that begins."""
    db.execute(
        "INSERT INTO sign_ins_begun (hash, nonce, verifier, next, created_at) VALUES (?, ?, ?, ?, ?)",
        (state_hash, begun.nonce, begun.verifier, begun.next, begun.created_at),
    )


def take_begun(db: Database, state_hash: str) -> Begun | None:
    """A sign-in that has begun, once."""
    row = db.execute(
        "DELETE FROM sign_ins_begun WHERE hash = ? RETURNING nonce, verifier, next, created_at", (state_hash,)
    ).fetchone()
    return None if row is None else Begun(*row)

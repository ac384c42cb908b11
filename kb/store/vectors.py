"""Vectors by text hash and model fingerprint, kept so that the index can be rebuilt without embedding again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

_CHUNK = 500
_ROWS = 8_192


def missing(db: Database, fingerprint: str, hashes: Iterable[bytes]) -> set[bytes]:
    """Those of `hashes` that have no vector of this model yet."""
    wanted = list(dict.fromkeys(hashes))
    held: set[bytes] = set()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        marks = ",".join("?" * len(chunk))
        query = f"SELECT hash FROM vectors WHERE fingerprint = ? AND hash IN ({marks})"  # noqa: S608 - only marks
        held.update(row[0] for row in db.execute(query, [fingerprint, *chunk]))
    return set(wanted) - held


def keep(db: Database, fingerprint: str, hashes: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
    """Stores `(n, dim)` float32 vectors under their texts' hashes."""
    rows = [(fingerprint, key, vector.tobytes()) for key, vector in zip(hashes, vectors, strict=True)]
    db.conn.executemany("INSERT OR REPLACE INTO vectors (fingerprint, hash, vector) VALUES (?, ?, ?)", rows)


def visible(
    db: Database, fingerprint: str, dim: int, *, after: int, until: int, removed_after: int
) -> NDArray[np.float32]:
    """`(n, dim)` float32 of the rows added in `(after, until]` and not removed by `removed_after`, in order of id.

    Raises KeyError where a row has no vector of this model.
    """
    rows = db.execute(
        "SELECT v.vector FROM passages p LEFT JOIN vectors v ON v.fingerprint = ? AND v.hash = p.hash"
        " WHERE p.added > ? AND p.added <= ? AND (p.removed IS NULL OR p.removed > ?) ORDER BY p.id",
        [fingerprint, after, until, removed_after],
    )
    blobs = [row[0] for row in rows]
    if None in blobs:
        raise KeyError(fingerprint)
    return np.frombuffer(b"".join(blobs), dtype=np.float32).reshape(len(blobs), dim)


def stream(db: Database, fingerprint: str, dim: int, *, at: int, after: int = 0) -> Iterator[NDArray[np.float32]]:
    """`(n, dim)` float32 of the rows visible at a change and added `after` another, in order of id, in chunks.

    Raises KeyError where a row has no vector of this model.
    """
    rows = db.execute(
        "SELECT v.vector FROM passages p LEFT JOIN vectors v ON v.fingerprint = ? AND v.hash = p.hash"
        " WHERE p.added > ? AND p.added <= ? AND (p.removed IS NULL OR p.removed > ?) ORDER BY p.id",
        [fingerprint, after, at, at],
    )
    while blobs := [row[0] for row in rows.fetchmany(_ROWS)]:
        if None in blobs:
            raise KeyError(fingerprint)
        yield np.frombuffer(b"".join(blobs), dtype=np.float32).reshape(len(blobs), dim)

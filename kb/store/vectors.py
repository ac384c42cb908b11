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


def held(db: Database, fingerprint: str, hashes: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
    """Those of `hashes` that have a vector of this model, each `(dim,)`."""
    found: dict[bytes, NDArray[np.float32]] = {}
    for start in range(0, len(hashes), _CHUNK):
        chunk = hashes[start : start + _CHUNK]
        marks = ",".join("?" * len(chunk))
        query = f"SELECT hash, vector FROM vectors WHERE fingerprint = ? AND hash IN ({marks})"  # noqa: S608 - only marks
        found |= {key: np.frombuffer(blob, np.float32) for key, blob in db.execute(query, [fingerprint, *chunk])}
    return found


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
    found = list(pieces(db, fingerprint, dim, after=after, until=until, removed_after=removed_after))
    return np.concatenate([np.zeros((0, dim), np.float32), *found])


def pieces(
    db: Database, fingerprint: str, dim: int, *, after: int, until: int, removed_after: int
) -> Iterator[NDArray[np.float32]]:
    """What `visible` gives, in pieces of `(m, dim)`."""
    # All rows are read in their own order, as they lie: by the index they would have to be sorted, vectors and all.
    added = "p.added" if after else "+p.added"
    rows = db.execute(
        "SELECT v.vector FROM passages p LEFT JOIN vectors v ON v.fingerprint = ? AND v.hash = p.hash"  # noqa: S608
        f" WHERE {added} > ? AND {added} <= ? AND (p.removed IS NULL OR p.removed > ?) ORDER BY p.id",
        [fingerprint, after, until, removed_after],
    )
    while blobs := [row[0] for row in rows.fetchmany(_ROWS)]:
        if None in blobs:
            raise KeyError(fingerprint)
        yield np.frombuffer(b"".join(blobs), dtype=np.float32).reshape(len(blobs), dim)

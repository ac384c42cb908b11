"""Resolved tickets as the store holds them, with the vectors that were made of them, for finding what is alike."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from kb.model import Ticket

_PAGE = 2_000


def resolved(db: Database, fingerprint: str, now: float) -> Iterator[tuple[Ticket, NDArray[np.float32]]]:
    """Each ticket that is valid at `now`, in order of id, with `(dim,)` float32 of its first passage.

    Of that passage the model saw subject, problem and resolution. Read page by page, as `documents.current`. Tickets
    without a vector of this model are left out: the index is being changed to another.
    """
    query = (
        "SELECT d.id, r.content, v.vector FROM documents d"
        " JOIN revisions r ON r.document_id = d.id AND r.revision = d.revision"
        " JOIN passages p ON p.document_id = d.id AND p.removed IS NULL AND p.ordinal = 0"
        " JOIN vectors v ON v.fingerprint = ? AND v.hash = p.hash"
        " WHERE d.kind = 'ticket' AND d.status = 'published' AND d.id > ?"
        " AND (p.valid_from IS NULL OR p.valid_from <= ?) AND (p.valid_to IS NULL OR p.valid_to > ?)"
        " ORDER BY d.id LIMIT ?"
    )
    last = ""
    while rows := db.execute(query, [fingerprint, last, now, now, _PAGE]).fetchall():
        for _, content, vector in rows:
            yield msgspec.json.decode(content, type=Ticket), np.frombuffer(vector, np.float32)
        last = rows[-1][0]


def ticket(db: Database, id_: str) -> Ticket | None:
    """A resolved ticket; None where there is none of this id, or it is no longer kept."""
    row = db.execute(
        "SELECT r.content FROM documents d JOIN revisions r ON r.document_id = d.id AND r.revision = d.revision"
        " WHERE d.id = ? AND d.kind = 'ticket' AND d.status = 'published'",
        [id_],
    ).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Ticket)

"""Answers as they were told, with what they were made of."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, fields, replace

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answer as the journal holds it; `at` is in seconds since 1970, texts are redacted.

    JSON: `conversation` and `audiences` (lists of texts), `told` (the answer as it was sent), `basis` (without its
    passages) and `passages` (null where nothing was told), `candidates`.
    """

    answer_id: str
    at: float
    caller: str
    channel: str | None
    customer: str | None
    question: str
    conversation: str
    language: str
    audiences: str
    outcome: str
    reason: str | None
    confidence: float
    threshold: float
    told: str
    document_id: str | None
    revision: int | None
    basis: str | None
    passages: str | None
    generation: int
    change: int
    model: str
    tuning: str
    candidates: str
    prompt_version: str | None
    version: str
    ms: float


_NAMES = [field.name for field in fields(KeptAnswer)]
_COLUMNS = ", ".join("layout" if name == "passages" else name for name in _NAMES)
_INSERT = f"INSERT INTO answers ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own names
_SELECT = ", ".join("l.passages" if name == "passages" else f"a.{name}" for name in _NAMES)


def add(db: Database, answer: KeptAnswer) -> None:
    """Keeps an answer; the passages that many have alike once."""
    row = answer
    if answer.passages is not None:
        layout = hashlib.sha256(answer.passages.encode()).hexdigest()[:32]
        db.execute("INSERT OR IGNORE INTO layouts (id, passages) VALUES (?, ?)", [layout, answer.passages])
        row = replace(answer, passages=layout)
    db.execute(_INSERT, astuple(row))


def read(db: Database, answer_id: str) -> KeptAnswer | None:
    """One answer; None where there is none of this id."""
    query = f"SELECT {_SELECT} FROM answers a LEFT JOIN layouts l ON l.id = a.layout WHERE a.answer_id = ?"  # noqa: S608
    row = db.execute(query, [answer_id]).fetchone()
    return None if row is None else KeptAnswer(*row)

"""Searches, and what they showed."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class KeptSearch:
    """One search as the journal holds it; `at` is in seconds since 1970, the question is redacted.

    JSON: `audiences` (a list of texts), `filters`, `shown` (a list of `signals.Shown`, each lane best first).
    `confidence` is that of the best hit, 0 where there was none.
    """

    query_id: str
    at: float
    caller: str
    channel: str | None
    customer: str | None
    question: str
    language: str
    audiences: str
    filters: str
    shown: str
    confidence: float
    threshold: float
    generation: int
    change: int
    model: str
    version: str
    ms: float


_NAMES = [field.name for field in fields(KeptSearch)]
_INSERT = f"INSERT INTO searches ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - our own


def add(db: Database, search: KeptSearch) -> None:
    """Keeps a search."""
    db.execute(_INSERT, astuple(search))

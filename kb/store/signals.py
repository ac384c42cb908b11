"""What people did with what they were shown: opened it, copied it, found it helpful or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import msgspec
from sqlite_utils import Database


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document that a search or an answer showed: its passages that the asker knows, and its place from 1 in a lane.

    Of a near-duplicate that a hit only names, no revision is known.
    """

    document_id: str
    revision: int | None = None
    rank: int | None = None
    lane: str = "article"
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptSignal:
    """One signal as the journal holds it, about a search, an answer or an article: an `id` counts once for each."""

    about: str
    id: str
    at: float
    kind: str
    query_id: str | None
    answer_id: str | None
    document_id: str | None
    revision: int | None
    passage_id: str | None
    rank: int | None
    reason: str | None
    note: str | None
    caller: str
    channel: str | None
    customer: str | None
    rating: int | None = None


_NAMES = [field.name for field in fields(KeptSignal)]
_INSERT = f"INSERT OR IGNORE INTO signals ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
_shown = msgspec.json.Decoder(tuple[Shown, ...])


def add(db: Database, signal: KeptSignal) -> KeptSignal:
    """Keeps a signal, and returns what is kept under its id: where it was sent before, the first."""
    if db.execute(_INSERT, astuple(signal)).rowcount:
        return signal
    query = f"SELECT {', '.join(_NAMES)} FROM signals WHERE about = ? AND id = ?"  # noqa: S608 - our own names
    return KeptSignal(*db.execute(query, [signal.about, signal.id]).fetchone())


def shown_by_search(db: Database, query_id: str) -> tuple[str, Sequence[Shown]] | None:
    """Who searched, and what they were shown; None where there is no such search."""
    row = db.execute("SELECT caller, shown FROM searches WHERE query_id = ?", [query_id]).fetchone()
    return None if row is None else (row[0], _shown.decode(row[1]))


def shown_by_answer(db: Database, answer_id: str) -> tuple[str, Sequence[Shown]] | None:
    """Who asked, and what the answer named: the document that it cites, or those that it asks back about."""
    query = "SELECT caller, document_id, revision, json_extract(told, '$.options') FROM answers WHERE answer_id = ?"
    row = db.execute(query, [answer_id]).fetchone()
    if row is None:
        return None
    caller, document_id, revision, options = row
    cited = [] if document_id is None else [Shown(document_id, revision, 1)]
    asked = [Shown(option["document_id"]) for option in msgspec.json.decode(options or "[]")]
    return caller, (*cited, *asked)

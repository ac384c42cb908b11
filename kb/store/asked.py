"""What the journal says of questions and of articles over a time, counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

_CLICKED = "EXISTS (SELECT 1 FROM signals c WHERE c.about = s.query_id AND c.kind IN ('opened', 'copied', 'helpful'))"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that was refused; one that was asked back is none."""

    answer_id: str
    at: float
    question: str
    reason: str
    language: str


def answers(db: Database, since: float) -> int:
    """How many questions were answered or refused."""
    return int(db.execute("SELECT count(*) FROM answers WHERE at >= ?", [since]).fetchone()[0])


def unanswered(db: Database, since: float) -> list[Unanswered]:
    """The questions that were refused, oldest first."""
    query = (
        "SELECT answer_id, at, question, reason, language FROM answers WHERE at >= ? AND outcome = 'abstained'"
        " AND reason <> 'which_product' ORDER BY at, answer_id"
    )
    return [Unanswered(*row) for row in db.execute(query, [since])]


def searches(db: Database, since: float) -> tuple[int, int]:
    """How many searches there were, and how many of them led nobody to open, copy or praise anything."""
    query = f"SELECT count(*), coalesce(sum(NOT {_CLICKED}), 0) FROM searches s WHERE at >= ?"  # noqa: S608 - a literal
    every, without = db.execute(query, [since]).fetchone()
    return int(every), int(without)


def without_click(db: Database, since: float, most: int) -> list[tuple[str, int, int]]:
    """Words that were searched for in vain: how often, and how often with a hit that was likely enough."""
    query = (
        "SELECT question, count(*), sum(confidence >= threshold) FROM searches s"  # noqa: S608 - a literal
        f" WHERE at >= ? AND NOT {_CLICKED} GROUP BY question ORDER BY 2 DESC, 1 LIMIT ?"
    )
    return list(db.execute(query, [since, most]))


def shown(db: Database, since: float) -> Iterable[tuple[str, int]]:
    """How many searches showed each article."""
    return db.execute(
        "SELECT json_extract(j.value, '$.document_id'), count(DISTINCT s.query_id)"
        " FROM searches s, json_each(s.shown) j WHERE s.at >= ?"
        " AND coalesce(json_extract(j.value, '$.lane'), 'article') = 'article' GROUP BY 1",
        [since],
    )


def cited(db: Database, since: float) -> Iterable[tuple[str, int]]:
    """How many answers were made of each document."""
    query = "SELECT document_id, count(*) FROM answers WHERE at >= ? AND document_id IS NOT NULL GROUP BY 1"
    return db.execute(query, [since])


def signalled(db: Database, since: float) -> Iterable[tuple[str, str, int]]:
    """How many signals of each kind there were about each document."""
    query = "SELECT document_id, kind, count(*) FROM signals WHERE at >= ? AND document_id IS NOT NULL GROUP BY 1, 2"
    return db.execute(query, [since])


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as it was asked, with what it was said after (JSON), and what it was told of or came near (JSON)."""

    question: str
    conversation: str
    language: str
    audiences: str
    document_id: str | None
    candidates: str


_WORDING = "SELECT question, conversation, language, audiences, document_id, candidates FROM answers"


def recent(db: Database, most: int) -> list[Wording]:
    """The last questions that were answered or refused, newest first."""
    return [Wording(*row) for row in db.execute(f"{_WORDING} ORDER BY at DESC LIMIT ?", [most])]


def told_of(db: Database, document_id: str, most: int) -> list[Wording]:
    """The last questions that were answered from a document, newest first."""
    query = f"{_WORDING} WHERE document_id = ? ORDER BY at DESC LIMIT ?"
    return [Wording(*row) for row in db.execute(query, [document_id, most])]

"""Who was told a revision of a document: answers, notices of danger, and conversations that go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

_NOTICE = "json_extract(told, '$.urgent.document_id')"  # as in the index `answers_by_notice`
_NOTICED = "json_extract(told, '$.urgent.citations[0].revision')"
_COLUMNS = "answer_id, at, channel, language, question"
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class ToldAnswer:
    """An answer that told a revision; as a `notice`, where it was shown before the answer because of a danger.

    `at` is in seconds since 1970, the question is redacted.
    """

    answer_id: str
    at: float
    channel: str | None
    language: str
    question: str
    revision: int
    notice: bool


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """A conversation that may go on, by the hash of its id, and the answers in it; seconds since 1970."""

    conversation: str
    answer_ids: tuple[str, ...]
    last_at: float
    expires_at: float


def answers_of(db: Database, document_id: str, first: int, last: int) -> list[ToldAnswer]:
    """The answers that told a revision from `first` to `last`, newest first."""
    query = (
        f"SELECT {_COLUMNS}, revision, 0 FROM answers"  # noqa: S608 - literals
        " WHERE document_id = ? AND revision BETWEEN ? AND ? AND outcome = 'answered'"
        f" UNION ALL SELECT {_COLUMNS}, {_NOTICED}, 1 FROM answers WHERE {_NOTICE} = ? AND {_NOTICED} BETWEEN ? AND ?"
        " ORDER BY 2 DESC, 1"
    )
    rows = db.execute(query, [document_id, first, last] * 2)
    return [
        ToldAnswer(id_, at, channel, language, question, revision, bool(notice))
        for id_, at, channel, language, question, revision, notice in rows
    ]


def open_conversations(db: Database, answer_ids: Sequence[str], now: float) -> list[OpenConversation]:
    """The conversations that have one of these answers and are not over, the last spoken in first."""
    found: dict[str, OpenConversation] = {}
    for start in range(0, len(answer_ids), _TOGETHER):
        some = answer_ids[start : start + _TOGETHER]
        marks = ",".join("?" * len(some))
        query = (
            f"SELECT conversation, answer_id, at, expires_at FROM turns WHERE answer_id IN ({marks})"  # noqa: S608
            " AND expires_at > ?"
        )
        for conversation, answer_id, at, expires_at in db.execute(query, [*some, now]):
            known = found.get(conversation)
            told = (*(known.answer_ids if known else ()), answer_id)
            found[conversation] = OpenConversation(
                conversation, told, max(at, known.last_at if known else at), expires_at
            )
    return sorted(found.values(), key=lambda one: -one.last_at)


def signals_of(db: Database, document_id: str, first: int, last: int) -> dict[str, int]:
    """What people did with these revisions: how often each kind of signal."""
    query = (
        "SELECT kind, count(*) FROM signals WHERE document_id = ? AND revision BETWEEN ? AND ? GROUP BY 1 ORDER BY 1"
    )
    return dict(db.execute(query, [document_id, first, last]))

"""Answers in a model's words, kept so that the same question tells the same facts wherever it is asked."""

from __future__ import annotations

from sqlite_utils import Database


def read(db: Database, key: str, *, since: float) -> tuple[str | None, str | None] | None:
    """What is kept under a key: its sentences (JSON), or why there are none, where that was noted `since`."""
    query = "SELECT sentences, reason FROM generated WHERE key = ? AND (reason IS NULL OR at >= ?)"
    row = db.execute(query, [key, since]).fetchone()
    return None if row is None else (row[0], row[1])


def add(
    db: Database, key: str, at: float, document_id: str, sentences: str | None, reason: str | None, *, since: float
) -> tuple[str | None, str | None]:
    """Keeps sentences, or why there are none, and gives what is kept: whoever was first decides for all."""
    db.execute("DELETE FROM generated WHERE key = ? AND reason IS NOT NULL AND at < ?", [key, since])
    db.execute(
        "INSERT OR IGNORE INTO generated (key, at, document_id, sentences, reason) VALUES (?, ?, ?, ?, ?)",
        [key, at, document_id, sentences, reason],
    )
    kept = read(db, key, since=since)
    assert kept is not None  # noqa: S101 - it was put there in this transaction
    return kept


def may_ask(db: Database, most: int, now: float) -> bool:
    """Counts a request to the model, of all workers together; False where there were `most` in this minute."""
    row = db.execute("SELECT until, used FROM limits WHERE who = 'llm'").fetchone()
    until, used = (now + 60, 0) if row is None or row[0] <= now else row
    if used >= most:
        return False
    db.execute("INSERT OR REPLACE INTO limits (who, until, used) VALUES ('llm', ?, ?)", [until, used + 1])
    return True

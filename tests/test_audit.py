"""The audit log: it grows, and what is in it stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from kb.store import audit, database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kb.sqlite"


@pytest.fixture
def db(file: Path) -> Database:
    return database.open_for_writing(file)


def test_what_was_noted_is_read_back_in_order_with_its_time(db: Database) -> None:
    audit.note(db, audit.SHELL, "key_created", "k1", {"role": "agent"})
    audit.note(db, "k1", "export", "articles")
    first, second = audit.read(db)
    assert (first.actor, first.action, first.subject, first.detail) == ("shell", "key_created", "k1", {"role": "agent"})
    assert (second.actor, second.action, second.detail) == ("k1", "export", {})
    assert first.at <= second.at
    assert audit.read(db, since=second.at + 1) == []
    assert audit.read(db, limit=1) == [second]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'somebody else'",
        "INSERT OR REPLACE INTO audit VALUES (1, 0, 'x', 'x', 'x', '{}')",
        "REPLACE INTO audit VALUES (1, 0, 'x', 'x', 'x', '{}')",
    ],
)
def test_no_statement_changes_or_removes_a_line_of_the_audit_log(file: Path, db: Database, statement: str) -> None:
    audit.note(db, "somebody", "export", "articles")
    before = audit.read(db)
    with closing(sqlite3.connect(file)) as plain, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute(statement)
    assert audit.read(db) == before


def test_an_action_that_is_not_in_the_list_is_not_noted(db: Database) -> None:
    with pytest.raises(ValueError, match="'exprot' is none of"):
        audit.note(db, "somebody", "exprot", "articles")
    assert audit.read(db) == []

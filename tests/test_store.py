"""The database: its numbered shapes, its transactions, and what its failures say."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlite_utils import Database, Migrations

from kb.errors import IndexMissing, StoreBusy, StoreError
from kb.model import Article, Ticket
from kb.store import database, documents, journal_migrations, vectors
from kb.store.documents import DocumentState
from kb.store.migrations import migrations

ARTICLE = Article(id="a", title="A", body="text", language="en", questions=("why?",), applies_to=(("plan", "gold"),))
TICKET = Ticket(id="t", subject="S", problem="P", resolution="R", language="zh", tags=("x",))


def state(revision: int, kind: str = "article", id_: str = "a") -> DocumentState:
    return DocumentState(id_, kind, "articles/", revision, "published", f"hash {revision}", "1")


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return database.open_for_writing(tmp_path / "data" / "kb.sqlite")


@pytest.mark.parametrize("number", range(len(migrations._migrations)))
def test_a_database_of_every_earlier_shape_is_brought_up_to_date(tmp_path: Path, number: int) -> None:
    file = tmp_path / "kb.sqlite"
    old = Database(sqlite3.connect(file, isolation_level=None))
    migrations.apply(old, stop_before=migrations._migrations[number].name)
    old.close()
    with pytest.raises(IndexMissing, match="kb reindex"):
        database.open_for_reading(file)
    assert not migrations.pending(database.open_for_writing(file))
    assert database.open_for_reading(file).table("passages").exists()


@pytest.mark.parametrize("shape", [migrations, journal_migrations.migrations], ids=["knowledge", "journal"])
def test_many_who_open_a_new_database_at_once_find_one_in_shape(tmp_path: Path, shape: Migrations) -> None:
    for number in range(5):
        file, together = tmp_path / str(number) / "new.sqlite", threading.Barrier(8)

        def opened(file: Path = file, together: threading.Barrier = together) -> list[str]:
            together.wait()
            return [one.name for one in shape.pending(database.open_for_writing(file, shape=shape))]

        with ThreadPoolExecutor(8) as pool:
            assert [one.result() for one in [pool.submit(opened) for _ in range(8)]] == [[]] * 8


def test_the_first_shape_keeps_its_documents_when_the_second_arrives(tmp_path: Path) -> None:
    file = tmp_path / "kb.sqlite"
    old = Database(sqlite3.connect(file, isolation_level=None))
    migrations.apply(old, stop_before="0002_passages")
    with database.transaction(old):
        documents.record(old, ARTICLE, state(1), documents.next_change(old))
    old.close()
    assert documents.read(database.open_for_writing(file), "a", 1) == ARTICLE


def test_a_journal_keeps_its_signals_when_they_may_be_about_articles(tmp_path: Path) -> None:
    file, shape = tmp_path / "journal.sqlite", journal_migrations.migrations
    old = Database(sqlite3.connect(file, isolation_level=None))
    shape.apply(old, stop_before="0070_signals_about_articles")
    row = ("q", "n1", 1.5, "opened", "q", None, "a", 2, "a@2#0", 3, None, "why", "k", "web", "c")
    old.execute(f"INSERT INTO signals VALUES ({', '.join('?' * len(row))})", row)
    before = list(old.execute("SELECT * FROM signals"))
    old.close()
    new = database.open_for_writing(file, shape=shape)
    assert list(new.execute("SELECT * FROM signals")) == [(*before[0], None)]
    indexes = {row[0] for row in new.execute("SELECT name FROM sqlite_schema WHERE tbl_name = 'signals'")}
    assert indexes >= {"signals_by_time", "signals_by_customer", "signals_by_document"}
    with pytest.raises(sqlite3.IntegrityError):
        new.execute("UPDATE signals SET rating = 6")


def test_what_was_stored_is_read_back_equal_and_every_revision_is_kept(db: Database) -> None:
    with database.transaction(db):
        change = documents.next_change(db)
        documents.record(db, ARTICLE, state(1), change)
        documents.record(db, TICKET, state(1, "ticket", "t"), change)
    changed = Article(id="a", title="A", body="other", language="en")
    with database.transaction(db):
        documents.record(db, changed, state(2), documents.next_change(db))
    assert documents.read(db, "a", 1) == ARTICLE
    assert documents.read(db, "a", 2) == changed
    assert documents.read(db, "t", 1) == TICKET
    assert [s.revision for s, _ in documents.current(db)] == [2, 1]


def test_an_id_that_was_a_ticket_and_became_an_article_keeps_both_revisions(db: Database) -> None:
    ticket = Ticket(id="a", subject="S", problem="P", resolution="R", language="zh")
    for document, new in ((ticket, state(1, "ticket")), (ARTICLE, state(2))):
        with database.transaction(db):
            documents.record(db, document, new, documents.next_change(db))
    assert documents.read(db, "a", 1) == ticket
    assert documents.read(db, "a", 2) == ARTICLE


def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    def fail_half_way() -> None:
        with database.transaction(db):
            documents.record(db, ARTICLE, state(1), documents.next_change(db))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert not documents.states(db)
    assert documents.newest_change(db) == 0


def test_a_reader_cannot_write(db: Database, tmp_path: Path) -> None:
    reader = database.open_for_reading(tmp_path / "data" / "kb.sqlite")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM documents")


def test_a_database_that_another_program_holds_is_busy_and_says_so(tmp_path: Path, db: Database) -> None:
    file = tmp_path / "data" / "kb.sqlite"
    with database.transaction(db):
        other = database.open_for_writing(file, busy_seconds=0.1)
        with pytest.raises(StoreBusy, match="try again"), database.transaction(other):
            pass


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    file = tmp_path / "kb.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="backup"):
        database.open_for_writing(file)


def test_two_databases_have_two_names(tmp_path: Path, db: Database) -> None:
    other = database.open_for_writing(tmp_path / "other.sqlite")
    assert documents.store_id(other) != documents.store_id(db)


def test_vectors_come_back_to_the_bit_and_only_for_their_own_model(db: Database) -> None:
    made = np.random.default_rng(1).normal(size=(1200, 8)).astype(np.float32)
    keys = [n.to_bytes(32, "big") for n in range(1200)]
    with database.transaction(db):
        vectors.keep(db, "one model", keys, made)
    assert vectors.missing(db, "one model", [*keys, b"new"]) == {b"new"}
    assert vectors.missing(db, "other model", keys) == set(keys)
    held = db.execute("SELECT vector FROM vectors ORDER BY hash").fetchall()
    assert np.array_equal(np.frombuffer(b"".join(row[0] for row in held), np.float32).reshape(-1, 8), made)

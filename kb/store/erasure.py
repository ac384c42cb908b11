"""What was stored of a customer, found by the keyed hash of a reference to them, and deleted for real.

Each table that has a column `customer` is gone through, whatever else it holds: so a table that is added later is too.
A ticket is hidden first, by rows removed as usual, and deleted once no index that is in use holds its rows.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from kb.errors import StoreBusy
from kb.store import database, documents

_DOCUMENTS = ("documents", "revisions")
_ERASED = "[erased]"
_BUSY_SECONDS = 60.0
_WANTED = "erased_customers"
"""A table of this connection alone: any number of hashes is one join."""


@contextmanager
def opened(file: Path, customers: Collection[str]) -> Iterator[Database]:
    """A database whose deletions overwrite what they delete, and that knows whom they are about. Raises StoreError."""
    with database.explained(file):
        connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)
        with closing(connection):
            db = Database(connection)
            for pragma in ("foreign_keys = ON", "secure_delete = ON", "synchronous = FULL"):
                db.execute(f"PRAGMA {pragma}")
            db.execute(f"CREATE TEMP TABLE {_WANTED} (customer TEXT PRIMARY KEY)")
            db.conn.executemany(f"INSERT INTO temp.{_WANTED} VALUES (?)", [(c,) for c in set(customers)])  # noqa: S608
            yield db


def holdings(db: Database) -> dict[str, int]:
    """How many rows of each table are about them; tickets count as documents, revisions and passages."""
    found = {table: _count(db, f'"{table}" WHERE customer IN ({_THEIRS})') for table in _tables(db)}
    if _has_documents(db):
        found |= {"documents": _count(db, f"documents WHERE id IN ({_CASES})")}
        found |= {t: _count(db, f"{t} WHERE document_id IN ({_CASES})") for t in ("revisions", "passages")}
    return found


def hide_cases(db: Database) -> None:
    """Removes their tickets' passages as a retirement does: search leaves them out from this change on."""
    with database.transaction(db):
        change = documents.next_change(db)
        where = f"removed IS NULL AND document_id IN ({_CASES})"
        db.execute(f"UPDATE passages SET removed = ? WHERE {where}", [change])  # noqa: S608 - our own text
        db.execute(f"UPDATE documents SET status = 'retired' WHERE id IN ({_CASES})")  # noqa: S608 - our own text


def cases(db: Database) -> list[str]:
    """The ids of their tickets."""
    return [row[0] for row in db.execute(_CASES)] if _has_documents(db) else []


def delete(db: Database, cases: Collection[str]) -> None:
    """Deletes all of it, in the transaction at hand; of vectors, each that no passage needs any more."""
    for table in _tables(db):
        db.execute(f'DELETE FROM "{table}" WHERE customer IN ({_THEIRS})')  # noqa: S608 - a name from the schema
    if db.table("layouts").exists():  # what answers quote may be kept once for several of them
        db.execute("DELETE FROM layouts WHERE id NOT IN (SELECT layout FROM answers WHERE layout IS NOT NULL)")
    if not _has_documents(db):
        return
    db.execute("PRAGMA defer_foreign_keys = ON")
    named = [(id_,) for id_ in cases]
    for table, column in (("passages", "document_id"), ("revisions", "document_id"), ("documents", "id")):
        db.conn.executemany(f"DELETE FROM {table} WHERE {column} = ?", named)  # noqa: S608 - our own names
    db.execute("DELETE FROM vectors WHERE hash NOT IN (SELECT hash FROM passages)")


def forget_names(db: Database, cases: Collection[str]) -> None:
    """Deletes other people's records of one of these tickets, such as answers that quote it.

    A record that only names it, as one of several that were shown, says `[erased]` there. Not in the knowledge, where
    only documents name documents.
    """
    if _has_documents(db):
        return
    for table, column in _texts(db) if cases else ():
        for id_ in cases:
            if column == "document_id":
                db.execute(f'DELETE FROM "{table}" WHERE document_id = ?', [id_])  # noqa: S608 - from the schema
            elif column == "passage_id":
                _forget_passages(db, f'"{table}"', id_)
            else:
                _forget_in_json(db, f'"{table}"', f'"{column}"', id_)


def compact(db: Database) -> None:
    """Writes the database anew, without what was ever deleted from it, and empties its log. Raises StoreBusy."""
    db.execute("VACUUM")
    started = time.monotonic()
    while db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() - started > _BUSY_SECONDS:
            raise StoreBusy("a reader holds the database for long: run `kb erase` again, without a reference")
        time.sleep(0.05)


_THEIRS = f"SELECT customer FROM temp.{_WANTED}"  # noqa: S608 - our own name
_CASES = (
    f"SELECT id FROM documents WHERE customer IN ({_THEIRS})"  # noqa: S608 - our own text
    f" UNION SELECT document_id FROM revisions WHERE customer IN ({_THEIRS})"
)


def _forget_passages(db: Database, table: str, id_: str) -> None:
    """A passage's name is its document's id, `@`, and more."""
    name = f"{id_}@"
    query = f"UPDATE {table} SET passage_id = ? || substr(passage_id, ?) WHERE substr(passage_id, 1, ?) = ?"  # noqa: S608
    db.execute(query, [_ERASED, len(name), len(name), name])


def _forget_in_json(db: Database, table: str, column: str, id_: str) -> None:
    """Either of them in quotation marks; an id without a digit only as part of a passage's name: it may be any word."""
    ends = ('"', "@") if any(map(str.isdigit, id_)) else ("@",)
    for written in {json.dumps(id_, ensure_ascii=plain)[:-1] for plain in (True, False)}:
        for end in ends:
            inside = f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE instr({column}, ?)"  # noqa: S608
            db.execute(inside, [written + end, f'"{_ERASED}{end}', written + end])


def _texts(db: Database) -> list[tuple[str, str]]:
    """Table and column of all that is text."""
    return list(
        db.execute(
            "SELECT s.name, c.name FROM main.sqlite_schema s, pragma_table_info(s.name) c"
            " WHERE s.type = 'table' AND c.type = 'TEXT' AND s.name NOT GLOB 'sqlite*' AND s.name NOT GLOB '_*'"
        )
    )


def _tables(db: Database) -> list[str]:
    """Those with a column `customer`, but for the documents, which are more than their rows."""
    found = db.execute(
        "SELECT s.name FROM main.sqlite_schema s, pragma_table_info(s.name) c"
        " WHERE s.type = 'table' AND c.name = 'customer' ORDER BY s.name"
    )
    return [row[0] for row in found if row[0] not in _DOCUMENTS]


def _has_documents(db: Database) -> bool:
    query = "SELECT count(*) FROM pragma_table_info('documents') WHERE name = 'customer'"
    return bool(db.execute(query).fetchone()[0])


def _count(db: Database, rows: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])  # noqa: S608 - our own text

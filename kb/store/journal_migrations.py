"""The shape of the journal, as numbered functions applied in order.

Apart from the knowledge: it is written at every question, by every worker, and must not wait for an import's
transaction, nor wake readers of the knowledge. What a table holds of a person carries a column `customer`, the keyed
hash of a reference to them, by which it is erased.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("journal")


@migrations(name="0001_answers_and_signals")
def answers_and_signals(db: Database) -> None:
    """Answers with what they were made of, searches with what they showed, and what people did with either.

    Times are seconds since 1970. `layouts` are the passages of answers, kept once for all answers that have the same.
    """
    db.executescript("""
        CREATE TABLE answers (
            answer_id TEXT PRIMARY KEY, at REAL NOT NULL, caller TEXT NOT NULL, channel TEXT, customer TEXT,
            question TEXT NOT NULL, conversation TEXT NOT NULL, language TEXT NOT NULL, audiences TEXT NOT NULL,
            outcome TEXT NOT NULL, reason TEXT, confidence REAL NOT NULL, threshold REAL NOT NULL, told TEXT NOT NULL,
            document_id TEXT, revision INTEGER, basis TEXT, layout TEXT,
            generation INTEGER NOT NULL, change INTEGER NOT NULL, model TEXT NOT NULL, tuning TEXT NOT NULL,
            candidates TEXT NOT NULL, prompt_version TEXT, version TEXT NOT NULL, ms REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX answers_by_time ON answers (at);
        CREATE INDEX answers_by_customer ON answers (customer) WHERE customer IS NOT NULL;
        CREATE INDEX answers_by_layout ON answers (layout) WHERE layout IS NOT NULL;
        CREATE TABLE layouts (id TEXT PRIMARY KEY, passages TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE searches (
            query_id TEXT PRIMARY KEY, at REAL NOT NULL, caller TEXT NOT NULL, channel TEXT, customer TEXT,
            question TEXT NOT NULL, language TEXT NOT NULL, audiences TEXT NOT NULL, filters TEXT NOT NULL,
            shown TEXT NOT NULL, confidence REAL NOT NULL, threshold REAL NOT NULL, generation INTEGER NOT NULL,
            change INTEGER NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, ms REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX searches_by_time ON searches (at);
        CREATE INDEX searches_by_customer ON searches (customer) WHERE customer IS NOT NULL;
        CREATE TABLE signals (
            about TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, query_id TEXT, answer_id TEXT,
            document_id TEXT, revision INTEGER, passage_id TEXT, rank INTEGER, reason TEXT, note TEXT,
            caller TEXT NOT NULL, channel TEXT, customer TEXT,
            PRIMARY KEY (about, id), CHECK (about = coalesce(query_id, answer_id))
        ) WITHOUT ROWID;
        CREATE INDEX signals_by_time ON signals (at);
        CREATE INDEX signals_by_customer ON signals (customer) WHERE customer IS NOT NULL;
    """)


@migrations(name="0002_sessions")
def sessions(db: Database) -> None:
    """Who is signed in, who is on the way to it by OpenID Connect, and what was asked this minute; secrets as hashes.

    Times are seconds since 1970. A row of `limits` counts what one caller did in one window of time.
    """
    db.executescript("""
        CREATE TABLE sessions (
            hash TEXT PRIMARY KEY, person_id TEXT NOT NULL, created_at REAL NOT NULL, seen_at REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX sessions_by_person ON sessions (person_id);
        CREATE TABLE sign_ins_begun (
            hash TEXT PRIMARY KEY, nonce TEXT NOT NULL, verifier TEXT NOT NULL, next TEXT NOT NULL,
            created_at REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE limits (
            who TEXT PRIMARY KEY, until REAL NOT NULL, used INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX limits_by_end ON limits (until);
    """)


@migrations(name="0030_handovers")
def handovers(db: Database) -> None:
    """What waits for the centre's webhook, was taken there, or was given up; `n` is the order in which it came.

    Times are seconds since 1970. `envelope` holds a customer's own words, encrypted, until they are acknowledged.
    """
    db.executescript("""
        CREATE TABLE handovers (
            n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, conversation TEXT NOT NULL, at REAL NOT NULL,
            kind TEXT NOT NULL, about TEXT, caller TEXT NOT NULL, channel TEXT, customer TEXT, reason TEXT NOT NULL,
            document TEXT NOT NULL, envelope BLOB, envelope_until REAL NOT NULL, state TEXT NOT NULL,
            tries INTEGER NOT NULL, due REAL NOT NULL, leased_until REAL NOT NULL, give_up REAL NOT NULL,
            reply TEXT, trouble TEXT
        );
        CREATE INDEX handovers_that_wait ON handovers (due) WHERE state = 'waiting';
        CREATE INDEX handovers_by_conversation ON handovers (conversation) WHERE state = 'waiting';
        CREATE INDEX handovers_by_envelope ON handovers (envelope_until) WHERE envelope IS NOT NULL;
        CREATE INDEX handovers_by_time ON handovers (at);
        CREATE INDEX handovers_by_customer ON handovers (customer) WHERE customer IS NOT NULL;
    """)

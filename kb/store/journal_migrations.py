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
    Rows of some kilobytes are appended; ordered by their random ids, each would change a page of its own.
    """
    db.executescript("""
        CREATE TABLE answers (
            answer_id TEXT PRIMARY KEY, at REAL NOT NULL, caller TEXT NOT NULL, channel TEXT, customer TEXT,
            question TEXT NOT NULL, conversation TEXT NOT NULL, language TEXT NOT NULL, audiences TEXT NOT NULL,
            outcome TEXT NOT NULL, reason TEXT, confidence REAL NOT NULL, threshold REAL NOT NULL, told TEXT NOT NULL,
            document_id TEXT, revision INTEGER, basis TEXT, layout TEXT,
            generation INTEGER NOT NULL, change INTEGER NOT NULL, model TEXT NOT NULL, tuning TEXT NOT NULL,
            candidates TEXT NOT NULL, prompt_version TEXT, version TEXT NOT NULL, ms REAL NOT NULL
        );
        CREATE INDEX answers_by_time ON answers (at);
        CREATE INDEX answers_by_customer ON answers (customer) WHERE customer IS NOT NULL;
        CREATE INDEX answers_by_layout ON answers (layout) WHERE layout IS NOT NULL;
        CREATE TABLE layouts (id TEXT PRIMARY KEY, passages TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE searches (
            query_id TEXT PRIMARY KEY, at REAL NOT NULL, caller TEXT NOT NULL, channel TEXT, customer TEXT,
            question TEXT NOT NULL, language TEXT NOT NULL, audiences TEXT NOT NULL, filters TEXT NOT NULL,
            shown TEXT NOT NULL, confidence REAL NOT NULL, threshold REAL NOT NULL, generation INTEGER NOT NULL,
            change INTEGER NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, ms REAL NOT NULL
        );
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


@migrations(name="0010_calls")
def calls(db: Database) -> None:
    """What is said on calls, redacted; `call` is a keyed hash of the call's id, which may be a telephone number.

    `number` counts arrivals of all calls and never comes again: a partial utterance that is replaced gets a new one.
    """
    db.executescript("""
        CREATE TABLE utterances (
            number INTEGER PRIMARY KEY AUTOINCREMENT, call TEXT NOT NULL, sequence INTEGER NOT NULL,
            received_at REAL NOT NULL, at REAL NOT NULL, speaker TEXT NOT NULL, text TEXT NOT NULL,
            final INTEGER NOT NULL, caller TEXT NOT NULL, customer TEXT, UNIQUE (call, sequence)
        );
        CREATE INDEX utterances_by_arrival ON utterances (call, number);
        CREATE INDEX utterances_by_time ON utterances (received_at);
        CREATE INDEX utterances_by_customer ON utterances (customer) WHERE customer IS NOT NULL;
    """)


@migrations(name="0020_conversations")
def conversations(db: Database) -> None:
    """Conversations with their turns, and answers that wait to be fetched as events; ids and tokens as hashes.

    Times are seconds since 1970. What a customer said is redacted. `meant` is what a turn asks where it only picks one
    of what the turn before offered; `offered` is what the answer asks back (JSON, null where it does not).
    """
    db.executescript("""
        CREATE TABLE conversations (
            hash TEXT PRIMARY KEY, caller TEXT NOT NULL, customer TEXT, began_at REAL NOT NULL, expires_at REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX conversations_by_end ON conversations (expires_at);
        CREATE INDEX conversations_by_customer ON conversations (customer) WHERE customer IS NOT NULL;
        CREATE TABLE turns (
            conversation TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, customer TEXT,
            question TEXT NOT NULL, meant TEXT NOT NULL, answer_id TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT,
            offered TEXT, expires_at REAL NOT NULL,
            PRIMARY KEY (conversation, number)
        ) WITHOUT ROWID;
        CREATE INDEX turns_by_end ON turns (expires_at);
        CREATE INDEX turns_by_customer ON turns (customer) WHERE customer IS NOT NULL;
        CREATE TABLE streams (
            hash TEXT PRIMARY KEY, answer_id TEXT NOT NULL, form TEXT, conversation_id TEXT, customer TEXT,
            expires_at REAL NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX streams_by_end ON streams (expires_at);
        CREATE INDEX streams_by_customer ON streams (customer) WHERE customer IS NOT NULL;
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


@migrations(name="0040_inbox")
def inbox(db: Database) -> None:
    """Tickets that a help desk sent and that are not published yet, redacted; and which signed deliveries were taken.

    `document` is null where a ticket is no knowledge any more. `seq` grows with each delivery of a ticket.
    """
    db.executescript("""
        CREATE TABLE inbox (
            source TEXT NOT NULL, document_id TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, document TEXT,
            customer TEXT, PRIMARY KEY (source, document_id)
        ) WITHOUT ROWID;
        CREATE TABLE deliveries (signature TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
    """)


@migrations(name="0050_generated_answers")
def generated_answers(db: Database) -> None:
    """Sentences that a language model wrote and that were found supported, or the reason why there are none.

    `key` is a hash over the question as it was sent, the passages, the prompt and the model; the question is not kept.
    """
    db.executescript("""
        CREATE TABLE generated (
            key TEXT PRIMARY KEY, at REAL NOT NULL, document_id TEXT NOT NULL, sentences TEXT, reason TEXT,
            CHECK ((sentences IS NULL) <> (reason IS NULL))
        ) WITHOUT ROWID;
        CREATE INDEX generated_by_time ON generated (at);
    """)


@migrations(name="0060_answers_by_document")
def answers_by_document(db: Database) -> None:
    """Which answers told an article, or showed it because of a danger, is asked at every change of it."""
    db.executescript("""
        CREATE INDEX answers_by_document ON answers (document_id, revision) WHERE document_id IS NOT NULL;
        CREATE INDEX answers_by_notice ON answers (json_extract(told, '$.urgent.document_id'))
            WHERE json_extract(told, '$.urgent.document_id') IS NOT NULL;
        CREATE INDEX signals_by_document ON signals (document_id, revision) WHERE document_id IS NOT NULL;
        CREATE INDEX turns_by_answer ON turns (answer_id);
    """)


@migrations(name="0061_words_of_turns")
def words_of_turns(db: Database) -> None:
    """What a customer said in a conversation, word for word and encrypted, for whoever may have to take over."""
    db.executescript("""
        ALTER TABLE turns ADD COLUMN closed BLOB;
        CREATE INDEX turns_by_words ON turns (at) WHERE closed IS NOT NULL;
    """)


@migrations(name="0062_streams_gone_on_with")
def streams_gone_on_with(db: Database) -> None:
    """A stream may be fetched before its answer is made, and gone on with after its connection broke.

    `answer_id` is empty until it is made; `secret` the hash of what its events carry, null until it is fetched;
    `problem` (JSON) is why there is no answer.
    """
    db.executescript("""
        ALTER TABLE streams ADD COLUMN secret TEXT;
        ALTER TABLE streams ADD COLUMN problem TEXT;
    """)


@migrations(name="0070_signals_about_articles")
def signals_about_articles(db: Database) -> None:
    """A signal may be about an article that was read without a question; a verdict on an answer may rate it.

    SQLite cannot change a CHECK: the table is made anew. `about` is then the article's id.
    """
    db.executescript("""
        CREATE TABLE signals_made (
            about TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, query_id TEXT, answer_id TEXT,
            document_id TEXT, revision INTEGER, passage_id TEXT, rank INTEGER, reason TEXT, note TEXT,
            caller TEXT NOT NULL, channel TEXT, customer TEXT, rating INTEGER CHECK (rating BETWEEN 1 AND 5),
            PRIMARY KEY (about, id), CHECK (about = coalesce(query_id, answer_id, document_id))
        ) WITHOUT ROWID;
        INSERT INTO signals_made SELECT about, id, at, kind, query_id, answer_id, document_id, revision, passage_id,
            rank, reason, note, caller, channel, customer, NULL FROM signals;
        DROP TABLE signals;
        ALTER TABLE signals_made RENAME TO signals;
        CREATE INDEX signals_by_time ON signals (at);
        CREATE INDEX signals_by_customer ON signals (customer) WHERE customer IS NOT NULL;
        CREATE INDEX signals_by_document ON signals (document_id, revision) WHERE document_id IS NOT NULL;
    """)


@migrations(name="0071_acknowledgements")
def acknowledgements(db: Database) -> None:
    """Which revisions of which articles staff have said that they read, and since when each of them has been asked.

    A reader is a person or a key, by id. With `gone` it was said that the article is there no more; within one article
    (revision, gone) only grows. Times are seconds since 1970. Nothing of it is about a customer.
    """
    db.executescript("""
        CREATE TABLE readers (caller TEXT PRIMARY KEY, name TEXT NOT NULL, since REAL NOT NULL) WITHOUT ROWID;
        CREATE TABLE acknowledgements (
            caller TEXT NOT NULL, document_id TEXT NOT NULL, revision INTEGER NOT NULL, gone INTEGER NOT NULL,
            at REAL NOT NULL, name TEXT NOT NULL, PRIMARY KEY (caller, document_id, revision, gone)
        ) WITHOUT ROWID;
        CREATE INDEX acknowledgements_by_document ON acknowledgements (document_id, revision);
    """)

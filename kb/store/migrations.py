"""The shape of the database, as numbered functions applied in order.

`passages` is versioned by the change that added a row and the change that removed it, so that a reader sees
the whole of one change or nothing of it: a row is visible at change `s` when `added <= s` and `removed` is
null or greater than `s`.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

migrations = Migrations("kb")


@migrations(name="0001_documents")
def documents(db: Database) -> None:
    """A name for this store, documents, their revisions, and which file each one came from."""
    db.executescript("""
        CREATE TABLE store (id TEXT NOT NULL);
        INSERT INTO store (id) VALUES (lower(hex(randomblob(8))));
        CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL);
        CREATE TABLE documents (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('article', 'ticket')), source TEXT NOT NULL,
            revision INTEGER NOT NULL, status TEXT NOT NULL, content_hash TEXT NOT NULL, split_key TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX documents_by_source ON documents (source);
        CREATE TABLE revisions (
            document_id TEXT NOT NULL REFERENCES documents (id) DEFERRABLE INITIALLY DEFERRED,
            revision INTEGER NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL,
            change INTEGER NOT NULL REFERENCES changes (seq),
            PRIMARY KEY (document_id, revision)
        ) WITHOUT ROWID;
        CREATE TABLE files (
            path TEXT PRIMARY KEY, digest TEXT NOT NULL, document_id TEXT NOT NULL
        ) WITHOUT ROWID;
    """)


@migrations(name="0002_passages")
def passages(db: Database) -> None:
    """Passages, with who may see them and when, and the vectors of their texts."""
    db.executescript("""
        CREATE TABLE passages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            document_id TEXT NOT NULL REFERENCES documents (id) DEFERRABLE INITIALLY DEFERRED,
            revision INTEGER NOT NULL, kind TEXT NOT NULL, ordinal INTEGER NOT NULL, role TEXT NOT NULL,
            heading TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT NOT NULL,
            embedded TEXT NOT NULL, hash BLOB NOT NULL, internal INTEGER NOT NULL,
            audience TEXT NOT NULL, valid_from REAL, valid_to REAL, language TEXT NOT NULL,
            product TEXT, tags TEXT NOT NULL,
            added INTEGER NOT NULL REFERENCES changes (seq), removed INTEGER REFERENCES changes (seq)
        );
        CREATE INDEX passages_by_document ON passages (document_id, removed);
        CREATE INDEX passages_by_added ON passages (added);
        CREATE INDEX passages_by_removed ON passages (removed) WHERE removed IS NOT NULL;
        CREATE TABLE vectors (
            fingerprint TEXT NOT NULL, hash BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (fingerprint, hash)
        ) WITHOUT ROWID;
    """)


@migrations(name="0003_families")
def families(db: Database) -> None:
    """Which passages are of one article in several languages: the id of the one that was translated."""
    db.executescript("""
        ALTER TABLE passages ADD COLUMN family TEXT NOT NULL DEFAULT '';
        UPDATE passages SET family = coalesce((
            SELECT json_extract(r.content, '$.translation_of') FROM revisions r
            WHERE r.document_id = passages.document_id AND r.revision = passages.revision
        ), document_id);
    """)


@migrations(name="0004_sentences")
def sentences(db: Database) -> None:
    """Where the sentences of a passage are; what was split before has none until it is split anew."""
    db.execute("ALTER TABLE passages ADD COLUMN sentences TEXT NOT NULL DEFAULT '[]'")


@migrations(name="0005_split_keys")
def split_keys(db: Database) -> None:
    """What must be split anew is found without looking at every document."""
    db.execute("CREATE INDEX documents_by_split_key ON documents (split_key)")


@migrations(name="0006_access")
def access(db: Database) -> None:
    """Keys and people, each secret as a hash alone, and the audit log, which only ever grows.

    Times are seconds since 1970, `groups` a JSON list. A person has either a `password` (Argon2) or an `identity`
    (issuer and subject of OpenID Connect). `audit` never names a customer but by a keyed hash.
    """
    db.executescript("""
        CREATE TABLE api_keys (
            id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
            groups TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL, revoked_at REAL
        ) WITHOUT ROWID;
        CREATE TABLE people (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, password TEXT, identity TEXT UNIQUE, role TEXT NOT NULL,
            groups TEXT NOT NULL, created_at REAL NOT NULL, disabled_at REAL,
            CHECK ((password IS NULL) <> (identity IS NULL))
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX people_with_passwords ON people (name) WHERE password IS NOT NULL;
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
            subject TEXT NOT NULL, detail TEXT NOT NULL
        );
        CREATE INDEX audit_by_time ON audit (at);
        CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
            WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    """)


@migrations(name="0007_customers")
def customers(db: Database) -> None:
    """Whose case a ticket was, as a keyed hash: of the document now, and of each revision when it was stored."""
    db.executescript("""
        ALTER TABLE documents ADD COLUMN customer TEXT;
        ALTER TABLE revisions ADD COLUMN customer TEXT;
        CREATE INDEX documents_by_customer ON documents (customer) WHERE customer IS NOT NULL;
        CREATE INDEX revisions_by_customer ON revisions (customer) WHERE customer IS NOT NULL;
    """)


@migrations(name="0008_drafts")
def drafts(db: Database) -> None:
    """Edits on their way to be live: what waits, every text that was saved, what reviewers said, who made what live.

    Numbers of `versions` and of `revisions` are of one row for each article. Times are seconds since 1970. An edit's
    `first` is the number of its first text, `base` that of the live revision it was made from. `intents` holds at most
    one publication that was begun: whoever holds the writer's lock next ends it.
    """
    db.executescript("""
        CREATE TABLE drafts (
            document_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, first INTEGER NOT NULL, base INTEGER,
            state TEXT NOT NULL CHECK (state IN ('draft', 'in_review', 'approved', 'scheduled')),
            article TEXT NOT NULL, author TEXT NOT NULL, at REAL NOT NULL, origin TEXT NOT NULL,
            tickets TEXT NOT NULL, due REAL, scheduled_by TEXT, reason TEXT, gate TEXT, trouble TEXT,
            CHECK ((state = 'scheduled') = (due IS NOT NULL))
        ) WITHOUT ROWID;
        CREATE INDEX drafts_by_due ON drafts (due) WHERE due IS NOT NULL;
        CREATE TABLE versions (
            document_id TEXT NOT NULL, revision INTEGER NOT NULL, text TEXT NOT NULL, author TEXT NOT NULL,
            at REAL NOT NULL, PRIMARY KEY (document_id, revision)
        );
        CREATE TABLE reviews (
            id INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL, revision INTEGER NOT NULL,
            move TEXT NOT NULL, actor TEXT NOT NULL, at REAL NOT NULL, note TEXT
        );
        CREATE INDEX reviews_by_document ON reviews (document_id, revision);
        CREATE TABLE images (
            document_id TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (document_id, name)
        );
        CREATE TABLE intents (id INTEGER PRIMARY KEY CHECK (id = 1), intent TEXT NOT NULL);
        CREATE TABLE publications (
            document_id TEXT NOT NULL, revision INTEGER NOT NULL, at REAL NOT NULL, move TEXT NOT NULL,
            actor TEXT NOT NULL, authors TEXT NOT NULL, approved_by TEXT NOT NULL, tickets TEXT NOT NULL,
            reason TEXT, gate TEXT, PRIMARY KEY (document_id, revision)
        );
        CREATE INDEX files_by_document ON files (document_id);
    """)


@migrations(name="0009_proposed")
def proposed(db: Database) -> None:
    """Of which tickets a draft was made; a ticket that is deleted is forgotten here too."""
    db.executescript("""
        CREATE TABLE proposed (
            draft TEXT NOT NULL, ticket_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            at REAL NOT NULL, PRIMARY KEY (draft, ticket_id)
        ) WITHOUT ROWID;
        CREATE INDEX proposed_by_ticket ON proposed (ticket_id);
    """)


@migrations(name="0010_revisions_by_change")
def revisions_by_change(db: Database) -> None:
    """Which documents have become another since a time is asked by everybody who works here, again and again."""
    db.executescript("""
        CREATE INDEX revisions_by_change ON revisions (kind, change);
        CREATE INDEX changes_by_time ON changes (at);
    """)

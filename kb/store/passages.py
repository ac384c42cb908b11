"""Passages as rows, each visible from the change that added it to the change that removed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from sqlite_utils import Database

from kb.model import Access, Passage, StoredPassage

_ACCESS = "id, document_id, kind, audience, valid_from, valid_to, language, product, tags, role, added, removed, family"
_texts, _spans = msgspec.json.Decoder(tuple[str, ...]), msgspec.json.Decoder(tuple[tuple[int, int], ...])
_STORED = (
    'id, document_id, revision, kind, ordinal, role, heading, start, "end", text, embedded, internal, audience,'
    " language, sentences"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides who finds a document's passages and when; times are seconds since 1970.

    `family` is the id of the article that this one translates, else its own.
    """

    kind: str
    audience: tuple[str, ...]
    internal_audience: tuple[str, ...]
    valid_from: float | None
    valid_to: float | None
    language: str
    product: str | None
    tags: tuple[str, ...]
    family: str


_NONE = Passage(0, "text", (), 0, 0, "", "")


def text_hash(embedded: str) -> bytes:
    """The key of a text's vector: SHA-256 of what the model sees."""
    return hashlib.sha256(embedded.encode()).digest()


def replace(
    db: Database, document_id: str, revision: int, passages: Sequence[Passage], terms: Terms, change: int
) -> None:
    """Removes a document's visible passages and adds these, as of `change`."""
    db.execute("UPDATE passages SET removed = ? WHERE document_id = ? AND removed IS NULL", [change, document_id])
    db.table("passages").insert_all([_row(document_id, revision, p, terms, change) for p in passages])


def made(
    document_id: str, revision: int, passages: Sequence[Passage], terms: Terms, change: int, first: int
) -> list[tuple[Access, StoredPassage]]:
    """What a reader would find of these passages, had `replace` stored them as rows from id `first` on."""
    rows = [_row(document_id, revision, p, terms, change) | {"id": id_} for id_, p in enumerate(passages, first)]
    return [(_to_access(_columns(row, _ACCESS)), _to_stored(_columns(row, _STORED))) for row in rows]


def _columns(row: Mapping[str, object], names: str) -> list[Any]:
    return [row[name.strip('"')] for name in names.split(", ")]


def holds(db: Database, document_id: str, revision: int, passages: Sequence[Passage], terms: Terms) -> bool:
    """Whether a document's visible passages are just these."""
    names = [name for name in _row("", 0, _NONE, terms, 0) if name not in ("added", "removed")]
    columns = ", ".join(f'"{name}"' for name in names)
    query = f"SELECT {columns} FROM passages WHERE document_id = ? AND removed IS NULL ORDER BY ordinal, id"  # noqa: S608 - our own names
    made = [_row(document_id, revision, p, terms, 0) for p in sorted(passages, key=lambda p: p.ordinal)]
    return list(db.execute(query, [document_id])) == [tuple(row[name] for name in names) for row in made]


def _row(document_id: str, revision: int, passage: Passage, terms: Terms, change: int) -> dict[str, object]:
    return {
        "document_id": document_id,
        "revision": revision,
        "kind": terms.kind,
        "ordinal": passage.ordinal,
        "role": passage.role,
        "heading": _list(passage.heading),
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "embedded": passage.embedded,
        "hash": text_hash(passage.embedded),
        "internal": int(passage.internal),
        "audience": _list(terms.internal_audience if passage.internal else terms.audience),
        "valid_from": terms.valid_from,
        "valid_to": terms.valid_to,
        "language": terms.language,
        "product": terms.product,
        "tags": _list(terms.tags),
        "added": change,
        "removed": None,
        "family": terms.family,
        "sentences": json.dumps(passage.sentences),
    }


def _list(values: Iterable[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


def access_between(db: Database, base: int, after: int, until: int) -> Iterator[Access]:
    """Rows a reader of base generation `base` must know, added in `(after, until]`, in order of id.

    Those that came and went since are left out: they may be of another model, whose vectors are no use here.
    """
    yield from _access(
        db,
        "added > ? AND added <= ? AND (removed IS NULL OR removed > iif(added > ?, ?, ?)) ORDER BY id",
        [after, until, base, until, base],
    )


def embedded_between(db: Database, after: int, until: int) -> list[str]:
    """What the indexes see of the rows that `access_between` gives from a base or later, in the same order."""
    rows = db.execute(
        "SELECT embedded FROM passages WHERE added > ? AND added <= ? AND (removed IS NULL OR removed > ?) ORDER BY id",
        [after, until, until],
    )
    return [row[0] for row in rows]


def removed_between(db: Database, after: int, until: int) -> list[tuple[int, int]]:
    """(id, change) of the rows removed in `(after, until]`."""
    return list(db.execute("SELECT id, removed FROM passages WHERE removed > ? AND removed <= ?", [after, until]))


def withdrawn_after(db: Database, change: int) -> list[int]:
    """Ids of rows still visible at `change` whose document has since lost that audience or validity.

    A reader behind the newest change hides them at once: a retired or restricted text must not outlive its
    keyword commit.
    """
    rows = db.execute(
        "SELECT p.id FROM passages p WHERE p.removed > ? AND p.added <= ? AND NOT EXISTS (SELECT 1 FROM passages q"
        " WHERE q.document_id = p.document_id AND q.removed IS NULL AND q.audience = p.audience"
        " AND q.valid_from IS p.valid_from AND q.valid_to IS p.valid_to)",
        [change, change],
    )
    return [row[0] for row in rows]


def visible(db: Database, change: int, documents: Sequence[str] | None = None) -> Iterator[tuple[Access, str]]:
    """The rows visible at `change` with what the indexes see of them; of some documents, or all in order of id."""
    query = f"SELECT {_ACCESS}, embedded FROM passages WHERE +added <= ? AND (removed IS NULL OR removed > ?)"  # noqa: S608 - a literal
    found: Iterable[Any]
    if documents is None:
        found = db.execute(f"{query} ORDER BY id", [change, change])
    else:
        found = (row for id_ in documents for row in db.execute(f"{query} AND document_id = ?", [change, change, id_]))
    for *access, embedded in found:
        yield _to_access(access), embedded


def count_visible(db: Database, change: int) -> int:
    """How many rows are visible at `change`."""
    added, removed = (f"SELECT count(*) FROM passages WHERE {which} <= ?" for which in ("added", "removed"))  # noqa: S608
    return int(db.execute(added, [change]).fetchone()[0]) - int(db.execute(removed, [change]).fetchone()[0])


def changed_documents(db: Database, after: int, until: int) -> list[str]:
    """Ids of the documents whose passages changed in `(after, until]`."""
    query = (
        "SELECT document_id FROM passages WHERE added > ? AND added <= ?"
        " UNION SELECT document_id FROM passages WHERE removed > ? AND removed <= ?"
    )
    return [row[0] for row in db.execute(query, [after, until, after, until])]


def fetch(db: Database, ids: Sequence[int]) -> dict[int, StoredPassage]:
    """Passages by row id, with their texts."""
    marks = ",".join("?" * len(ids))
    rows = db.execute(f"SELECT {_STORED} FROM passages WHERE id IN ({marks})", list(ids))  # noqa: S608 - only marks
    return {row[0]: _to_stored(row) for row in rows}


def of_document(db: Database, document_id: str, revision: int) -> list[StoredPassage]:
    """The passages of one revision of a document, in order."""
    query = f"SELECT {_STORED} FROM passages WHERE document_id = ? AND revision = ? ORDER BY id"  # noqa: S608 - a literal
    return [_to_stored(row) for row in db.execute(query, [document_id, revision])]


def purge(db: Database, before: int) -> None:
    """Deletes rows removed at or before `before`, the base of the oldest generation kept."""
    db.execute("DELETE FROM passages WHERE removed <= ?", [before])


def _access(db: Database, where: str, values: Sequence[int]) -> Iterator[Access]:
    for row in db.execute(f"SELECT {_ACCESS} FROM passages WHERE {where}", list(values)):  # noqa: S608 - our own text
        yield _to_access(row)


def _to_access(row: Sequence[Any]) -> Access:
    id_, document, kind, audience, start, end, language, product, tags, *rest = row
    return Access(id_, document, kind, _tuple(audience), start, end, language, product, _tuple(tags), *rest)


def _to_stored(row: Sequence[Any]) -> StoredPassage:
    id_, document, revision, kind, ordinal, role, heading, *rest = row
    start, end, text, embedded, internal, audience, language, sentences = rest
    place = (_tuple(heading), start, end, text, embedded, bool(internal), _tuple(audience), language)
    spans = _spans.decode(sentences)
    return StoredPassage(id_, document, revision, kind, ordinal, role, *place, spans)


@lru_cache(maxsize=8_192)  # the same few audiences, and the same headings again and again
def _tuple(text: str) -> tuple[str, ...]:
    return _texts.decode(text)

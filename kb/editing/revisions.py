"""An article's revisions as editors read and compare them: each a whole article file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from sqlite_utils import Database

from kb.config import Paths
from kb.editing.differences import Difference, difference
from kb.errors import NotShown
from kb.ingest.articles import write_article
from kb.model import Article
from kb.store import database
from kb.store import revisions as stored


@dataclass(frozen=True, slots=True)
class Listed:
    """A revision in a list; `at` is when it was stored, `status` what the text itself says."""

    revision: int
    at: str
    title: str
    status: str


@dataclass(frozen=True, slots=True)
class Revisions:
    """An article's revisions, the newest first.

    `live` is the one that is published now, whether valid at the moment or not; None where none is. `status` is the
    article's: one whose file was deleted is retired, though its last text says otherwise. `source` is `articles/`, or
    the import that the article belongs to.
    """

    document_id: str
    status: str
    source: str
    live: int | None
    revisions: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision; `text` is the whole article file, front matter and body."""

    document_id: str
    revision: int
    at: str
    title: str
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What turns one revision into another; `from_revision` is 0 for the empty text before the first."""

    document_id: str
    from_revision: int
    to_revision: int
    difference: Difference


def revisions(paths: Paths, document_id: str) -> Revisions:
    """An article's revisions. Raises NotShown where there is no such article."""
    with _reading(paths, f"there is no article {document_id!r}: check its id") as db:
        found = stored.history(db, document_id)
    listed = tuple(Listed(one.number, one.at, one.article.title, one.article.status) for one in found.revisions)
    live = found.newest if found.status == "published" else None
    return Revisions(document_id, found.status, found.source, live, listed)


def revision(paths: Paths, document_id: str, number: int) -> Revision:
    """One revision of an article. Raises NotShown where there is none."""
    with _reading(paths, _no_such(document_id, number)) as db:
        one = stored.one(db, document_id, number)
    article = one.article
    return Revision(document_id, number, one.at, article.title, article.status, file_text(article))


def compared(paths: Paths, document_id: str, old: int | None = None, new: int | None = None) -> Compared:
    """Two revisions compared: without `new` the newest, without `old` the one before it. Raises NotShown."""
    held = [listed.revision for listed in revisions(paths, document_id).revisions]
    to = held[0] if new is None else new
    start = max((number for number in held if number < to), default=0) if old is None else old
    before, after = (revision(paths, document_id, number).text if number else "" for number in (start, to))
    names = (f"{document_id}@{start}", f"{document_id}@{to}")
    return Compared(document_id, start, to, difference(before, after, names))


def file_text(article: Article) -> str:
    """An article as a file at the place that its id names."""
    return write_article(article, path=f"{article.id}.md")


def _no_such(document_id: str, number: int) -> str:
    return f"the article {document_id!r} has no revision {number}, or there is no such article: list its revisions"


@contextmanager
def _reading(paths: Paths, nothing: str) -> Iterator[Database]:
    db = database.open_for_reading(paths.database)
    with closing(db), database.explained(paths.database):
        try:
            yield db
        except KeyError as error:
            raise NotShown(nothing) from error

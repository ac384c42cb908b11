"""What an article was, as editors read and compare it: each number is a whole article file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import tzinfo

from sqlite_utils import Database

from kb.config import Paths
from kb.editing.differences import Difference, difference
from kb.errors import NotShown
from kb.ingest.articles import path_of, read_article, write_article
from kb.store import database
from kb.store import revisions as stored


@dataclass(frozen=True, slots=True)
class Listed:
    """One number of an article; `at` is when it came to be, `author` who saved it, null where it came by a file.

    `title` and `status` are those of the text; null for one that was saved and never stored, whose `stored` is false.
    """

    revision: int
    at: str
    author: str | None
    stored: bool
    title: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Revisions:
    """Everything that an article was, the newest first.

    `live` is the number that is published now, whether valid at the moment or not; null where none is. `status` is the
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
    """One number of an article; `text` is the whole article file, front matter and body."""

    document_id: str
    revision: int
    at: str
    author: str | None
    stored: bool
    text: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What turns one number of an article into another; `from_revision` is 0 for the empty text before the first."""

    document_id: str
    from_revision: int
    to_revision: int
    difference: Difference


def revisions(paths: Paths, document_id: str) -> Revisions:
    """Everything that an article was. Raises NotShown where there is no such article."""
    with _reading(paths, f"there is no article {document_id!r}: check its id") as db:
        found = stored.history(db, document_id)
    return Revisions(document_id, found.status, found.source, found.live, tuple(map(_listed, found.revisions)))


def revision(paths: Paths, document_id: str, number: int) -> Revision:
    """One number of an article. Raises NotShown where there is none."""
    one = _one(paths, document_id, number)
    return Revision(document_id, number, one.at, one.author, one.article is not None, _text(one, document_id))


def compared(
    paths: Paths, timezone: tzinfo, document_id: str, old: int | None = None, new: int | None = None
) -> Compared:
    """Two numbers of an article compared: without `new` the newest, without `old` what was stored before it.

    Both as they were typed, or both as kb writes them, lest a quotation mark pass for a change. Raises NotShown.
    """
    held = revisions(paths, document_id).revisions
    to = held[0].revision if new is None else new
    start = max((one.revision for one in held if one.stored and one.revision < to), default=0) if old is None else old
    after = _one(paths, document_id, to)
    before = _one(paths, document_id, start) if start else None
    typed = all(one is None or one.text is not None for one in (before, after))
    texts = [_text(one, document_id, None if typed else timezone) if one else "" for one in (before, after)]
    names = (f"{document_id}@{start}", f"{document_id}@{to}")
    return Compared(document_id, start, to, difference(texts[0], texts[1], names))


def _listed(one: stored.Revision) -> Listed:
    title, status = (one.article.title, one.article.status) if one.article else (None, None)
    return Listed(one.number, one.at, one.author, one.article is not None, title, status)


def _one(paths: Paths, document_id: str, number: int) -> stored.Revision:
    nothing = f"the article {document_id!r} has no revision {number}, or there is no such article: list its revisions"
    with _reading(paths, nothing) as db:
        return stored.one(db, document_id, number)


def _text(one: stored.Revision, document_id: str, timezone: tzinfo | None = None) -> str:
    """As it was typed, where it was; as kb writes it where not, or where a `timezone` to read it by is given."""
    path, article = path_of(document_id), one.article
    if one.text is not None and timezone is None:
        return one.text
    if article is None:
        assert one.text is not None and timezone is not None  # noqa: S101, PT018 - what was never stored was saved
        article = read_article(one.text.encode(), path=path, timezone=timezone)
    return write_article(article, path=path)


@contextmanager
def _reading(paths: Paths, nothing: str) -> Iterator[Database]:
    db = database.open_for_reading(paths.database)
    with closing(db), database.explained(paths.database):
        try:
            yield db
        except KeyError as error:
            raise NotShown(nothing) from error

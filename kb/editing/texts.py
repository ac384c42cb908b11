"""Every article's text as its file has it: what a change across many articles begins from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import tzinfo

from kb.config import Paths
from kb.ingest.articles import MalformedArticle, SourceFile, one_line_end, read_article, read_source, write_article
from kb.model import Article
from kb.store import database, documents

RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class ArticleText:
    """An article that is not retired: its newest revision, and a whole article file for it.

    `path` is where the file lies under `articles/`; `source` is `articles/`, or the import that it belongs to.
    """

    article: Article
    revision: int
    path: str
    text: str
    source: str


def article_texts(paths: Paths) -> Iterator[ArticleText]:
    """All, in order of id; a file that cannot be read is as it was read last. Raises StoreError, IndexMissing."""
    db = database.open_for_reading(paths.database)
    with closing(db), database.explained(paths.database):
        places = {reading.document_id: reading.path for reading in documents.files(db).values()}
        for state, document in documents.current(db):
            if isinstance(document, Article) and state.status != RETIRED:
                path = places.get(state.id, f"{state.id}.md")
                text = _file_text(paths, path) if state.source == documents.FILES else None
                text = write_article(document, path=path) if text is None else text
                yield ArticleText(document, state.revision, path, text, state.source)


def fixed(found: ArticleText, timezone: tzinfo) -> str | None:
    """Why an article cannot be edited from this text on, or None where it can."""
    if found.source != documents.FILES:
        return f"it belongs to the import {found.source!r}: change it there, and import it again"
    try:
        same = read_article(found.text.encode(), path=found.path, timezone=timezone) == found.article
    except MalformedArticle:
        same = False
    return None if same else f"articles/{found.path} was changed since it was read last: reindex, or mend it, first"


def _file_text(paths: Paths, path: str) -> str | None:
    try:
        return one_line_end(read_source(SourceFile(path, paths.articles / path)).decode("utf-8-sig"))
    except (MalformedArticle, UnicodeDecodeError):
        return None

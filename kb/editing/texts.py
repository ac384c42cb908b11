"""Every article's newest text, with its edit where one is open: what a change across many articles begins from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from sqlite_utils import Database

from kb.config import Paths
from kb.editing.files import file_text, is_unread
from kb.ingest.articles import path_of, write_article
from kb.model import Article
from kb.store import documents, drafts

RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class ArticleText:
    """An article that is not retired, or has an open edit, and its whole newest file; `path` is below `articles/`.

    `source` is `articles/`, or the import that it belongs to. `edit` tells whether the text is that of an open edit.
    """

    id: str
    title: str
    path: str
    text: str
    source: str
    edit: bool


def article_texts(db: Database, paths: Paths) -> Iterator[ArticleText]:
    """All, those that are live or were first; a file that cannot be read is as it was read last."""
    edits = {draft.document_id: draft for draft in drafts.every(db)}
    places = {reading.document_id: reading.path for reading in documents.files(db).values()}
    for state, document in documents.current(db):
        if not isinstance(document, Article):
            continue
        path = places.get(state.id, path_of(state.id))
        if draft := edits.pop(state.id, None):
            yield _edit(db, draft, path, state.source)
        elif state.status != RETIRED:
            text = file_text(paths, path) if state.source == documents.FILES else None
            text = write_article(document, path=path) if text is None else text
            yield ArticleText(state.id, document.title, path, text, state.source, edit=False)
    for draft in edits.values():
        yield _edit(db, draft, path_of(draft.document_id), documents.FILES)


def fixed(db: Database, paths: Paths, found: ArticleText, timezone: tzinfo) -> str | None:
    """Why an article cannot be edited from this text on, or None where the desk may be asked."""
    if found.source != documents.FILES:
        return f"it belongs to the import {found.source!r}: change it there, and import it again"
    if not found.edit and is_unread(db, paths, found.path, found.id, timezone):
        return f"articles/{found.path} was changed since it was read last: reindex, or mend it, first"
    return None


def _edit(db: Database, draft: drafts.Draft, path: str, source: str) -> ArticleText:
    version = drafts.version(db, draft.document_id, draft.revision)
    text = version.text if version else write_article(draft.article, path=path)
    return ArticleText(draft.document_id, draft.article.title, path, text, source, edit=True)

"""Articles back to Markdown files, whatever they came from."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from kb.config import Paths
from kb.errors import StoreError
from kb.ingest.articles import path_of, write_article
from kb.model import Article
from kb.store import database, documents


def export_articles(paths: Paths, folder: Path) -> int:
    """Writes every article that is not retired to `folder/ID.md`; returns how many. Raises StoreError, IndexMissing."""
    db = database.open_for_reading(paths.database)
    count = 0
    with closing(db), database.explained(paths.database):
        for state, document in documents.current(db):
            if isinstance(document, Article) and state.status != "retired":
                _write(folder, document)
                count += 1
    return count


def _write(folder: Path, article: Article) -> None:
    file = folder / path_of(article.id)
    if not file.resolve().is_relative_to(folder.resolve()):
        raise StoreError(f"{article.id!r} leads outside {folder}: give the article another id")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(write_article(article), "utf-8", newline="\n")
    except OSError as error:
        raise StoreError(f"{file}: cannot be written: {error.strerror}") from error

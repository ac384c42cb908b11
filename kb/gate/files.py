"""Edited files as the changes that they are: each the article that its place or its front matter names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kb.config import Paths, Settings, zone
from kb.editing.gating import Change
from kb.ingest.articles import SourceFile, read_article, read_source


def changes_of(paths: Paths, settings: Settings, files: Sequence[Path]) -> list[Change]:
    """What these files would change. Raises MalformedArticle."""
    return [_change(paths, settings, file.resolve()) for file in files]


def _change(paths: Paths, settings: Settings, file: Path) -> Change:
    root = paths.articles.resolve()
    path = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
    data = read_source(SourceFile(path, file))
    article = read_article(data, path=path, timezone=zone(settings))
    return Change(article.id, data.decode("utf-8"))

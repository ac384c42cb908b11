"""Changes made ready as an import would make them: read, split and embedded, and stored nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.editing.gating import Change
from kb.ingest.articles import MalformedArticle, read_article
from kb.model import Article, Passage, Problem
from kb.preparation import PUBLISHED, Splitter, terms_of
from kb.search.embedding import Embedder
from kb.store import database, documents, passages, vectors
from kb.store.passages import Terms

_GONE: Final = "retired"


@dataclass(frozen=True, slots=True)
class Draft:
    """An article as it would be: the revision that it would get, its passages, and who would find them."""

    article: Article
    revision: int
    passages: tuple[Passage, ...]
    terms: Terms


@dataclass(frozen=True, slots=True)
class Drafts:
    """The articles that would change, and the `(n, dim)` vectors of all of their passages in order."""

    drafts: tuple[Draft, ...]
    vectors: NDArray[np.float32]

    @property
    def ids(self) -> frozenset[str]:
        """The articles'."""
        return frozenset(draft.article.id for draft in self.drafts)


def drafted(paths: Paths, settings: Settings, embedder: Embedder, changes: Sequence[Change]) -> Drafts:
    """What would be another than it is. Raises MalformedArticle, ModelMissing, StoreError."""
    splitter, spec = Splitter(embedder.spec), embedder.spec
    with closing(database.open_for_reading(paths.database)) as db, database.explained(paths.database):
        made = [_draft(db, change, settings, splitter) for change in {c.id: c for c in changes}.values()]
        drafts = tuple(draft for draft in made if draft is not None)
        texts = [passage.embedded for draft in drafts for passage in draft.passages]
        keys = [passages.text_hash(text) for text in texts]
        held = vectors.held(db, spec.fingerprint, keys)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in held}
    held |= dict(zip(missing, embedder.passages(list(missing.values())), strict=True))
    return Drafts(drafts, np.stack([held[key] for key in keys]) if keys else np.zeros((0, spec.dim), np.float32))


def _draft(db: Database, change: Change, settings: Settings, splitter: Splitter) -> Draft | None:
    """None where the article is so already, or neither is nor would be."""
    state = documents.states(db).get(change.id)
    if change.text is not None:
        path = documents.path_of(db, change.id) or f"{change.id}.md"
        article = _read(change, change.text, path, zone(settings))
    elif state is None or state.kind != "article":
        return None
    else:
        held = documents.read(db, state.id, state.revision)
        assert isinstance(held, Article)  # noqa: S101 - its kind says so
        article = replace(held, status=_GONE)
    same = state is not None and documents.content_hash(article) == state.content_hash
    if state is not None and same and article.status == state.status:
        return None
    revision = 1 if state is None else state.revision + (not same)
    split = splitter.passages_of(article) if article.status == PUBLISHED else ()
    return Draft(article, revision, split, terms_of(article, settings.ticket_months))


def _read(change: Change, text: str, path: str, timezone: tzinfo) -> Article:
    article = read_article(text.encode(), path=path, timezone=timezone)
    if article.id != change.id:
        message = f"found {article.id!r}; accepted here is {change.id!r}, the article that is changed"
        raise MalformedArticle([Problem(path, None, "id", message)])
    return article

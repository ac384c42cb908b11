"""One article as one caller may read it: of the state that search sees, valid now, in the rendering that is theirs."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from kb.answer.citations import document_url as document_url
from kb.errors import NotShown
from kb.ingest.articles import path_of
from kb.ingest.plaintext import plain_text
from kb.ingest.rendering import public_rendering
from kb.knowledge import KnowledgeBase
from kb.model import AGENT, EVERY, Action, Article, Kind
from kb.search.catalogue import Scope

_SUMMARY = 160
"""Characters that a search engine shows."""


@dataclass(frozen=True, slots=True)
class ShownArticle:
    """An article; `body` is Markdown, without `::: agent` blocks for who may not see them.

    Citations of this `revision` are spans of this `body`. `changed` is when that was stored (ISO 8601).
    """

    document_id: str
    revision: int
    title: str
    language: str
    body: str
    url: str | None
    audience: tuple[str, ...]
    product: str | None
    category: str | None
    tags: tuple[str, ...]
    urgent: bool
    actions: tuple[Action, ...]
    changed: str


def article(kb: KnowledgeBase, document_id: str, audiences: Collection[str]) -> ShownArticle:
    """The article of an id. Raises NotShown where there is none that these audiences may read now."""
    names = held(kb, audiences)
    revision = live_revision(kb, document_id, names)
    if revision is None:
        raise NotShown("there is no such article that you may read: check its id")
    found = kb.reader.document(document_id, revision)
    assert isinstance(found, Article)  # noqa: S101 - its kind is that of its rows
    body = found.body if AGENT in names else public_rendering(found.body).body
    return ShownArticle(
        document_id, revision, found.title, found.language, body, document_url(document_id, "article"), found.audience,
        found.product, found.category, found.tags, found.urgent, found.actions,
        kb.reader.changed_at(document_id, revision),
    )  # fmt: skip


def place(kb: KnowledgeBase, document_id: str) -> str:
    """Where an article's file is under `articles/`, or would be."""
    return kb.reader.path_of(document_id) or path_of(document_id)


def summary(shown: ShownArticle) -> str:
    """How an article begins, for lists of results."""
    text = " ".join(plain_text(shown.body).split())
    return text if len(text) <= _SUMMARY else text[: _SUMMARY - 1].rstrip() + "…"


def live_revision(
    kb: KnowledgeBase, document_id: str, audiences: Collection[str], kind: Kind = "article"
) -> int | None:
    """The revision of an article, or ticket, that these audiences may read now; None where they may read none."""
    view = kb.reader.view
    places = view.catalogue.rows_of([document_id])
    shown = places[view.allowed(Scope(held(kb, audiences), time.time()), kind)[places]]
    if not len(shown):
        return None
    row = int(view.catalogue.ids[shown[0]])
    return next((passage.revision for passage in kb.reader.fetch([row]).values()), None)


def held(kb: KnowledgeBase, audiences: Collection[str]) -> frozenset[str]:
    return frozenset(audiences) | (kb.reader.view.catalogue.audiences if EVERY in audiences else frozenset())

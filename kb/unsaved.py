"""An article that is not stored yet, as the index would take it."""

from __future__ import annotations

from kb.ingest.passages import split_article
from kb.knowledge import KnowledgeBase
from kb.model import Article, Passage
from kb.preparation import BUDGET


def passages_of(kb: KnowledgeBase, article: Article) -> tuple[Passage, ...]:
    """The passages that an article would have in this knowledge base. Raises ModelMissing, InputError."""
    tokens = kb.tokens
    return split_article(article, count_tokens=tokens.count, budget=min(BUDGET, tokens.room()))

"""Knowledge bases opened for measuring, in this process, with the questions embedded many at a time.

One by one, embedding takes most of a run; nothing else differs from what `kb search` and `kb ask` do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.config import Paths, load_settings
from kb.evaluation.golden import GoldenQuestion
from kb.evaluation.replay import audiences_of
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search.embedding import Embedder

BATCH = 64


def opened(home: Path, embedder: Embedder | None = None) -> KnowledgeBase:
    """The knowledge base of a home at its own settings, with the loaded model of another where given."""
    return KnowledgeBase(Paths(home), load_settings(home, {}, {}), embedder=embedder)


def asked(golden: GoldenQuestion, **narrowed: Any) -> Ask:
    """A golden question as the public asks it, or as its own audience does; `narrowed` filters what is searched."""
    return Ask(golden.question, golden.conversation, audiences_of(golden.audience or ("public",)), **narrowed)


def embed_ahead(kb: KnowledgeBase, asks: Iterable[Ask]) -> None:
    """Embeds all that these questions need in batches, so that `kb` then only looks it up."""
    needed: dict[str, None] = {}
    nowhere = np.zeros(0, np.float32)

    def note(text: str) -> NDArray[np.float32]:
        needed.setdefault(text)
        return nowhere

    embed, kb._vector = kb._vector, note  # type: ignore[assignment]
    for ask in asks:
        kb.question(ask)  # it is mended before it is embedded
    held = _vectors(kb._embedder, sorted(needed, key=len))
    kb._vector = lambda text: held[text] if text in held else embed(text)  # type: ignore[assignment]


def _vectors(embedder: Embedder, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return {text: vector for batch in batches for text, vector in zip(batch, embedder.queries(batch), strict=True)}

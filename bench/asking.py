"""Knowledge bases opened for measuring, in this process, with the questions embedded many at a time.

One by one, embedding takes most of a run; nothing else differs from what `kb search` and `kb ask` do.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
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
SEED = 20261124
Held = dict[str, NDArray[np.float32]]
"""Vectors by text."""


def opened(home: Path, embedder: Embedder | None = None) -> KnowledgeBase:
    """The knowledge base of a home at its own settings, with the loaded model of another where given."""
    return KnowledgeBase(Paths(home), load_settings(home, {}, {}), embedder=embedder)


def asked(golden: GoldenQuestion, *, question: str | None = None, **narrowed: Any) -> Ask:
    """A golden question, or `question` in its place, as the public asks it, or as its own audience does.

    `narrowed` filters what is searched.
    """
    audiences = audiences_of(golden.audience or ("public",))
    return Ask(question or golden.question, golden.conversation, audiences, **narrowed)


def embed_ahead(kb: KnowledgeBase, asks: Iterable[Ask], held: Held | None = None) -> None:
    """Embeds all that these questions need in batches, so that `kb` then only looks it up; `held` is added to."""
    needed: dict[str, None] = {}
    nowhere = np.zeros(kb._embedder.spec.dim, np.float32)

    def note(text: str) -> NDArray[np.float32]:
        needed.setdefault(text)
        return nowhere

    embed, kb._vector = kb._vector, note  # type: ignore[assignment]
    for ask in asks:
        kb.question(ask)  # it is mended before it is embedded
    known = {} if held is None else held
    known |= _vectors(kb._embedder, sorted(needed.keys() - known.keys(), key=lambda text: (len(text), text)))
    kb._vector = lambda text: known[text] if text in known else embed(text)  # type: ignore[assignment]


def rank(kb: KnowledgeBase, ask: Ask, expected: Collection[str], depth: int) -> float:
    """The rank, from 1, of the first expected document in its lane; infinity where none is among the first `depth`."""
    found = kb.search(ask, depth)
    lanes = ([hit.document_id for hit in lane] for lane in (found.hits, found.tickets))
    return min((n for lane in lanes for n, document in enumerate(lane, 1) if document in expected), default=math.inf)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95% interval of a mean over questions: percentile bootstrap, 10,000 seeded resamples."""
    chance = np.random.default_rng(SEED)
    counts = chance.multinomial(len(values), np.full(len(values), 1 / len(values)), size=10_000)
    low, high = np.percentile(counts @ values / len(values), (2.5, 97.5))
    return float(low), float(high)


def _vectors(embedder: Embedder, texts: Sequence[str]) -> Held:
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return {text: vector for batch in batches for text, vector in zip(batch, embedder.queries(batch), strict=True)}

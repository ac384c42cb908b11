"""Knowledge bases opened for measuring, in this process, and what is asked of them."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.config import Paths, load_settings
from kb.evaluation.golden import GoldenQuestion
from kb.knowledge import KnowledgeBase
from kb.model import audiences_of
from kb.results import Ask
from kb.search.embedding import Embedder
from kb.search.remembered import Remembered

SEED = 20261124


def opened(home: Path, embedder: Embedder | None = None, vectors: Remembered | None = None) -> KnowledgeBase:
    """The knowledge base of a home at its own settings, with the model of another and its vectors where given."""
    kb = KnowledgeBase(Paths(home), load_settings(home, {}, {}), embedder=embedder)
    kb._vectors = vectors or kb._vectors
    return kb


def asked(golden: GoldenQuestion, *, question: str | None = None, **narrowed: Any) -> Ask:
    """A golden question, or `question` in its place, as the public asks it, or as its own audience does.

    `narrowed` filters what is searched.
    """
    audiences = audiences_of(golden.audience or ("public",))
    return Ask(question or golden.question, golden.conversation, audiences, **narrowed)


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

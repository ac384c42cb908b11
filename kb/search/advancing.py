"""A view moved on by edits: what changed since, whoever gathered it, beside what it holds already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kb.model import Access, Article
from kb.search import forward
from kb.search.analysis import analysed
from kb.search.keywords import Snapshot
from kb.search.view import View


@dataclass(frozen=True, slots=True)
class Edits:
    """What came and went until `change`, which `keywords` hold.

    `added` are rows in order of id, with the `texts` that the indexes see of them and their `(n, dim)` vectors;
    `removed` are `(id, change)`, `withdrawn` ids that no list may show any more; `declaring` those of the `changed`
    documents that say when they answer.
    """

    change: int
    keywords: Snapshot
    added: Sequence[Access]
    texts: Sequence[str]
    vectors: NDArray[np.float32]
    removed: Sequence[tuple[int, int]]
    withdrawn: Sequence[int]
    changed: Sequence[str]
    declaring: Sequence[Article]


def advanced(view: View, edits: Edits) -> View:
    """The view once these edits are in it."""
    rows = view.catalogue.extended(edits.added).without(edits.removed)
    fresh = [analysed(access, embedded) for access, embedded in zip(edits.added, edits.texts, strict=True)]
    return replace(
        view,
        change=edits.change,
        catalogue=rows,
        keywords=edits.keywords,
        hidden=rows.positions(edits.withdrawn)[0],
        vectors=view.vectors.extended(edits.vectors),
        forward=view.forward.extended(forward.record(passage.parts) for passage in fresh),
        vocabulary=view.vocabulary.extended(fresh),
        exclusions=view.exclusions.following(edits.changed, edits.declaring),
    )

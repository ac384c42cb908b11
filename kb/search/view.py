"""One consistent state of everything searched: the rows of one change, in both lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.model import Kind
from kb.search.catalogue import Catalogue, Scope
from kb.search.fusion import Candidate, KeywordHit, fuse
from kb.search.generation import Manifest
from kb.search.keywords import Snapshot
from kb.search.terms import question_terms
from kb.search.vectors import Vectors

DEPTH = 50
"""Rows that each list contributes to the fusion."""


@dataclass(frozen=True, slots=True)
class View:
    """The rows visible at `change`; `hidden` are positions withdrawn since, which no list may show."""

    manifest: Manifest
    change: int
    catalogue: Catalogue
    vectors: Vectors
    keywords: Snapshot
    hidden: NDArray[np.int64]

    def allowed(self, scope: Scope, kind: Kind) -> NDArray[np.bool_]:
        """`(n,)` bool by position: what `scope` may find among `kind`."""
        mask = self.catalogue.mask(scope, kind, self.change)
        mask[self.hidden] = False
        return mask

    def shows(self, rows: Sequence[int], allowed: NDArray[np.bool_]) -> list[bool]:
        """Whether each row is among those `allowed`."""
        positions, known = self.catalogue.positions(rows)
        shown = np.zeros(len(rows), bool)
        shown[known] = allowed[positions]
        return [bool(value) for value in shown]

    def candidates(
        self, query: NDArray[np.float32], question: str, said: str, scope: Scope, kind: Kind, *, in_chinese: bool
    ) -> list[Candidate]:
        """The fused list for a question, best first.

        `said` is the question with what was said before it, `query` its `(dim,)` vector; `in_chinese` is who asks.
        """
        allowed = self.allowed(scope, kind)
        if not allowed.any():
            return []
        places, cosines = self.vectors.search(query, allowed, DEPTH)
        near = [(int(self.catalogue.ids[place]), float(cosine)) for place, cosine in zip(places, cosines, strict=True)]
        found = self._keyword_list(question_terms(said), scope, kind, allowed)
        exact = self._exact(question, scope, kind, allowed)
        rows = [*(row for row, _ in near), *(hit.row for hit in found), *exact]
        place_of = dict(zip(rows, map(int, self.catalogue.positions(rows)[0]), strict=True))
        return fuse(
            near,
            found,
            {row: self.catalogue.documents[place] for row, place in place_of.items()},
            exact=exact,
            is_foreign=lambda row: self.catalogue.language(place_of[row]).startswith("zh") != in_chinese,
            k=2 * DEPTH,
        )

    def _exact(self, question: str, scope: Scope, kind: Kind, allowed: NDArray[np.bool_]) -> list[int]:
        """Rows whose title or curated question is the question itself."""
        rows = [
            row for lane in self.keywords.visible_to(scope, kind) for row in lane.asked(question, scope, kind, DEPTH)
        ]
        return [row for row, shown in zip(rows, self.shows(rows, allowed), strict=True) if shown]

    def _keyword_list(
        self, words: Sequence[str], scope: Scope, kind: Kind, allowed: NDArray[np.bool_]
    ) -> list[KeywordHit]:
        """The lanes' lists as one, each row by its share of what the words could reach in its lane."""
        depth = DEPTH + len(self.hidden)  # so that a row withdrawn a moment ago costs no other its place
        hits: list[KeywordHit] = []
        for lane in self.keywords.visible_to(scope, kind):
            ids, scores = lane.search(words, scope, kind, depth)
            places, known = self.catalogue.positions([int(id_) for id_ in ids])
            shown, ceiling = allowed[places], lane.ceiling(words)
            found = zip(ids[known][shown], scores[known][shown], strict=True)
            hits += [KeywordHit(int(row), float(score), float(score) / ceiling) for row, score in found]
        return sorted(hits, key=lambda hit: (-hit.share, hit.row))[:DEPTH]

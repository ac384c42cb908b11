"""By what a search can be narrowed: the products, languages and tags of what an audience may find now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import get_args

from kb import library
from kb.knowledge import KnowledgeBase
from kb.model import Kind
from kb.search.catalogue import Scope

_HELD = 64
"""Sets of audiences, of which a centre has a few."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What there is, the most used first; `languages` without script and region, by which nothing is narrowed."""

    products: tuple[str, ...]
    languages: tuple[str, ...]
    tags: tuple[str, ...]


class Facets:
    """Read anew when something has changed, or becomes valid or ceases to be."""

    def __init__(self) -> None:
        self._known: dict[frozenset[str], tuple[Hashable, Narrowing]] = {}

    def of(self, kb: KnowledgeBase, audiences: frozenset[str]) -> Narrowing:
        """By what these audiences can narrow a search, of articles and tickets."""
        view, now = kb.reader.view, time.time()
        state = (view.manifest.generation, view.change, view.catalogue.epoch(now))
        known = self._known.get(audiences)
        if known is None or known[0] != state:
            if len(self._known) >= _HELD:
                self._known.clear()
            scope = Scope(library.held(kb, audiences), now)
            known = self._known[audiences] = (state, _narrowing(kb, scope))
        return known[1]


def _narrowing(kb: KnowledgeBase, scope: Scope) -> Narrowing:
    products, languages, tags = Counter[str](), Counter[str](), Counter[str]()
    for kind in get_args(Kind):
        for entry, rows in kb.reader.view.entries(scope, kind):
            languages[entry.language.split("-")[0]] += rows
            if entry.product is not None:
                products[entry.product] += rows
            for tag in entry.tags:
                tags[tag] += rows
    return Narrowing(*(tuple(name for name, _ in counts.most_common()) for counts in (products, languages, tags)))

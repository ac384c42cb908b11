"""What there is to read, by category and language: the titles of the articles that an audience may find now."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

from kb.knowledge import KnowledgeBase
from kb.model import PUBLIC
from kb.search.catalogue import Scope
from kb.search.view import View
from kb.store.documents import Titled


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category and its articles, by title; `name` is None for those without a category."""

    name: str | None
    articles: tuple[Titled, ...]


_ROWS_OF_ONE = 64
"""Passages of an article whose meaning is averaged: a longer one has said by then what it is about."""
_NEAR, _MOST, _REMEMBERED = 100, 5, 4_096


class Shelves:
    """Those for the public; read anew when something has changed, or becomes valid or ceases to be."""

    def __init__(self) -> None:
        self._held: tuple[Hashable, tuple[Titled, ...]] = (None, ())
        self._related: tuple[Hashable, dict[str, tuple[Titled, ...]]] = (None, {})

    def articles(self, kb: KnowledgeBase) -> tuple[Titled, ...]:
        """Every article that anybody may read now, in order of id."""
        view, now = kb.reader.view, time.time()
        state = _state(view, now)
        if self._held[0] != state:
            mask = view.allowed(Scope(frozenset({PUBLIC}), now), "article")
            shown = {view.catalogue.names[int(number)] for number in np.unique(view.catalogue.documents[mask])}
            self._held = (state, tuple(one for one in kb.reader.titles() if one.id in shown))
        return self._held[1]

    def by_category(self, kb: KnowledgeBase, language: str) -> tuple[Shelf, ...]:
        """Those in a language (`zh` is any Chinese), the fullest category first."""
        return _shelved(one for one in self.articles(kb) if one.language.split("-")[0] == language)

    def family(self, kb: KnowledgeBase, document_id: str) -> tuple[Titled, ...]:
        """An article and what it is translated from or into, in order of id; none where nobody may read it."""
        articles = self.articles(kb)
        of = next((one.translation_of or one.id for one in articles if one.id == document_id), None)
        return tuple(one for one in articles if of is not None and of in (one.id, one.translation_of))

    def related(self, kb: KnowledgeBase, document_id: str) -> tuple[Titled, ...]:
        """The articles nearest in meaning in the same language, best first; none of one that nobody may read.

        The mean of its passages' vectors against every public passage: under a millisecond where it is exact.
        """
        view, now = kb.reader.view, time.time()
        state = _state(view, now)
        if self._related[0] != state or len(self._related[1]) >= _REMEMBERED:
            self._related = (state, {})
        known = self._related[1]
        if document_id not in known:
            known[document_id] = self._near(kb, view, document_id, now)
        return known[document_id]

    def _near(self, kb: KnowledgeBase, view: View, document_id: str, now: float) -> tuple[Titled, ...]:
        titles = {one.id: one for one in self.articles(kb)}
        if (own := titles.get(document_id)) is None:
            return ()
        selected = view.selected(Scope(frozenset({PUBLIC}), now, language=own.language), "article")
        places = view.catalogue.rows_of([document_id])
        places = places[selected.mask[places]][:_ROWS_OF_ONE]
        if not len(places):
            return ()
        mean = view.vectors.at(places).mean(axis=0)
        near, _ = view.vectors.search(mean / (np.linalg.norm(mean) or 1.0), selected, _NEAR)
        found = dict.fromkeys(view.catalogue.document(int(place)) for place in near)
        kin = {one.id for one in self.family(kb, document_id)}
        return tuple(titles[id_] for id_ in found if id_ in titles and id_ not in kin)[:_MOST]


def _state(view: View, now: float) -> Hashable:
    return view.manifest.generation, view.change, view.catalogue.epoch(now)


def _shelved(articles: Iterable[Titled]) -> tuple[Shelf, ...]:
    found: dict[str | None, list[Titled]] = {}
    for one in articles:
        found.setdefault(one.category, []).append(one)
    ordered = sorted(found.items(), key=lambda item: (item[0] is None, -len(item[1]), item[0] or ""))
    return tuple(Shelf(name, tuple(sorted(held, key=lambda one: one.title))) for name, held in ordered)

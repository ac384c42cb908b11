"""What there is to read, by category and language: the titles of the articles that an audience may find now."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class _Held:
    """What anybody may read in one state of the index; `related` grows as articles are looked at."""

    state: Hashable
    articles: dict[str, Titled]
    families: dict[str, tuple[Titled, ...]]
    related: dict[str, tuple[Titled, ...]] = field(default_factory=dict)


class Shelves:
    """Those for the public; read anew when something has changed, or becomes valid or ceases to be."""

    def __init__(self) -> None:
        self._held = _Held(None, {}, {})

    def articles(self, kb: KnowledgeBase) -> tuple[Titled, ...]:
        """Every article that anybody may read now, in order of id."""
        return tuple(self._now(kb, kb.reader.view).articles.values())

    def by_category(self, kb: KnowledgeBase, language: str) -> tuple[Shelf, ...]:
        """Those in a language (`zh` is any Chinese), the fullest category first."""
        return _shelved(one for one in self.articles(kb) if one.language.split("-")[0] == language)

    def named(self, kb: KnowledgeBase, document_id: str) -> Titled | None:
        """The article of an id; None where nobody may read it."""
        return self._now(kb, kb.reader.view).articles.get(document_id)

    def family(self, kb: KnowledgeBase, document_id: str) -> tuple[Titled, ...]:
        """An article and what it is translated from or into, in order of id; none where nobody may read it."""
        held = self._now(kb, kb.reader.view)
        one = held.articles.get(document_id)
        return () if one is None else held.families[_root(one)]

    def related(self, kb: KnowledgeBase, document_id: str) -> tuple[Titled, ...]:
        """The articles nearest in meaning in the same language, best first; none of one that nobody may read.

        The mean of its passages' vectors against every public passage: under a millisecond where that is exact.
        """
        view = kb.reader.view
        held = self._now(kb, view)
        if document_id not in held.related:
            if len(held.related) >= _REMEMBERED:
                held.related.clear()
            held.related[document_id] = _near(view, held, document_id)
        return held.related.get(document_id, ())

    def _now(self, kb: KnowledgeBase, view: View) -> _Held:
        now, held = time.time(), self._held
        state = (view.manifest.generation, view.change, view.catalogue.epoch(now))
        if held.state != state:
            mask = view.allowed(Scope(frozenset({PUBLIC}), now), "article")
            shown = {view.catalogue.names[int(number)] for number in np.unique(view.catalogue.documents[mask])}
            articles = {one.id: one for one in kb.reader.titles() if one.id in shown}
            families: dict[str, tuple[Titled, ...]] = {}
            for one in articles.values():
                families[_root(one)] = (*families.get(_root(one), ()), one)
            held = self._held = _Held(state, articles, families)
        return held


def _root(article: Titled) -> str:
    return article.translation_of or article.id


def _near(view: View, held: _Held, document_id: str) -> tuple[Titled, ...]:
    if (own := held.articles.get(document_id)) is None:
        return ()
    selected = view.selected(Scope(frozenset({PUBLIC}), time.time(), language=own.language), "article")
    places = view.catalogue.rows_of([document_id])
    places = places[selected.mask[places]][:_ROWS_OF_ONE]
    if not len(places):
        return ()
    mean = view.vectors.at(places).mean(axis=0)
    near, _ = view.vectors.search(mean / (np.linalg.norm(mean) or 1.0), selected, _NEAR)
    found = dict.fromkeys(view.catalogue.document(int(place)) for place in near)
    kin = held.families[_root(own)]
    return tuple(held.articles[id_] for id_ in found if id_ in held.articles and held.articles[id_] not in kin)[:_MOST]


def _shelved(articles: Iterable[Titled]) -> tuple[Shelf, ...]:
    found: dict[str | None, list[Titled]] = {}
    for one in articles:
        found.setdefault(one.category, []).append(one)
    ordered = sorted(found.items(), key=lambda item: (item[0] is None, -len(item[1]), item[0] or ""))
    return tuple(Shelf(name, tuple(sorted(held, key=lambda one: one.title))) for name, held in ordered)

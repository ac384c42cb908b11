"""The variants of a code: the visible articles of several products that hold it, and which one a question means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kb.model import Article
from kb.reader import Reads
from kb.results import Option
from kb.search import products
from kb.search.catalogue import Scope
from kb.search.codes import codes, parts, pieces, without_codes
from kb.search.evidence import Evidence
from kb.search.features import NAMES
from kb.search.products import Alternatives, Names
from kb.search.view import View

_MOST = 400
"""Passages of a product that a question is compared with."""
_IDENTIFIER = NAMES.index("identifier")
Embed = Callable[[str], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Variant:
    """A product's articles that hold the code. `products` are its names in several languages, where they differ."""

    product: str
    products: frozenset[str]
    articles: tuple[Article, ...]
    places: tuple[int, ...]
    """Positions of the passages that hold a code."""

    def article(self, language: str) -> Article:
        """The one to show to a speaker of a language."""
        near = (language, language.split("-")[0], "")
        return min(self.articles, key=lambda a: [not a.language.startswith(tag) for tag in near])


@dataclass(frozen=True, slots=True)
class Contest:
    """Codes that several products have; `chosen` is the product that the question means, where it says so."""

    codes: tuple[str, ...]
    variants: tuple[Variant, ...]
    names: Names
    chosen: str | None = None

    @property
    def rivals(self) -> frozenset[str]:
        """The products that the question does not mean; none where nobody knows."""
        if self.chosen is None:
            return frozenset()
        return frozenset().union(*(v.products for v in self.variants if v.product != self.chosen))

    def options(self, language: str) -> tuple[Option, ...]:
        """What to ask back, one a product."""
        shown = [(v.product, v.article(language)) for v in self.variants]
        return tuple(Option(article.title, product, article.id) for product, article in shown)

    def holds(self, document_id: str) -> bool:
        """Whether a document is an article of a product that has the code."""
        return any(a.id == document_id for v in self.variants for a in v.articles)

    def weighed(self, evidence: Evidence, fused: NDArray[np.float64], bonus: float) -> NDArray[np.float64]:
        """Fused scores with the passages of the product that is meant before those of others.

        `bonus` is what holding every code asked for is worth.
        """
        meant, others = (np.isin(evidence.places, self._places(meant=m)) for m in (True, False))
        held = evidence.signs[:, _IDENTIFIER]
        return np.asarray(fused + bonus * (meant * (1.0 - held) - others)) if self.chosen else fused

    def first(self, evidence: Evidence, ordered: Sequence[int]) -> list[int]:
        """Candidates, best first, with the passages that hold the code of the product that is meant before all."""
        meant = set(self._places(meant=True)) if self.chosen else set()
        return sorted(ordered, key=lambda i: evidence.places[i] not in meant)

    def unnamed(self, words: Sequence[str]) -> list[str]:
        """The terms of a question without those that name the product: what its passages are then asked for."""
        if self.chosen is None:
            return list(words)
        named = {word for word in words if self.names.of.get(word) == self.chosen}
        named |= {part for word in named for part in pieces(word)}
        return [word for word in words if word not in named]

    def spread(self, documents: Sequence[str]) -> list[str]:
        """Documents, best first, with the best one of each product before all others where none is meant."""
        if self.chosen is not None:
            return list(documents)
        own = {a.id: v.product for v in self.variants for a in v.articles}
        firsts = {own[id_]: id_ for id_ in reversed(documents) if id_ in own}
        return sorted(documents, key=lambda id_: id_ not in firsts.values())

    @property
    def held(self) -> list[int]:
        """Positions of all passages that hold a code."""
        return [place for variant in self.variants for place in variant.places]

    def _places(self, *, meant: bool) -> list[int]:
        """Positions of the passages that hold a code: of the chosen product, or of the others."""
        return [place for v in self.variants if (v.product == self.chosen) is meant for place in v.places]


class Contests:
    """Finds contests among what one asker may see in one view.

    `ways` lead from a text's terms to others of the same meaning, the surest first.
    `embed` is None where the vectors are of another model than `products.NEARER` was measured with.
    """

    def __init__(
        self, view: View, reader: Reads, scope: Scope, ways: Sequence[Alternatives], embed: Embed | None
    ) -> None:
        self._view, self._reader, self._scope = view, reader, scope
        self._ways, self._embed = ways, embed
        self._selected = view.selected(scope, "article")

    def of(self, question: str, earlier: Sequence[str]) -> Contest | None:
        """The contest that a question starts, with the product it means; None where no code is contested."""
        if self._view.catalogue.products < 2 or not (held := self._held(codes(question))):
            return None
        every = self._variants(sorted({place for places in held.values() for place in places}))
        holding = {code: [v for v in every if not set(places).isdisjoint(v.places)] for code, places in held.items()}
        named = products.names((v.product, a) for v in every for a in v.articles)
        asked = [code for code, found in holding.items() if len(found) > 1 and code not in named.models]
        if not asked:
            return None
        return self._settled(question, earlier, self._contest(asked, held, holding))

    def _contest(self, asked: Sequence[str], held: dict[str, list[int]], holding: dict[str, list[Variant]]) -> Contest:
        """Between the products that have all of the codes, or else any of them."""
        every = {v.product: v for code in asked for v in holding[code]}
        common = {p: v for p, v in every.items() if all(v in holding[code] for code in asked)} or every
        here = {place for code in asked for place in held[code]}
        variants = tuple(self._at(v, here) for v in common.values())
        known = products.names((v.product, article) for v in variants for article in v.articles)
        owners = {code: [v.product for v in holding[code] if v.product in common] for code in held if code not in asked}
        known = known.but(asked, {code: found[0] for code, found in owners.items() if len(found) == 1})
        return Contest(tuple(asked), variants, known, variants[0].product if len(variants) == 1 else None)

    def _at(self, variant: Variant, here: set[int]) -> Variant:
        """A variant by those of its passages that hold a contested code."""
        places = tuple(place for place in variant.places if place in here)
        own = set(map(self._view.catalogue.document, places))
        return replace(variant, places=places, articles=tuple(a for a in variant.articles if a.id in own))

    def _settled(self, question: str, earlier: Sequence[str], contest: Contest) -> Contest:
        if contest.chosen is not None:
            return contest
        known = products.named(question, earlier, contest.codes, contest.names, self._ways)
        if known is None and self._embed is not None:
            known = self._described(question, contest, self._embed)
        return replace(contest, chosen=known)

    def reply(self, question: str, before: str, earlier: Sequence[str]) -> bool:
        """Whether a text does nothing but name the product that the turn before it left open."""
        left = self.of(before, earlier)
        return left is not None and left.chosen is None and left.names.only(question, *self._ways) is not None

    def _held(self, asked: Iterable[str]) -> dict[str, list[int]]:
        """Positions of the visible passages that hold each code, or the parts of one that none holds (`E3/E5`)."""
        held: dict[str, list[int]] = {}
        for code in asked:
            places = self._view.holding(code, self._scope, self._selected)
            inner = [] if places else parts(code)
            held |= {code: places} if places else {p: self._view.holding(p, self._scope, self._selected) for p in inner}
        return {code: places for code, places in held.items() if places}

    def _variants(self, places: Sequence[int]) -> list[Variant]:
        """The articles behind some passages by product; those that are translations of each other are of one."""
        first = {self._view.catalogue.document(place): place for place in reversed(places)}
        rows = self._reader.fetch([int(self._view.catalogue.ids[place]) for place in first.values()])
        read = [self._reader.document(p.document_id, p.revision) for p in rows.values()]
        articles = {a.id: a for a in read if isinstance(a, Article)}
        found: dict[str, Variant] = {}
        for product, members in products.grouped(articles).items():
            own = tuple(place for place in places if self._view.catalogue.document(place) in members)
            called = frozenset(a.product for a in members.values() if a.product)
            found[product] = Variant(product, called, tuple(members.values()), own)
        return list(found.values())

    def _described(self, question: str, contest: Contest, embed: Embed) -> str | None:
        text = without_codes(question, contest.codes)
        if not products.says_more(text):
            return None
        vectors = {v.product: self._view.vectors.at(self._passages(v)) for v in contest.variants}
        return products.described(embed(text), vectors)

    def _passages(self, variant: Variant) -> list[int]:
        """Positions of the visible passages of a variant's articles."""
        own, named = {a.id for a in variant.articles}, self._view.catalogue.document
        return [p for p in self._view.of_products(variant.products, self._selected.mask) if named(p) in own][:_MOST]

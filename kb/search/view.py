"""One consistent state of everything searched: the rows of one change, in both lists."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kb.model import PUBLIC, Kind
from kb.search.catalogue import Catalogue, Entry, Scope
from kb.search.evidence import Evidence
from kb.search.exclusions import NOTHING, Exclusions
from kb.search.features import NAMES, NARROW, Lists, features
from kb.search.fields import lane_of, within
from kb.search.forward import Forward
from kb.search.generation import Manifest
from kb.search.grouping import roots
from kb.search.keywords import Lane, Snapshot
from kb.search.language import FOREIGN
from kb.search.lexicon import Lexicon
from kb.search.names import Chosen
from kb.search.vectors import Selection, Vectors
from kb.search.vocabulary import Vocabulary
from kb.search.wording import Concept, wanted
from kb.stages import KEYWORDS, VECTORS, Stages

DEPTH = 50
"""Rows that each list contributes to the fusion."""
_FEW = 0.5
"""The share of a lane's rows that are left out after the search sooner than by a filter in it."""
_DEEPER = 4
_REMEMBERED = 32  # selections
HOLDING = 400
"""Passages that are looked at for who holds a code."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question ready to be looked for: its concepts and `(dim,)` vectors, with what was said before and alone.

    `speaks` is the asker's language, a BCP 47 tag.
    """

    question: str
    said: tuple[Concept, ...]
    vector: NDArray[np.float32]
    last: tuple[Concept, ...]
    last_vector: NDArray[np.float32]
    speaks: str
    follow_up: bool


@dataclass(frozen=True, slots=True)
class View:
    """The rows visible at `change`; `hidden` are positions withdrawn since, which no list may show."""

    manifest: Manifest
    change: int
    catalogue: Catalogue
    vectors: Vectors
    keywords: Snapshot
    forward: Forward
    vocabulary: Vocabulary
    hidden: NDArray[np.int64]
    exclusions: Exclusions = NOTHING
    _selections: dict[Hashable, Selection] = field(init=False, default_factory=dict, repr=False, compare=False)

    def lexicon(self, audiences: frozenset[str]) -> Lexicon:
        """The words that what these audiences may find is written with.

        Where there is an article that they may not find, those of public ones alone: a slip mended to a word of it
        would give it away.
        """
        return self.vocabulary.lexicons[audiences != {PUBLIC} and self.catalogue.every_article_is_for(audiences)]

    def allowed(self, scope: Scope, kind: Kind) -> NDArray[np.bool_]:
        """`(n,)` bool by position: what `scope` may find among `kind`."""
        return self.selected(scope, kind).mask

    def selected(self, scope: Scope, kind: Kind) -> Selection:
        """What `scope` may find among `kind`, ready for the vector list."""
        name = (kind, self.catalogue.epoch(scope.now), scope.terms)
        if (held := self._selections.get(name)) is None:
            if len(self._selections) >= _REMEMBERED:  # callers choose products and tags
                self._selections.clear()
            mask = self.catalogue.mask(scope, kind, self.change)
            mask[self.hidden] = False
            mask.setflags(write=False)
            held = self._selections[name] = self.vectors.select(mask)
        if not scope.not_rows:
            return held
        mask = held.mask.copy()
        mask[self.catalogue.positions(scope.not_rows)[0]] = False
        return self.vectors.select(mask)

    def entries(self, scope: Scope, kind: Kind) -> list[tuple[Entry, int]]:
        """What rows that `scope` may find among `kind` have in common, and of how many of them."""
        found = self.catalogue.terms[self.allowed(scope, kind)]
        counts = np.bincount(found, minlength=len(self.catalogue.distinct))
        return [(self.catalogue.distinct[number], int(counts[number])) for number in np.flatnonzero(counts)]

    def shows(self, rows: Sequence[int], allowed: NDArray[np.bool_]) -> list[bool]:
        """Whether each row is among those `allowed`."""
        positions, known = self.catalogue.positions(rows)
        shown = np.zeros(len(rows), bool)
        shown[known] = allowed[positions]
        return [bool(value) for value in shown]

    def holding(self, term: str, scope: Scope, selected: Selection) -> list[int]:
        """Positions of the `selected` articles' passages that hold a term, the most telling first, `HOLDING` a lane."""
        concept = (Concept(term, (), 0.0),)
        lanes = self.keywords.visible_to(scope, "article")
        return [int(p) for lane in lanes for p in self._lane_list(lane, concept, scope, selected, HOLDING)[0]]

    def rows_of(self, documents: frozenset[str]) -> tuple[int, ...]:
        """The rows of some documents."""
        return tuple(self.catalogue.ids[self.catalogue.rows_of(documents)].tolist()) if documents else ()

    def of_products(self, products: frozenset[str], allowed: NDArray[np.bool_]) -> list[int]:
        """Positions of the `allowed` passages of some products."""
        entries = [number for number, entry in enumerate(self.catalogue.distinct) if entry.product in products]
        return [int(place) for place in np.flatnonzero(allowed & np.isin(self.catalogue.terms, entries))]

    def evidence(
        self, asked: Asked, scope: Scope, kind: Kind, also: Sequence[int] = (), stages: Stages | None = None
    ) -> Evidence | None:
        """What is known of the rows that either list finds for a question, and of those at the positions `also`.

        None where nothing may be found.
        """
        selected = self.selected(scope, kind)
        if selected.nothing:
            return None
        allowed = selected.mask
        worded, shares = self._keyword_list(asked.said, scope, kind, selected)
        titled = self._exact(asked.question, scope, kind, allowed)
        stages = stages or Stages()
        stages.ended(KEYWORDS)
        near, cosines = self.vectors.search(asked.vector, selected, DEPTH)
        stages.ended(VECTORS)
        held = np.array([place for place in also if allowed[place]], np.int64)
        listed = np.unique(np.concatenate([near, worded, titled, held]))
        translated = self._translations(listed, asked, allowed)
        every = np.concatenate([listed, np.array(translated, np.int64)])
        places: list[int] = every.tolist()
        lists = _lists(every, len(listed), near, cosines, worded, shares)
        signs = self._signs(lists, asked.said, asked.speaks)
        self._place(signs, lists, translated, asked.vector)
        alone = signs
        if asked.follow_up:
            alone = self._signs(lists, asked.last, asked.speaks)
            alone[:, 0] = self.vectors.at(places) @ asked.last_vector
        numbers = tuple(self.catalogue.documents[every].tolist())
        unseen = self.keywords.unseen(kind)
        rarity = sum(concept.rarity for concept in asked.last) or 1.0
        return Evidence(
            rows=tuple(self.catalogue.ids[every].tolist()),
            places=tuple(places),
            numbers=numbers,
            documents=Chosen(self.catalogue.names, numbers),
            families=roots(numbers, tuple(self.catalogue.families[every].tolist())),
            distances=tuple(self.catalogue.distances(every, asked.speaks).tolist()),
            exact=np.isin(every, titled) if len(titled) else np.zeros(len(every), bool),
            vector_rank=lists.vector_rank,
            keyword_rank=lists.keyword_rank,
            signs=signs,
            alone=alone,
            words=len(asked.last),
            unseen=sum(concept.rarity for concept in asked.last if concept.rarity >= unseen) / rarity,
            follow_up=asked.follow_up,
        )

    def _signs(self, lists: Lists, asked: Sequence[Concept], speaks: str) -> NDArray[np.float64]:
        in_chinese = speaks.startswith("zh")
        return features(
            lists,
            self.forward,
            wanted(asked),
            is_question=self.catalogue.are_questions(lists.places),
            is_foreign=self.catalogue.are_foreign(lists.places, in_chinese=in_chinese),
        )

    def _translations(self, places: NDArray[np.int64], asked: Asked, allowed: NDArray[np.bool_]) -> list[int]:
        """Of each candidate's translation nearer to the asker's language that no list found, the nearest row."""
        away = self.catalogue.distances(places, asked.speaks)
        if not away.any():
            return []
        families, own = np.unique(self.catalogue.families[places], return_inverse=True)
        nearest = np.full(len(families), FOREIGN, np.int8)
        np.minimum.at(nearest, own, away)
        there = self.catalogue.of_families(families)
        there = there[allowed[there]]
        family = np.searchsorted(families, self.catalogue.families[there])
        closer = self.catalogue.distances(there, asked.speaks) < nearest[family]
        nearer: dict[int, list[int]] = {}
        for place, number in zip(there[closer].tolist(), family[closer].tolist(), strict=True):
            nearer.setdefault(number, []).append(place)
        return [self._best_of(rows, asked) for rows in nearer.values()]

    def _best_of(self, places: Sequence[int], asked: Asked) -> int:
        """The row with the highest cosine among those in the language nearest to the asker's."""
        away = self.catalogue.distances(places, asked.speaks)
        own = np.array(places)[away == away.min()].tolist()
        return int(own[int(np.argmax(self.vectors.at(own) @ asked.vector))])

    def _place(
        self, signs: NDArray[np.float64], lists: Lists, places: Sequence[int], vector: NDArray[np.float32]
    ) -> None:
        """Gives the last rows of `signs`, which no list found, the cosines that they have."""
        if places:
            cosines = self.vectors.at(places) @ vector
            floor = np.nanmin(lists.cosine, initial=1.0)
            signs[-len(places) :, NAMES.index("cosine")] = cosines
            signs[-len(places) :, NAMES.index("nearness")] = (cosines - floor) / NARROW

    def _exact(self, question: str, scope: Scope, kind: Kind, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Positions of the rows whose title or curated question is the question itself."""
        lanes = self.keywords.visible_to(scope, kind)
        rows = [row for lane in lanes for row in lane.asked(question, within(scope, lane.name))]
        places, _ = self.catalogue.positions(rows)
        return places[allowed[places]]

    def _keyword_list(
        self, asked: Sequence[Concept], scope: Scope, kind: Kind, selected: Selection
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The lanes' lists as one: positions, and each row's share in [0, 1] of what the words could reach in its lane.

        Best first.
        """
        found: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        for lane in self.keywords.visible_to(scope, kind):
            places, scores = self._lane_list(lane, asked, scope, selected, DEPTH)
            found.append((places, scores / lane.ceiling(asked)))
        places, shares = (np.concatenate(column) for column in zip(*found, strict=True))
        best = np.lexsort((places, -shares))[:DEPTH]
        return places[best], shares[best]

    def _lane_list(
        self, lane: Lane, asked: Sequence[Concept], scope: Scope, selected: Selection, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Positions and BM25 of the k best selected rows of a lane, best first.

        What few may not find is left out afterwards, from a list that is made deeper until k remain: a filter in the
        query costs several times more. Validity is always judged so: what is not valid now is little.
        """
        left_out = self._left_out(lane, selected)
        narrow = within(scope, lane.name) if left_out > _FEW * len(lane) else None
        depth = k + min(left_out, k)
        while True:
            ids, scores = lane.search(asked, depth, narrow)
            places, known = self.catalogue.positions(ids)
            shown = selected.mask[places]
            if len(ids) < depth or np.count_nonzero(shown) >= k:
                return places[shown][:k], scores[known][shown][:k]
            depth *= _DEEPER

    def _left_out(self, lane: Lane, selected: Selection) -> int:
        """How many rows of a lane the asker may not find."""
        if (known := selected.left_out.get(lane.name)) is None:
            inside = self.catalogue.rows(("lane", lane.name), lambda entry: lane_of(entry) == lane.name)
            outside = inside & (self.catalogue.removed > self.change) & ~selected.mask
            known = selected.left_out[lane.name] = int(np.count_nonzero(outside))
        return known


def _lists(
    places: NDArray[np.int64],
    listed: int,
    near: NDArray[np.int64],
    cosines: NDArray[np.float32],
    worded: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> Lists:
    """What both lists know of the rows at `places`, of which the first `listed` are in order."""
    cosine, vector_rank, share, keyword_rank = (np.full(len(places), np.nan) for _ in range(4))
    here, there = (np.searchsorted(places[:listed], part) for part in (near, worded))
    cosine[here], vector_rank[here] = cosines, np.arange(1, len(here) + 1)
    share[there], keyword_rank[there] = shares, np.arange(1, len(there) + 1)
    return Lists(places, cosine, vector_rank, share, keyword_rank)

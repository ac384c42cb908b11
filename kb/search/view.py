"""One consistent state of everything searched: the rows of one change, in both lists."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kb.model import PUBLIC, Kind
from kb.search.catalogue import Catalogue, Scope
from kb.search.evidence import Evidence
from kb.search.exclusions import NOTHING, Exclusions
from kb.search.features import NAMES, NARROW, Lists, features
from kb.search.forward import Forward
from kb.search.generation import Manifest
from kb.search.grouping import roots
from kb.search.keywords import Lane, Snapshot, lane_of
from kb.search.language import FOREIGN
from kb.search.lexicon import Lexicon
from kb.search.vectors import Vectors
from kb.search.vocabulary import Vocabulary
from kb.search.wording import Concept, wanted

DEPTH = 50
"""Rows that each list contributes to the fusion."""
_FEW = 50
"""Rows of a lane that are left out after the search sooner than by a filter in it, which costs more than they do."""
_REMEMBERED = 32  # masks
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
    _masks: dict[Hashable, NDArray[np.bool_]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def lexicon(self, audiences: frozenset[str]) -> Lexicon:
        """The words that what these audiences may find is written with."""
        return self.vocabulary.lexicons[audiences != {PUBLIC}]

    def allowed(self, scope: Scope, kind: Kind) -> NDArray[np.bool_]:
        """`(n,)` bool by position: what `scope` may find among `kind`."""
        name = (kind, self.catalogue.epoch(scope.now), scope.terms)
        if (mask := self._masks.get(name)) is None:
            if len(self._masks) >= _REMEMBERED:  # callers choose products and tags
                self._masks.clear()
            mask = self.catalogue.mask(scope, kind, self.change)
            mask[self.hidden] = False
            mask.setflags(write=False)
            self._masks[name] = mask
        if scope.not_rows:
            mask = mask.copy()
            mask[self.catalogue.positions(scope.not_rows)[0]] = False
        return mask

    def shows(self, rows: Sequence[int], allowed: NDArray[np.bool_]) -> list[bool]:
        """Whether each row is among those `allowed`."""
        positions, known = self.catalogue.positions(rows)
        shown = np.zeros(len(rows), bool)
        shown[known] = allowed[positions]
        return [bool(value) for value in shown]

    def holding(self, term: str, scope: Scope, allowed: NDArray[np.bool_]) -> list[int]:
        """Positions of the `allowed` articles' passages that hold a term, the most telling first, `HOLDING` a lane."""
        found: list[int] = []
        for lane in self.keywords.visible_to(scope, "article"):
            ids, _ = lane.search((Concept(term, (), 0.0),), scope, "article", HOLDING)
            places, _ = self.catalogue.positions([int(id_) for id_ in ids])
            found += [int(place) for place in places[allowed[places]]]
        return found

    def rows_of(self, documents: frozenset[str]) -> tuple[int, ...]:
        """The rows of some documents."""
        if not documents:
            return ()
        found = [place for place, document in enumerate(self.catalogue.documents) if document in documents]
        return tuple(int(row) for row in self.catalogue.ids[found])

    def of_products(self, products: frozenset[str], allowed: NDArray[np.bool_]) -> list[int]:
        """Positions of the `allowed` passages of some products."""
        entries = [number for number, entry in enumerate(self.catalogue.distinct) if entry.product in products]
        return [int(place) for place in np.flatnonzero(allowed & np.isin(self.catalogue.terms, entries))]

    def evidence(self, asked: Asked, scope: Scope, kind: Kind, also: Sequence[int] = ()) -> Evidence | None:
        """What is known of the rows that either list finds for a question, and of those at the positions `also`.

        None where nothing may be found.
        """
        allowed = self.allowed(scope, kind)
        if not allowed.any():
            return None
        near, cosines = self.vectors.search(asked.vector, allowed, DEPTH)
        worded, shares = self._keyword_list(asked.said, scope, kind, allowed)
        titled = self._exact(asked.question, scope, kind, allowed)
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
        documents = tuple(map(self.catalogue.documents.__getitem__, places))
        unseen = self.keywords.unseen(kind)
        rarity = sum(concept.rarity for concept in asked.last) or 1.0
        return Evidence(
            rows=tuple(self.catalogue.ids[every].tolist()),
            places=tuple(places),
            documents=documents,
            families=roots(documents, list(map(self.catalogue.families.__getitem__, places))),
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
        nearest = np.full(len(self.catalogue.numbering), FOREIGN, np.int8)
        np.minimum.at(nearest, self.catalogue.numbers[places], away)
        there = self.catalogue.of_families(self.catalogue.numbers[places])
        there = there[allowed[there]]
        there = there[self.catalogue.distances(there, asked.speaks) < nearest[self.catalogue.numbers[there]]]
        nearer: dict[int, list[int]] = {}
        for place in there.tolist():
            nearer.setdefault(int(self.catalogue.numbers[place]), []).append(place)
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
        rows = [row for lane in lanes for row in lane.asked(question, scope, kind, DEPTH)]
        places, _ = self.catalogue.positions(rows)
        return places[allowed[places]]

    def _keyword_list(
        self, asked: Sequence[Concept], scope: Scope, kind: Kind, allowed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The lanes' lists as one: positions, and each row's share in [0, 1] of what the words could reach in its lane.

        Best first.
        """
        found: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        for lane in self.keywords.visible_to(scope, kind):
            left_out = self._left_out(lane, allowed)
            filtered = left_out > _FEW
            # Deeper, so that no row takes a place from which it is left out afterwards.
            depth = DEPTH + (len(self.hidden) + len(scope.not_rows) if filtered else left_out)
            ids, scores = lane.search(asked, scope, kind, depth, filtered=filtered)
            places, known = self.catalogue.positions(ids)
            shown = allowed[places]
            found.append((places[shown], scores[known][shown] / lane.ceiling(asked)))
        places, shares = (np.concatenate(column) for column in zip(*found, strict=True))
        best = np.lexsort((places, -shares))[:DEPTH]
        return places[best], shares[best]

    def _left_out(self, lane: Lane, allowed: NDArray[np.bool_]) -> int:
        """How many rows of a lane the asker may not find."""
        inside = self.catalogue.rows(("lane", lane.name), lambda entry: lane_of(entry) == lane.name)
        return int(np.count_nonzero(inside & (self.catalogue.removed > self.change) & ~allowed))


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

"""Which rows a caller may find now: audience, validity and filters as one mask, made before any cut."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kb.model import Access, Kind
from kb.search.language import distance
from kb.search.names import NOBODY, Names

_REMEMBERED = 256
NEVER = np.iinfo(np.int64).max
"""The change that removes a row which nothing has removed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may see and asked for; `now` is seconds since 1970, `audiences` what its key holds."""

    audiences: frozenset[str]
    now: float
    product: str | None = None
    language: str | None = None
    tag: str | None = None
    not_products: frozenset[str] = frozenset()
    """Products that the question does not mean."""
    not_rows: tuple[int, ...] = ()
    """Rows of articles that say they do not answer the question."""
    whenever: bool = False
    """Whether rows count that are not valid now: for an operator's log, never for what an asker is shown."""

    @property
    def terms(self) -> tuple[Hashable, ...]:
        """What decides which kinds of rows are within it, whenever it is asked."""
        return self.audiences, self.product, self.not_products, self.language, self.tag, self.whenever


class Entry(msgspec.Struct, frozen=True):
    """What rows have in common that the same people find for the same reasons."""

    kind: Kind
    audience: tuple[str, ...]
    product: str | None
    language: str
    tags: tuple[str, ...]
    role: str


def entry_of(row: Access) -> Entry:
    """The entry that a row belongs to."""
    return Entry(row.kind, row.audience, row.product, row.language, row.tags, row.role)


@dataclass(frozen=True, slots=True)
class Families:
    """The first rows of a catalogue by the number of their family: `numbers` in order, and the rows' positions."""

    numbers: NDArray[np.int32]
    places: NDArray[np.int32]

    def of(self, wanted: NDArray[np.int32]) -> NDArray[np.int64]:
        """Positions of the rows of some distinct families."""
        first, last = (np.searchsorted(self.numbers, wanted, side) for side in ("left", "right"))
        sizes = last - first
        among = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        return np.asarray(self.places[among], np.int64)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The access terms of every row by position, in order of id: `(n,)` columns.

    `terms[i]` numbers the row's entry of `distinct`, so that a test of sets is done once per distinct entry; what a
    recent test gave is remembered. `documents[i]` and `families[i]` are the numbers of those two in `names`.
    `boundaries` are the times, in order, at which something becomes valid or ceases to be. `grouped` are the rows that
    the generation was built with; of those, the rows of one document lie together.
    """

    ids: NDArray[np.int64]
    terms: NDArray[np.int32]
    valid_from: NDArray[np.float64]
    valid_to: NDArray[np.float64]
    removed: NDArray[np.int64]
    documents: NDArray[np.int32]
    families: NDArray[np.int32]
    names: Names
    distinct: tuple[Entry, ...]
    boundaries: NDArray[np.float64]
    grouped: Families
    _known: dict[Hashable, NDArray[np.int8]] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ids)

    def extended(self, rows: Iterable[Access]) -> Catalogue:
        """This catalogue with more rows at its end."""
        new = list(rows)
        if not new:
            return self
        distinct = dict.fromkeys((*self.distinct, *map(entry_of, new)))
        numbers = {entry: number for number, entry in enumerate(distinct)}
        names = self.names.extended(name for row in new for name in (row.document_id, row.family))
        times = [t for row in new for t in (row.valid_from, row.valid_to) if t is not None]
        return Catalogue(
            _more(self.ids, [row.id for row in new]),
            _more(self.terms, [numbers[entry_of(row)] for row in new]),
            _more(self.valid_from, [-np.inf if row.valid_from is None else row.valid_from for row in new]),
            _more(self.valid_to, [np.inf if row.valid_to is None else row.valid_to for row in new]),
            _more(self.removed, [NEVER if row.removed is None else row.removed for row in new]),
            _more(self.documents, [names.number(row.document_id) for row in new]),
            _more(self.families, [names.number(row.family) for row in new]),
            names,
            tuple(distinct),
            np.union1d(self.boundaries, times) if times else self.boundaries,
            self.grouped,
        )

    def without(self, removed: Sequence[tuple[int, int]]) -> Catalogue:
        """This catalogue with rows `(id, change)` removed as of their change."""
        if not removed:
            return self
        column = self.removed.copy()
        positions, known = self.positions([id_ for id_, _ in removed])
        column[positions] = np.array([change for _, change in removed], np.int64)[known]
        return replace(self, removed=column)

    def document(self, place: int) -> str:
        """The id of the document that the row at a position is of."""
        return self.names[int(self.documents[place])]

    def rows_of(self, documents: Iterable[str]) -> NDArray[np.int64]:
        """Positions of the rows of some documents."""
        count = len(self.grouped.places)
        first, later = self.documents[:count], self.documents[count:]
        found = [np.zeros(0, np.int64)]
        for number in map(self.names.number, documents):
            if number is not None:
                found.append(np.arange(np.searchsorted(first, number), np.searchsorted(first, number, "right")))
                found.append(np.flatnonzero(later == number) + count)
        return np.concatenate(found).astype(np.int64)

    def alike(self, one: int, other: int) -> bool:
        """Whether two rows are for the same people, about the same product, in the same language."""
        first, second = self.distinct[int(self.terms[one])], self.distinct[int(self.terms[other])]
        return (first.audience, first.product, first.language) == (second.audience, second.product, second.language)

    def of_families(self, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
        """Positions of the rows of some families, by number, whoever may see them."""
        wanted, count = np.unique(numbers), len(self.grouped.places)
        later = np.flatnonzero(np.isin(self.families[count:], wanted)) + count
        return np.concatenate([np.sort(self.grouped.of(wanted)), later])

    def distances(self, places: Sequence[int] | NDArray[np.int64], speaks: str) -> NDArray[np.int8]:
        """`(k,)`: how far the language of each row at some positions is from the asker's, as `language.distance`."""
        away = self._by_entry(("distance", speaks), lambda entry: distance(entry.language, speaks))
        return away[self.terms[places]].astype(np.int8, copy=False)

    def holds_foreign(self, *, in_chinese: bool) -> bool:
        """Whether it holds a document in another language than the asker's."""
        return bool(self._foreign(in_chinese).any())

    @property
    def audiences(self) -> frozenset[str]:
        """Every audience that something is for."""
        return frozenset(name for entry in self.distinct for name in entry.audience)

    def every_article_is_for(self, audiences: frozenset[str]) -> bool:
        """Whether these audiences may find whatever article there is."""
        test = self._test(("for", audiences), lambda e: e.kind != "article" or not audiences.isdisjoint(e.audience))
        return bool(test.all())

    @property
    def products(self) -> int:
        """How many products its documents are of."""
        return len({entry.product for entry in self.distinct if entry.product is not None})

    def are_foreign(self, places: NDArray[np.int64], *, in_chinese: bool) -> NDArray[np.bool_]:
        """`(k,)`: whether each row at some positions is in another language than the asker's."""
        return self._foreign(in_chinese)[self.terms[places]]

    def are_questions(self, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`(k,)`: whether each row at some positions is a curated question."""
        return self._test("question", lambda entry: entry.role == "question")[self.terms[places]]

    def rows(self, name: Hashable, test: Callable[[Entry], bool]) -> NDArray[np.bool_]:
        """`(n,)`: the rows whose entry passes a test that is always the same under its name."""
        fitting = self._test(name, test)
        return fitting[self.terms] if fitting.any() else np.zeros(len(self.terms), bool)

    def _foreign(self, in_chinese: bool) -> NDArray[np.bool_]:
        return self._test(("foreign", in_chinese), lambda entry: entry.language.startswith("zh") != in_chinese)

    def _test(self, name: Hashable, test: Callable[[Entry], bool]) -> NDArray[np.bool_]:
        """Which entries of `distinct` pass a test that is always the same under its name."""
        return self._by_entry(name, test).astype(bool, copy=False)

    def _by_entry(self, name: Hashable, value: Callable[[Entry], int]) -> NDArray[np.int8]:
        """A small number for each entry of `distinct`, always the same under its name."""
        if (known := self._known.get(name)) is None:
            if len(self._known) >= _REMEMBERED:  # callers choose products and tags
                self._known.clear()
            known = self._known[name] = np.array([value(entry) for entry in self.distinct], np.int8)
        return known

    def positions(self, ids: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Positions of those `ids` that are here, and which those are."""
        wanted = np.asarray(ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        known = places < len(self.ids)
        known[known] = self.ids[places[known]] == wanted[known]
        return places[known], known

    def epoch(self, now: float) -> int:
        """A number that is the same for two times between which nothing becomes valid or ceases to be."""
        return int(np.searchsorted(self.boundaries, now, side="right"))

    def mask(self, scope: Scope, kind: Kind, change: int) -> NDArray[np.bool_]:
        """`(n,)` bool: the rows of `kind` within `scope` at `change`."""
        allowed = self.rows((kind, scope.terms), lambda entry: _fits(entry, scope, kind))
        current = allowed & (self.removed > change)
        if scope.whenever:
            return current
        return np.asarray(current & (self.valid_from <= scope.now) & (scope.now < self.valid_to))


NO_FAMILIES = Families(np.zeros(0, np.int32), np.zeros(0, np.int32))
EMPTY = Catalogue(
    np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64),
    np.zeros(0, np.int32), np.zeros(0, np.int32), NOBODY, (), np.zeros(0), NO_FAMILIES,
)  # fmt: skip


def _fits(entry: Entry, scope: Scope, kind: Kind) -> bool:
    return (
        entry.kind == kind
        and not scope.audiences.isdisjoint(entry.audience)
        and (scope.product is None or entry.product == scope.product)
        and entry.product not in scope.not_products
        and (scope.language is None or entry.language.split("-")[0] == scope.language.split("-")[0])
        and (scope.tag is None or scope.tag in entry.tags)
    )


def _more(column: NDArray[Any], values: Sequence[object]) -> NDArray[Any]:
    return np.concatenate([column, np.array(values, column.dtype)])

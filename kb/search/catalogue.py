"""Which rows a caller may find now: audience, validity and filters as one mask, made before any cut."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kb.model import Access, Kind
from kb.search.language import distance

_REMEMBERED = 256
_NEVER = np.iinfo(np.int64).max


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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The access terms of every row by position, in order of id: `(n,)` columns.

    `terms[i]` numbers the row's entry of `distinct`, so that a test of sets is done once per distinct entry; what a
    recent test gave is remembered. `numbers[i]` is that of its family in `numbering`. `boundaries` are the times, in
    order, at which something becomes valid or ceases to be.
    """

    ids: NDArray[np.int64]
    terms: NDArray[np.int32]
    valid_from: NDArray[np.float64]
    valid_to: NDArray[np.float64]
    removed: NDArray[np.int64]
    documents: tuple[str, ...]
    families: tuple[str, ...]
    numbers: NDArray[np.int32]
    numbering: Mapping[str, int]
    distinct: tuple[Access, ...]
    boundaries: NDArray[np.float64]
    _known: dict[Hashable, NDArray[np.int8]] = field(default_factory=dict, repr=False, compare=False)

    def extended(self, rows: Iterable[Access]) -> Catalogue:
        """This catalogue with more rows at its end."""
        new = list(rows)
        numbers = {_key(entry): number for number, entry in enumerate(self.distinct)}
        distinct = list(self.distinct)
        for row in new:
            if _key(row) not in numbers:
                numbers[_key(row)] = len(distinct)
                distinct.append(row)
        numbering = _numbered(self.numbering, new)
        times = [t for row in new for t in (row.valid_from, row.valid_to) if t is not None]
        return Catalogue(
            np.concatenate([self.ids, np.array([r.id for r in new], np.int64)]),
            np.concatenate([self.terms, np.array([numbers[_key(r)] for r in new], np.int32)]),
            np.concatenate([self.valid_from, _times([r.valid_from for r in new], -np.inf)]),
            np.concatenate([self.valid_to, _times([r.valid_to for r in new], np.inf)]),
            np.concatenate(
                [self.removed, np.array([_NEVER if r.removed is None else r.removed for r in new], np.int64)]
            ),
            self.documents + tuple(r.document_id for r in new),
            self.families + tuple(r.family for r in new),
            np.concatenate([self.numbers, np.array([numbering[r.family] for r in new], np.int32)]),
            numbering,
            tuple(distinct),
            np.union1d(self.boundaries, times) if times else self.boundaries,
        )

    def without(self, removed: Sequence[tuple[int, int]]) -> Catalogue:
        """This catalogue with rows `(id, change)` removed as of their change."""
        if not removed:
            return self
        column = self.removed.copy()
        positions, known = self.positions([id_ for id_, _ in removed])
        column[positions] = np.array([change for _, change in removed], np.int64)[known]
        return replace(self, removed=column)

    def alike(self, one: int, other: int) -> bool:
        """Whether two rows are for the same people, about the same product, in the same language."""
        first, second = self.distinct[int(self.terms[one])], self.distinct[int(self.terms[other])]
        return (first.audience, first.product, first.language) == (second.audience, second.product, second.language)

    def of_families(self, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
        """Positions of the rows of some families, by number, whoever may see them."""
        wanted = np.zeros(len(self.numbering), bool)
        wanted[numbers] = True
        return np.flatnonzero(wanted[self.numbers])

    def distances(self, places: Sequence[int] | NDArray[np.int64], speaks: str) -> NDArray[np.int8]:
        """`(k,)`: how far the language of each row at some positions is from the asker's, as `language.distance`."""
        away = self._by_entry(("distance", speaks), lambda entry: distance(entry.language, speaks))
        return away[self.terms[places]].astype(np.int8, copy=False)

    def holds_foreign(self, *, in_chinese: bool) -> bool:
        """Whether it holds a document in another language than the asker's."""
        return bool(self._foreign(in_chinese).any())

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

    def rows(self, name: Hashable, test: Callable[[Access], bool]) -> NDArray[np.bool_]:
        """`(n,)`: the rows whose entry passes a test that is always the same under its name."""
        fitting = self._test(name, test)
        return fitting[self.terms] if fitting.any() else np.zeros(len(self.terms), bool)

    def _foreign(self, in_chinese: bool) -> NDArray[np.bool_]:
        return self._test(("foreign", in_chinese), lambda entry: entry.language.startswith("zh") != in_chinese)

    def _test(self, name: Hashable, test: Callable[[Access], bool]) -> NDArray[np.bool_]:
        """Which entries of `distinct` pass a test that is always the same under its name."""
        return self._by_entry(name, test).astype(bool, copy=False)

    def _by_entry(self, name: Hashable, value: Callable[[Access], int]) -> NDArray[np.int8]:
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


EMPTY = Catalogue(
    np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64), (), (),
    np.zeros(0, np.int32), {}, (), np.zeros(0),
)  # fmt: skip


def _numbered(numbering: Mapping[str, int], rows: Iterable[Access]) -> Mapping[str, int]:
    new = [family for family in dict.fromkeys(row.family for row in rows) if family not in numbering]
    return {**numbering, **{family: len(numbering) + n for n, family in enumerate(new)}} if new else numbering


def _key(entry: Access) -> tuple[object, ...]:
    return entry.kind, entry.audience, entry.product, entry.language, entry.tags, entry.role


def _fits(entry: Access, scope: Scope, kind: Kind) -> bool:
    return (
        entry.kind == kind
        and not scope.audiences.isdisjoint(entry.audience)
        and (scope.product is None or entry.product == scope.product)
        and entry.product not in scope.not_products
        and (scope.language is None or entry.language.split("-")[0] == scope.language.split("-")[0])
        and (scope.tag is None or scope.tag in entry.tags)
    )


def _times(values: Sequence[float | None], missing: float) -> NDArray[np.float64]:
    return np.array([missing if value is None else value for value in values], np.float64)

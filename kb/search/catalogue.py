"""Which rows a caller may find now: audience, validity and filters as one mask, made before any cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kb.model import Access, Kind

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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The access terms of every row by position, in order of id: `(n,)` columns.

    `terms[i]` numbers the row's entry of `distinct`, so that a test of sets is done once per distinct entry.
    """

    ids: NDArray[np.int64]
    terms: NDArray[np.int32]
    valid_from: NDArray[np.float64]
    valid_to: NDArray[np.float64]
    removed: NDArray[np.int64]
    documents: tuple[str, ...]
    distinct: tuple[Access, ...]

    def extended(self, rows: Iterable[Access]) -> Catalogue:
        """This catalogue with more rows at its end."""
        new = list(rows)
        numbers = {_key(entry): number for number, entry in enumerate(self.distinct)}
        distinct = list(self.distinct)
        for row in new:
            if _key(row) not in numbers:
                numbers[_key(row)] = len(distinct)
                distinct.append(row)
        return Catalogue(
            np.concatenate([self.ids, np.array([r.id for r in new], np.int64)]),
            np.concatenate([self.terms, np.array([numbers[_key(r)] for r in new], np.int32)]),
            np.concatenate([self.valid_from, _times([r.valid_from for r in new], -np.inf)]),
            np.concatenate([self.valid_to, _times([r.valid_to for r in new], np.inf)]),
            np.concatenate(
                [self.removed, np.array([_NEVER if r.removed is None else r.removed for r in new], np.int64)]
            ),
            self.documents + tuple(r.document_id for r in new),
            tuple(distinct),
        )

    def without(self, removed: Sequence[tuple[int, int]]) -> Catalogue:
        """This catalogue with rows `(id, change)` removed as of their change."""
        if not removed:
            return self
        column = self.removed.copy()
        positions, known = self.positions([id_ for id_, _ in removed])
        column[positions] = np.array([change for _, change in removed], np.int64)[known]
        return replace(self, removed=column)

    def language(self, position: int) -> str:
        """The language of the row at a position."""
        return self.distinct[int(self.terms[position])].language

    def holds_foreign(self, *, in_chinese: bool) -> bool:
        """Whether it holds a document in another language than the asker's."""
        return any(entry.language.startswith("zh") != in_chinese for entry in self.distinct)

    @property
    def products(self) -> int:
        """How many products its documents are of."""
        return len({entry.product for entry in self.distinct if entry.product is not None})

    def is_question(self, position: int) -> bool:
        """Whether the row at a position is a curated question."""
        return self.distinct[int(self.terms[position])].role == "question"

    def positions(self, ids: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Positions of those `ids` that are here, and which those are."""
        wanted = np.asarray(ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        known = places < len(self.ids)
        known[known] = self.ids[places[known]] == wanted[known]
        return places[known], known

    def mask(self, scope: Scope, kind: Kind, change: int) -> NDArray[np.bool_]:
        """`(n,)` bool: the rows of `kind` within `scope` at `change`."""
        fitting = np.array([_fits(entry, scope, kind) for entry in self.distinct], bool)
        allowed = fitting[self.terms] if len(self.distinct) else np.zeros(0, bool)
        valid = (self.valid_from <= scope.now) & (scope.now < self.valid_to)
        return np.asarray(allowed & valid & (self.removed > change))


EMPTY = Catalogue(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64), (), ())


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

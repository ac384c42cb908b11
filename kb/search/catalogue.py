"""Which rows a caller may find now: audience, validity and filters as one mask, made before any cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The access terms of every row by position, in order of id: `(n,)` columns.

    `terms[i]` numbers the row's entry of `distinct`, so that a test of sets is done once per distinct entry;
    `numbers[i]` is that of its family in `numbering`.
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

    def alike(self, one: int, other: int) -> bool:
        """Whether two rows are for the same people, about the same product, in the same language."""
        first, second = self.distinct[int(self.terms[one])], self.distinct[int(self.terms[other])]
        return (first.audience, first.product, first.language) == (second.audience, second.product, second.language)

    def of_families(self, families: Iterable[str]) -> NDArray[np.int64]:
        """Positions of the rows of some families, whoever may see them."""
        numbers = [self.numbering[family] for family in families if family in self.numbering]
        return np.flatnonzero(np.isin(self.numbers, np.array(numbers, np.int32)))

    def holds_foreign(self, *, in_chinese: bool) -> bool:
        """Whether it holds a document in another language than the asker's."""
        return any(entry.language.startswith("zh") != in_chinese for entry in self.distinct)

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


EMPTY = Catalogue(
    np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64), (), (),
    np.zeros(0, np.int32), {}, (),
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
        and (scope.language is None or entry.language.split("-")[0] == scope.language.split("-")[0])
        and (scope.tag is None or scope.tag in entry.tags)
    )


def _times(values: Sequence[float | None], missing: float) -> NDArray[np.float64]:
    return np.array([missing if value is None else value for value in values], np.float64)

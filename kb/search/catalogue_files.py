"""The catalogue of a generation as files: written row by row, mapped into memory at the next start."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt
from kb.model import Access
from kb.search import names
from kb.search.catalogue import NEVER, Catalogue, Entry, Families, entry_of
from kb.search.mapped import mapped, saved
from kb.search.names import Collected

_COLUMNS = ("ids", "terms", "valid_from", "valid_to", "documents", "families")
_GROUPED = ("family_numbers", "family_places")
_ENTRIES = "catalogue.json"


class CatalogueWriter:
    """Takes the rows of a new generation in order of id."""

    def __init__(self) -> None:
        self._ids, self._terms, self._documents = array("q"), array("i"), array("i")
        self._from, self._to = array("d"), array("d")
        self._entries: dict[Entry, int] = {}
        self._names, self._last = Collected(), ""
        self._translations: list[tuple[int, str]] = []

    def add(self, row: Access) -> None:
        """Takes one row; those of one document follow each other."""
        if row.document_id != self._last or not self._ids:
            self._number, self._last = self._names.add(row.document_id), row.document_id
        if row.family != row.document_id:
            self._translations.append((len(self._ids), row.family))
        self._ids.append(row.id)
        self._documents.append(self._number)
        self._terms.append(self._entries.setdefault(entry_of(row), len(self._entries)))
        self._from.append(-np.inf if row.valid_from is None else row.valid_from)
        self._to.append(np.inf if row.valid_to is None else row.valid_to)

    def write(self, folder: Path) -> None:
        """Writes the files. Raises OSError."""
        known, families = self._families()
        names.write(folder, known)
        first, last = np.array(self._from), np.array(self._to)
        ids, terms = np.array(self._ids, np.int64), np.array(self._terms, np.int32)
        columns: list[NDArray[Any]] = [ids, terms, first, last, np.array(self._documents, np.int32), families]
        for name, column in zip(_COLUMNS, columns, strict=True):
            saved(_file(folder, name), column)
        order = np.argsort(families, kind="stable").astype(np.int32)
        for name, column in zip(_GROUPED, (families[order], order), strict=True):
            saved(_file(folder, name), column)
        times = np.concatenate([first, last])
        saved(_file(folder, "boundaries"), np.unique(times[np.isfinite(times)]))
        (folder / _ENTRIES).write_bytes(msgspec.json.encode(tuple(self._entries)))

    def _families(self) -> tuple[names.Names, NDArray[np.int32]]:
        """All names, and each row's family: its document, or the one that this translates, whether that is here or not.

        A document that is not here has a name all the same: its translations are one family.
        """
        held = self._names.names()
        for family in dict.fromkeys(family for _, family in self._translations):
            if held.number(family) is None:
                self._names.add(family)
        known, families = self._names.names(), np.array(self._documents, np.int32)
        for place, family in self._translations:
            families[place] = known.number(family)  # type: ignore[assignment]  # it has one by now
        return known, families


def read(folder: Path, count: int) -> Catalogue:
    """The `count` rows of a generation, mapped into memory. Raises IndexCorrupt."""
    try:
        ids, terms, first, last, documents, families = (mapped(_file(folder, name)) for name in _COLUMNS)
        numbers, places = (mapped(_file(folder, name)) for name in _GROUPED)
        boundaries, known = mapped(_file(folder, "boundaries")), names.read(folder)
        distinct = msgspec.json.decode((folder / _ENTRIES).read_bytes(), type=tuple[Entry, ...])
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise IndexCorrupt(f"{folder} has no whole catalogue ({error}): run `kb reindex --full`") from error
    columns: tuple[NDArray[Any], ...] = (ids, terms, first, last, documents, families, numbers, places)
    if any(len(column) != count for column in columns):
        raise IndexCorrupt(f"{folder}: the catalogue does not hold {count} passages: run `kb reindex --full`")
    removed = np.full(count, NEVER, np.int64)
    grouped = Families(numbers, places)
    return Catalogue(ids, terms, first, last, removed, documents, families, known, distinct, boundaries, grouped)


def _file(folder: Path, column: str) -> Path:
    return folder / f"catalogue.{column}.npy"

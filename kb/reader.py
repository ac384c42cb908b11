"""Following the store and the index: from what writers committed to one consistent view, as it changes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from kb.config import Paths
from kb.errors import IndexMismatch
from kb.model import Document, StoredPassage
from kb.search import generation
from kb.search.advancing import Edits, advanced
from kb.search.embedding import ModelSpec
from kb.search.generation import Manifest
from kb.search.keywords import Keywords
from kb.search.view import View
from kb.store import database, documents, passages, revisions, vectors
from kb.store.documents import Titled


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A view with what tells whether it is still the newest."""

    view: View
    segments: Keywords
    stamp: tuple[object, ...]


class Reads(Protocol):
    """A view, and the texts of what stands in it."""

    @property
    def view(self) -> View:
        """What is visible."""

    def fetch(self, rows: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by row id."""

    def passages_of(self, document_id: str, revision: int) -> list[StoredPassage]:
        """The passages of one revision of a document, whoever may see them."""

    def document(self, document_id: str, revision: int) -> Document:
        """One revision of a document."""


class Reader:
    """Gives the newest view; safe to share between threads."""

    def __init__(self, paths: Paths, spec: ModelSpec, manifest: Manifest | None = None) -> None:
        """Loads the live generation, or, to be looked at and never refreshed, the one of a `manifest`.

        Raises IndexMissing, IndexMismatch, IndexCorrupt, StoreError.
        """
        self._paths, self._spec = paths, spec
        self._local = threading.local()
        self._refreshing, self._warm = threading.Lock(), False
        self._watched = database.open_for_reading(paths.database)
        self.inode = paths.database.stat().st_ino
        """Of the database that is read, whatever lies at its place later."""
        with database.explained(paths.database):
            self._loaded = self._load(manifest or generation.read_manifest(paths.index))

    @property
    def view(self) -> View:
        """What the last refresh saw."""
        return self._loaded.view

    def refresh(self) -> View:
        """The newest committed state; cheap where nothing changed."""
        with self._refreshing, database.explained(self._paths.database):
            if self._stamp_of(self._loaded.segments) != self._loaded.stamp:
                following = self._follow(self._loaded)
                if self._warm:
                    following.view.vocabulary.arrange()
                self._loaded = following
            return self._loaded.view

    def warm(self) -> None:
        """Arranges the words of this view, and from now on those of every new one when it is loaded."""
        self._loaded.view.vocabulary.arrange()
        self._warm = True

    def fetch(self, rows: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by row id."""
        with database.explained(self._paths.database):
            return passages.fetch(self._database(), rows)

    def passages_of(self, document_id: str, revision: int) -> list[StoredPassage]:
        """The passages of one revision of a document, whoever may see them."""
        with database.explained(self._paths.database):
            return passages.of_document(self._database(), document_id, revision)

    def document(self, document_id: str, revision: int) -> Document:
        """One revision of a document."""
        with database.explained(self._paths.database):
            return documents.read(self._database(), document_id, revision)

    def changed_at(self, document_id: str, revision: int) -> str:
        """When a revision of a document was stored (ISO 8601)."""
        with database.explained(self._paths.database):
            return revisions.changed_at(self._database(), document_id, revision)

    def path_of(self, document_id: str) -> str | None:
        """The file under `articles/` that a document was read from; None where it is of no file."""
        with database.explained(self._paths.database):
            return documents.path_of(self._database(), document_id)

    def titles(self) -> list[Titled]:
        """What a list shows of every published article, whoever may see it."""
        with database.explained(self._paths.database):
            return list(documents.titled(self._database()))

    def _database(self) -> Database:
        if not hasattr(self._local, "db"):
            self._local.db = database.open_for_reading(self._paths.database)
        db: Database = self._local.db
        return db

    def _load(self, manifest: Manifest) -> _Loaded:
        store = documents.store_id(self._watched)
        generation.check_origin(manifest, model=self._spec.name, fingerprint=self._spec.fingerprint, store=store)
        segments = Keywords(generation.keywords_folder(self._paths.index, manifest.generation))
        stamp = self._stamp_of(segments)
        held = generation.load(self._paths.index, manifest)
        start = View(
            manifest, manifest.base, held.catalogue, held.vectors, segments.snapshot(), held.forward, held.vocabulary,
            np.zeros(0, np.int64), held.exclusions,
        )  # fmt: skip
        view = self._advanced(start, segments)
        return _Loaded(view, segments, stamp)

    def _follow(self, loaded: _Loaded) -> _Loaded:
        if (newest := generation.read_manifest(self._paths.index)) != loaded.view.manifest:
            return self._load(newest)
        stamp = self._stamp_of(loaded.segments)
        return _Loaded(self._advanced(loaded.view, loaded.segments), loaded.segments, stamp)

    def _stamp_of(self, segments: Keywords) -> tuple[object, ...]:
        """Taken before reading, so that what is committed meanwhile is seen by the next refresh."""
        version = self._watched.execute("PRAGMA data_version").fetchone()[0]
        return version, _identity(generation.manifest_file(self._paths.index)), _identity(segments.marker_file)

    def _advanced(self, view: View, segments: Keywords) -> View:
        """`view` moved to the change that the keyword segments hold, from one snapshot of the store."""
        snapshot = segments.snapshot()
        until, base = snapshot.change(), view.manifest.base
        db = self._database()
        db.execute("BEGIN")
        try:
            edits = Edits(
                change=until,
                keywords=snapshot,
                added=list(passages.access_between(db, base, view.change, until)),
                texts=passages.embedded_between(db, view.change, until),
                vectors=self._delta(db, view.change, until),
                removed=passages.removed_between(db, view.change, until),
                withdrawn=passages.withdrawn_after(db, until),
                changed=passages.changed_documents(db, view.change, until),
                declaring=documents.declaring(db, view.change, until),
            )
        finally:
            db.execute("COMMIT")
        return advanced(view, edits)

    def _delta(self, db: Database, after: int, until: int) -> NDArray[np.float32]:
        spec = self._spec
        try:
            return vectors.visible(db, spec.fingerprint, spec.dim, after=after, until=until, removed_after=until)
        except KeyError as error:
            raise IndexMismatch(
                f"some passages have no vector of model {self._spec.name!r}: run `kb reindex`"
            ) from error


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a reader saw at one moment: what is edited since does not show."""

    reader: Reader
    view: View

    def fetch(self, rows: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by row id."""
        return self.reader.fetch(rows)

    def passages_of(self, document_id: str, revision: int) -> list[StoredPassage]:
        """The passages of one revision of a document, whoever may see them."""
        return self.reader.passages_of(document_id, revision)

    def document(self, document_id: str, revision: int) -> Document:
        """One revision of a document."""
        return self.reader.document(document_id, revision)


def _identity(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size

"""Bringing the index up to date with the store: a few edits go into the live generation, many make a new one.

A new one is built beside the live one, rehearsed, and published only where it answers as well; the one before it is
kept, and `roll_back` makes it live again.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from kb.config import Paths
from kb.errors import IndexCorrupt, IndexMismatch, IndexMissing, RehearsalFailed
from kb.progress import Progress, silent
from kb.search import generation, succession
from kb.search.analysis import analysed
from kb.search.embedding import ModelSpec
from kb.search.generation import Manifest
from kb.search.keywords import Keywords
from kb.store import database, documents, passages, vectors
from kb.successor import Made, Make, Order, build

_REHEARSAL = "rehearsal.json"
_SMALL_DELTA = 2_000
_DELTA_SHARE = 0.05  # of all rows: those added since are gone through one by one at each search


@dataclass(frozen=True, slots=True)
class How:
    """How the index is to follow: built anew (`full`), against objections (`force`), or on no account (`rebuild`)."""

    full: bool = False
    force: bool = False
    rebuild: bool = True
    make: Make = build


@dataclass(frozen=True, slots=True)
class _Generation:
    """One on disk that the settings fit: `held` is the change that its keyword segments hold."""

    manifest: Manifest
    segments: Keywords
    held: int

    def take_in(self, db: Database, newest: int) -> None:
        """Commits what changed since to the keyword segments."""
        if self.held < newest:
            changed = passages.changed_documents(db, self.held, newest)
            edited = [analysed(access, embedded) for access, embedded in passages.visible(db, newest, changed)]
            self.segments.commit(edited, replaces=changed, change=newest)


def bring_up_to_date(
    db: Database,
    paths: Paths,
    spec: ModelSpec,
    how: How = How(),
    progress: Progress = silent,
) -> Made:
    """Makes everything committed to the store searchable; only the holder of the writer's lock may call it.

    Commits the changed documents to the live generation's keyword segments. A new one takes its place where `how` says
    so, there is none, it is damaged, or of another model or store, or too much has changed since it was built. Raises
    RehearsalFailed where the new one answers worse and is not wanted anyway.
    """
    newest = documents.newest_change(db)
    live = _live(db, paths, spec)
    small = live is not None and live.held <= newest and (not how.rebuild or _is_small(db, live.manifest, newest))
    if live is not None and small:
        live.take_in(db, newest)  # even before a full build: an edit does not wait for it
        if not how.full:
            return Made(live.manifest)
    # Of another model, the live one holds the same documents, split otherwise.
    same = small or live is None
    made = how.make(Order(paths, spec, newest, succession.live(paths.index), same_content=same), progress)
    return _publish(db, paths, made, force=how.force)


def roll_back(db: Database, paths: Paths, spec: ModelSpec) -> Manifest:
    """Makes the generation before the live one live again, with the edits made since where its model knows them.

    Raises IndexMissing where there is none, IndexCorrupt where it is damaged, IndexMismatch where it is of another
    model, rules or store.
    """
    earlier = _opened(db, paths, spec, succession.before(paths.index))
    newest = documents.newest_change(db)
    if _has_vectors(db, earlier.manifest, newest):  # after a change of models, that takes another reindex
        earlier.take_in(db, newest)
    return succession.publish(paths.index, earlier.manifest)


def _live(db: Database, paths: Paths, spec: ModelSpec) -> _Generation | None:
    try:
        return _opened(db, paths, spec, generation.read_manifest(paths.index))
    except (IndexMissing, IndexMismatch, IndexCorrupt):
        return None


def _opened(db: Database, paths: Paths, spec: ModelSpec, manifest: Manifest) -> _Generation:
    store = documents.store_id(db)
    generation.check_origin(manifest, model=spec.name, fingerprint=spec.fingerprint, store=store)
    generation.check_files(paths.index, manifest)
    segments = Keywords(generation.keywords_folder(paths.index, manifest.generation))
    return _Generation(manifest, segments, segments.snapshot().change())


def _is_small(db: Database, manifest: Manifest, newest: int) -> bool:
    query = "SELECT count(*) FROM passages WHERE added > ? AND added <= ?"
    added = int(db.execute(query, [manifest.base, newest]).fetchone()[0])
    return added <= max(_SMALL_DELTA, _DELTA_SHARE * manifest.passages)


def _has_vectors(db: Database, manifest: Manifest, newest: int) -> bool:
    try:
        for _ in vectors.pieces(
            db, manifest.fingerprint, manifest.dim, after=manifest.base, until=newest, removed_after=newest
        ):
            pass
    except KeyError:
        return False
    return True


def _publish(db: Database, paths: Paths, made: Made, *, force: bool) -> Made:
    objections = made.rehearsal.objections if made.rehearsal else ()
    if objections and not force:
        succession.discard(paths.index, made.manifest)
        raise RehearsalFailed(
            f"generation {made.manifest.generation} was not published and the live one stays: {'; '.join(objections)};"
            " look at what `kb eval` says, or publish it anyway with `kb reindex --full --force`"
        )
    if made.rehearsal:
        succession.note(paths.index, made.manifest, _REHEARSAL, msgspec.json.encode(made.rehearsal))
    published = succession.publish(paths.index, made.manifest)
    succession.remove_old(paths.index)
    with database.transaction(db):
        passages.purge(db, succession.oldest_base(paths.index))
    return Made(published, made.rehearsal)

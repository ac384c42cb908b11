"""Bringing the index up to date with the store: a few edits go into the live generation, many make a new one."""

from __future__ import annotations

from sqlite_utils import Database

from kb.config import Paths
from kb.errors import IndexCorrupt, IndexMismatch, IndexMissing
from kb.search import generation
from kb.search.analysis import analysed
from kb.search.embedding import ModelSpec
from kb.search.generation import Manifest
from kb.search.keywords import Keywords
from kb.store import database, documents, passages, vectors

_SMALL_DELTA = 2_000
_DELTA_SHARE = 0.05  # of all rows: those added since are gone through one by one at each search


def bring_up_to_date(db: Database, paths: Paths, spec: ModelSpec, *, full: bool = False) -> Manifest:
    """Makes everything committed to the store searchable; only the holder of the writer's lock may call it.

    Builds a new generation with `full`, where there is none, it is damaged, or of another model or store, or too
    much has changed since it was built; else commits the changed documents to its keyword segments.
    """
    newest = documents.newest_change(db)
    live = None if full else _live(db, paths, spec)
    if live is None:
        return _build(db, paths, spec, newest)
    manifest, segments, held = live
    if held > newest or _delta(db, manifest.base, newest) > max(_SMALL_DELTA, _DELTA_SHARE * manifest.passages):
        return _build(db, paths, spec, newest)
    if held < newest:
        changed = passages.changed_documents(db, held, newest)
        edited = [analysed(access, embedded) for access, embedded in passages.visible(db, newest, changed)]
        segments.commit(edited, replaces=changed, change=newest)
    return manifest


def _live(db: Database, paths: Paths, spec: ModelSpec) -> tuple[Manifest, Keywords, int] | None:
    try:
        manifest = generation.read_manifest(paths.index)
        store = documents.store_id(db)
        generation.check_origin(manifest, model=spec.name, fingerprint=spec.fingerprint, store=store)
        generation.check_files(paths.index, manifest)
        segments = Keywords(generation.keywords_folder(paths.index, manifest.generation))
        return manifest, segments, segments.snapshot().change()
    except (IndexMissing, IndexMismatch, IndexCorrupt):
        return None


def _delta(db: Database, base: int, newest: int) -> int:
    query = "SELECT count(*) FROM passages WHERE added > ? AND added <= ?"
    return int(db.execute(query, [base, newest]).fetchone()[0])


def _build(db: Database, paths: Paths, spec: ModelSpec, newest: int) -> Manifest:
    built = generation.build(
        paths.index,
        passages.visible(db, newest),
        vectors.pieces(db, spec.fingerprint, spec.dim, after=0, until=newest, removed_after=newest),
        documents.with_not_questions(db, 0, newest),
        base=newest,
        dim=spec.dim,
        model=spec.name,
        fingerprint=spec.fingerprint,
        store=documents.store_id(db),
    )
    oldest_kept = built.base if built.previous_base is None else min(built.base, built.previous_base)
    with database.transaction(db):
        passages.purge(db, oldest_kept)
    return built

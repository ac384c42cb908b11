"""A new generation, built beside the live one and rehearsed against it; who ordered it decides what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kb.comparison import Sides, not_compared, rehearse
from kb.config import Paths, Settings
from kb.embedders import Embedders
from kb.errors import ModelMissing
from kb.progress import Progress
from kb.rehearsal import Rehearsal
from kb.search import generation, succession
from kb.search.embedding import Embeds, ModelSpec
from kb.search.generation import Manifest
from kb.store import database, documents, passages, vectors


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built: the rows visible at change `base`, embedded by the model of `spec`.

    It is compared with `live`, which may hold the same documents or older ones.
    """

    paths: Paths
    spec: ModelSpec
    base: int
    live: Manifest | None
    same_content: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A generation that is whole; `rehearsal` is None where there was nothing to compare it with."""

    manifest: Manifest
    rehearsal: Rehearsal | None = None


class Make(Protocol):
    """Carries out an order, in this process or another. Raises IndexCorrupt, StoreError, OSError."""

    def __call__(self, order: Order, progress: Progress) -> Made: ...


def build(order: Order, progress: Progress) -> Made:
    """Builds and compares nothing."""
    db = database.open_for_reading(order.paths.database)
    spec, base = order.spec, order.base
    progress("Indexing", 0, 1)
    try:
        manifest = generation.build(
            order.paths.index,
            passages.visible(db, base),
            vectors.pieces(db, spec.fingerprint, spec.dim, after=0, until=base, removed_after=base),
            documents.declaring(db, 0, base),
            base=base,
            dim=spec.dim,
            model=spec.name,
            fingerprint=spec.fingerprint,
            store=documents.store_id(db),
            query_prompt=spec.query_prompt,
            passage_prompt=spec.passage_prompt,
        )
    finally:
        db.close()
    progress("Indexing", 1, 1)
    return Made(manifest)


def build_and_rehearse(order: Order, settings: Settings, embedders: Mapping[str, Embeds], progress: Progress) -> Made:
    """Builds, then asks both generations; `embedders` by fingerprint. What cannot be compared, its notes say."""
    made = build(order, progress).manifest
    if order.live is None:
        return Made(made)
    try:
        return Made(made, _rehearsed(order, order.live, made, settings, embedders, progress))
    except BaseException:
        succession.discard(order.paths.index, made)
        raise


def _rehearsed(
    order: Order, live: Manifest, made: Manifest, settings: Settings, embedders: Mapping[str, Embeds], told: Progress
) -> Rehearsal:
    if live.fingerprint not in embedders:
        return not_compared(live, made, f"the live model {live.model!r} cannot be had")
    sides = Sides(live, made, embedders[live.fingerprint], embedders[made.fingerprint])
    return rehearse(order.paths, settings, sides, told, same_content=order.same_content)


def of_both(order: Order, settings: Settings, embedders: Embedders) -> dict[str, Embeds]:
    """By fingerprint: the model to build with, and that of the live generation where it can be had."""
    found: dict[str, Embeds] = {order.spec.fingerprint: embedders.of(settings)}
    if order.live is not None and order.live.fingerprint not in found:
        try:
            found[order.live.fingerprint] = embedders.fitting(order.live, settings)[1]
        except ModelMissing:
            return found  # the rehearsal says so
    return found


@dataclass(frozen=True, slots=True)
class Here:
    """Makes generations in this process."""

    settings: Settings
    embedders: Embedders

    def __call__(self, order: Order, progress: Progress) -> Made:
        """Builds and rehearses."""
        return build_and_rehearse(order, self.settings, of_both(order, self.settings, self.embedders), progress)

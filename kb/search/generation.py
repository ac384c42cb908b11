"""Generations of the index: built and checked beside the live one, each with a manifest that says what it holds.

index/manifest.json            the manifest of the generation that is live, and which one was before it
index/generations/000007/      manifest.json · vectors.* · keywords/ · forward.* · catalogue.* · names.* · and the like

Which one is live, and which are kept, is decided in `succession`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt, IndexMismatch, IndexMissing
from kb.model import Access, Article, utc_now
from kb.search import catalogue_files, exclusions, forward, vectors, vocabulary
from kb.search.analysis import Analysed, analysed
from kb.search.catalogue import Catalogue
from kb.search.catalogue_files import CatalogueWriter
from kb.search.exclusions import Exclusions
from kb.search.forward import Forward, ForwardWriter
from kb.search.keywords import Keywords
from kb.search.terms import RULES
from kb.search.vectors import Vectors
from kb.search.vocabulary import Vocabulary

FORMAT = 5
_KEYWORDS = "keywords"
_SAMPLE = 32


class Manifest(msgspec.Struct, frozen=True):
    """What a generation holds: `passages` rows as of change `base`, embedded by model `fingerprint`.

    The prompts are those of the model; of the live generation, `previous` is the number of the one before it.
    """

    format: int
    generation: int
    base: int
    passages: int
    dim: int
    model: str
    fingerprint: str
    terms: int
    store: str
    built_at: str
    sha256: tuple[str, ...]
    """Of the vectors' files."""
    reach: int
    """Rows that a search of the vectors goes through."""
    scale: float
    """What vectors were multiplied by for their codes of 8 bits; 0 where they have none."""
    query_prompt: str | None = None
    passage_prompt: str | None = None
    previous: int | None = None


def manifest_file(folder: Path) -> Path:
    """A generation's manifest, in its folder; in `index/` itself, that of the live one, whose rename makes it live."""
    return folder / "manifest.json"


def folder(index: Path, generation: int) -> Path:
    """Where a generation's files are."""
    return index / "generations" / f"{generation:06d}"


def keywords_folder(index: Path, generation: int) -> Path:
    """Where a generation's keyword segments are."""
    return folder(index, generation) / _KEYWORDS


def read_manifest(folder: Path) -> Manifest:
    """The live generation's manifest, or that in a generation's folder.

    Raises IndexMissing, IndexCorrupt, IndexMismatch.
    """
    file = manifest_file(folder)
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise IndexMissing(f"there is no index at {folder} yet: run `kb reindex`") from error
    except msgspec.DecodeError as error:
        raise IndexCorrupt(f"{file}: {error}: run `kb reindex`") from error
    if manifest.format != FORMAT:
        raise IndexMismatch(f"{file}: format {manifest.format}, this kb reads {FORMAT}: run `kb reindex`")
    return manifest


def check_origin(manifest: Manifest, *, model: str, fingerprint: str, store: str) -> None:
    """Raises IndexMismatch where the index was built by another model, prompts or rules, or from another store."""
    if manifest.terms != RULES:
        raise IndexMismatch("the keyword index was built by an older kb with other rules: run `kb reindex`")
    if manifest.store != store:
        raise IndexMismatch("the index was built from another data/kb.sqlite than this one: run `kb reindex`")
    if manifest.fingerprint != fingerprint:
        raise IndexMismatch(
            f"the index was built with model {manifest.model!r} ({manifest.fingerprint}), the settings name {model!r}"
            f" ({fingerprint}): run `kb reindex` to embed again, or set the model back"
        )


@dataclass(frozen=True, slots=True)
class Base:
    """What a generation holds beside its keyword segments, by position."""

    catalogue: Catalogue
    vectors: Vectors
    forward: Forward
    vocabulary: Vocabulary
    exclusions: Exclusions


def load(index: Path, manifest: Manifest) -> Base:
    """The files of the live generation, mapped into memory. Raises IndexCorrupt."""
    place, count = folder(index, manifest.generation), manifest.passages
    check_files(index, manifest)
    return Base(
        catalogue_files.read(place, count),
        vectors.opened(place, count, manifest.dim, reach=manifest.reach, scale=manifest.scale),
        forward.read(place, count),
        vocabulary.read(place),
        exclusions.read(place),
    )


def check_files(index: Path, manifest: Manifest) -> None:
    """Whether the vectors are as they were built; read once a process. Raises IndexCorrupt."""
    for file, expected in zip(vectors.files(folder(index, manifest.generation)), manifest.sha256, strict=True):
        try:
            stat = file.stat()
            digest = _digest(file, stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except FileNotFoundError as error:
            raise IndexCorrupt(f"{file} is missing: run `kb reindex`") from error
        if digest != expected:
            raise IndexCorrupt(f"{file} is damaged (its SHA-256 is not the manifest's): run `kb reindex`")


def build(
    index: Path,
    rows: Iterable[tuple[Access, str]],
    pieces: Iterable[NDArray[np.float32]],
    declaring: Iterable[Article],
    *,
    base: int,
    dim: int,
    model: str,
    fingerprint: str,
    store: str,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
) -> Manifest:
    """Builds and checks the generation that holds `rows`, in order of id, and their vectors, beside the live one.

    `pieces` are `(m, dim)`; `declaring` the articles that say when they answer. All are read one by one: memory
    holds no more than the columns of the catalogue and the vocabulary. Nobody reads it before it is published; a
    process killed before that leaves only a folder that is removed later. Raises IndexCorrupt where the check
    fails, OSError where the disk does.
    """
    number = 1 + max(numbers(index), default=0)
    staging = folder(index, number).with_suffix(".building")
    _remove_leftovers(index)
    (staging / _KEYWORDS).mkdir(parents=True)
    keyword_rows = _write_rows(staging, rows, base)
    exclusions.write(staging, declaring)
    count = vectors.write_rows(staging, pieces)
    built = vectors.build(staging, count, dim)
    _check(built, keyword_rows)
    for file in vectors.files(staging):
        sync(file)
    near = built.near
    manifest = Manifest(
        format=FORMAT,
        generation=number,
        base=base,
        passages=count,
        dim=dim,
        reach=near.reach,
        scale=near.clusters.scale if near.clusters else 0.0,
        model=model,
        fingerprint=fingerprint,
        terms=RULES,
        store=store,
        built_at=utc_now().isoformat(timespec="seconds"),
        sha256=tuple(map(_sha256, vectors.files(staging))),
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
    )
    write_manifest(staging, manifest)
    staging.rename(folder(index, number))
    sync(folder(index, number).parent)
    return manifest


def _write_rows(staging: Path, rows: Iterable[tuple[Access, str]], base: int) -> int:
    """Writes what is made of the passages' texts, each analysed once; how many the keyword segments then hold."""
    segments = Keywords(staging / _KEYWORDS, create=True)
    columns, words = CatalogueWriter(), vocabulary.Gathering()
    with ForwardWriter(staging) as records:

        def noted() -> Iterator[Analysed]:
            for access, embedded in rows:
                passage = analysed(access, embedded)
                columns.add(access)
                records.add(forward.record(passage.parts))
                words.add(passage)
                yield passage

        segments.commit(noted(), replaces=(), change=base)
        records.finish()
    columns.write(staging)
    vocabulary.write(staging, words.words())
    return len(segments.snapshot())


def _check(built: Vectors, keyword_rows: int) -> None:
    count = len(built)
    if keyword_rows != count:
        raise IndexCorrupt(f"built {count} vectors and {keyword_rows} keyword rows: they should be as many")
    everything = built.select(np.ones(count, bool))
    sample = built.at(np.linspace(0, count - 1, min(_SAMPLE, count), dtype=np.int64)) if count else ()
    found = [float(built.search(vector, everything, 1)[1][0]) for vector in sample]
    own = [float(vector @ vector) for vector in sample]
    if not np.greater_equal(found, np.array(own) - 1e-3).all():  # nothing is nearer to a vector than itself
        raise IndexCorrupt("the new vector index does not find its own vectors; the live one stays")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Puts a manifest into a folder in one step. Raises OSError."""
    file = manifest_file(folder)
    temporary = file.with_suffix(".new")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    sync(temporary)
    temporary.replace(file)
    sync(folder)


def _remove_leftovers(index: Path) -> None:
    for leftover in (index / "generations").glob("*.building"):
        shutil.rmtree(leftover)


def numbers(index: Path) -> list[int]:
    """The generations that are on disk."""
    return [int(entry.name) for entry in (index / "generations").glob("[0-9]*") if entry.name.isdigit()]


@lru_cache(maxsize=16)
def _digest(file: Path, *_: int) -> str:
    """The sum of a file that has not changed since it was last summed: a writer opens the index at every edit."""
    return _sha256(file)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Waits until a file or folder is on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def describe(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain values, for people and health checks."""
    return {
        name: getattr(manifest, name) for name in ("generation", "base", "passages", "model", "fingerprint", "built_at")
    }

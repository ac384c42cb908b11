"""Generations of the index: built and checked beside the live one, each with a manifest that says what it holds.

index/manifest.json            the manifest of the generation that is live, and which one was before it
index/generations/000007/      manifest.json · vectors.faiss · keywords/ · forward.*.npy

Which one is live, and which are kept, is decided in `succession`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import faiss
import msgspec
import numpy as np
from numpy.typing import NDArray

from kb.errors import IndexCorrupt, IndexMismatch, IndexMissing
from kb.model import Access, utc_now
from kb.search import forward, vocabulary
from kb.search import vectors as vector_files
from kb.search.forward import Forward
from kb.search.keywords import Keywords
from kb.search.terms import RULES
from kb.search.vocabulary import Vocabulary

FORMAT = 3
_VECTORS, _KEYWORDS = "vectors.faiss", "keywords"
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
    vectors_sha256: str
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


def load_vectors(index: Path, manifest: Manifest) -> faiss.Index:
    """The live generation's vectors, verified. Raises IndexCorrupt."""
    file = folder(index, manifest.generation) / _VECTORS
    try:
        digest = _sha256(file)
    except FileNotFoundError as error:
        raise IndexCorrupt(f"{file} is missing: run `kb reindex`") from error
    if digest != manifest.vectors_sha256:
        raise IndexCorrupt(f"{file} is damaged (its SHA-256 is not the manifest's): run `kb reindex`")
    loaded = vector_files.read(file)
    if loaded.ntotal != manifest.passages:
        raise IndexCorrupt(f"{file} holds {loaded.ntotal} vectors, not {manifest.passages}: run `kb reindex`")
    return loaded


def load_forward(index: Path, manifest: Manifest) -> Forward:
    """The live generation's forward index. Raises IndexCorrupt."""
    return forward.read(folder(index, manifest.generation), manifest.passages)


def load_vocabulary(index: Path, manifest: Manifest) -> Vocabulary:
    """The live generation's vocabulary. Raises IndexCorrupt."""
    return vocabulary.read(folder(index, manifest.generation))


def build(
    index: Path,
    rows: Iterable[tuple[Access, str]],
    vectors: NDArray[np.float32],
    *,
    base: int,
    model: str,
    fingerprint: str,
    store: str,
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
) -> Manifest:
    """Builds and checks the generation that holds `rows` and their `(n, dim)` vectors, beside the live one.

    Nobody reads it before it is published; a process killed before that leaves only a folder that is removed later.
    Raises IndexCorrupt where the check fails, OSError where the disk does.
    """
    number = 1 + max(numbers(index), default=0)
    staging = folder(index, number).with_suffix(".building")
    _remove_leftovers(index)
    (staging / _KEYWORDS).mkdir(parents=True)
    built = vector_files.build(vectors)
    vector_files.write(built, staging / _VECTORS)
    keywords = Keywords(staging / _KEYWORDS, create=True)
    held = list(rows)
    keywords.commit(held, replaces=(), change=base)
    vocabulary.write(staging, vocabulary.gather(held))
    forward.write(staging, (forward.record(embedded) for _, embedded in held))
    _check(vector_files.read(staging / _VECTORS), vectors, len(keywords.snapshot()))
    sync(staging / _VECTORS)
    manifest = Manifest(
        format=FORMAT,
        generation=number,
        base=base,
        passages=len(vectors),
        dim=vectors.shape[1],
        model=model,
        fingerprint=fingerprint,
        terms=RULES,
        store=store,
        built_at=utc_now().isoformat(timespec="seconds"),
        vectors_sha256=_sha256(staging / _VECTORS),
        query_prompt=query_prompt,
        passage_prompt=passage_prompt,
    )
    write_manifest(staging, manifest)
    staging.rename(folder(index, number))
    sync(folder(index, number).parent)
    return manifest


def _check(index: faiss.Index, vectors: NDArray[np.float32], keyword_rows: int) -> None:
    if index.ntotal != len(vectors) or keyword_rows != len(vectors):
        raise IndexCorrupt(f"built {index.ntotal} vectors and {keyword_rows} keyword rows of {len(vectors)} passages")
    if len(vectors) == 0:
        return
    sample = vectors[np.linspace(0, len(vectors) - 1, min(_SAMPLE, len(vectors)), dtype=int)]
    best, _ = index.search(np.ascontiguousarray(sample), 1)
    exact = (sample @ vectors.T).max(axis=1)
    if not np.allclose(best[:, 0], exact, atol=1e-4):
        raise IndexCorrupt("the new vector index does not find what exact search finds; the live one stays")


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

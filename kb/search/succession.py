"""Which generation is live, which one was before it, and which are kept: one rename of `index/manifest.json` decides.

The live generation and the one before it stay on disk, so that the step from one to the other can be taken back.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from kb.errors import IndexCorrupt, IndexMismatch, IndexMissing
from kb.search import generation
from kb.search.generation import Manifest


def live(index: Path) -> Manifest | None:
    """The live generation's manifest; None where there is none that this kb can read."""
    try:
        return generation.read_manifest(index)
    except (IndexMissing, IndexCorrupt, IndexMismatch):
        return None


def before(index: Path) -> Manifest:
    """The manifest of the generation before the live one. Raises IndexMissing, IndexCorrupt, IndexMismatch."""
    current = generation.read_manifest(index)
    if current.previous is None:
        raise IndexMissing(f"generation {current.generation} is the first: there is none before it to go back to")
    try:
        return generation.read_manifest(generation.folder(index, current.previous))
    except IndexMissing as error:
        raise IndexCorrupt(
            f"generation {current.previous}, the one before, is gone or not whole: run `kb reindex --full` instead"
        ) from error


def publish(index: Path, manifest: Manifest) -> Manifest:
    """Makes a built generation live in one step; the one that was live becomes the one before it. Raises OSError."""
    current = live(index)
    if current is not None:
        _keep_manifest(index, current)
    made = msgspec.structs.replace(manifest, previous=_before(current, manifest.generation))
    generation.write_manifest(index, made)
    return made


def _before(current: Manifest | None, number: int) -> int | None:
    if current is None:
        return None
    return current.previous if current.generation == number else current.generation


def _keep_manifest(index: Path, manifest: Manifest) -> None:
    """A generation built by an older kb has no manifest of its own yet."""
    folder = generation.folder(index, manifest.generation)
    if folder.is_dir() and not generation.manifest_file(folder).exists():
        generation.write_manifest(folder, msgspec.structs.replace(manifest, previous=None))


def note(index: Path, manifest: Manifest, name: str, content: bytes) -> None:
    """Keeps a small file in a generation's folder. Raises OSError."""
    (generation.folder(index, manifest.generation) / name).write_bytes(content)


def discard(index: Path, manifest: Manifest) -> None:
    """Removes a generation that was built and is not to be published."""
    shutil.rmtree(generation.folder(index, manifest.generation))


def remove_old(index: Path) -> None:
    """Removes all generations but the live one and the one before it."""
    current = generation.read_manifest(index)
    for number in set(generation.numbers(index)) - {current.generation, current.previous}:
        shutil.rmtree(generation.folder(index, number))


def drop_before(index: Path) -> None:
    """Removes all generations but the live one, to which there is then none to go back from. Raises OSError."""
    current = generation.read_manifest(index)
    generation.write_manifest(index, msgspec.structs.replace(current, previous=None))
    remove_old(index)


def oldest_base(index: Path) -> int:
    """The change from which on every row is still needed, by the live generation or the one before it."""
    current = generation.read_manifest(index)
    try:
        return min(current.base, before(index).base)
    except (IndexMissing, IndexCorrupt, IndexMismatch):
        return current.base

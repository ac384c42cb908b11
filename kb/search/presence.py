"""Whether the files of a generation are still there, whole and readable, while it answers."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kb.errors import IndexCorrupt
from kb.search import generation
from kb.search.generation import Manifest

_SEGMENT = ("fast", "fieldnorm", "idx", "pos", "store", "term")


class Presence:
    """Knows the files of the generation that it was asked about last, and how large each of them was then."""

    def __init__(self) -> None:
        self._place = Path()
        self._sizes: dict[Path, int] = {}

    def check(self, index: Path, manifest: Manifest) -> None:
        """Raises IndexCorrupt naming a file that is gone, shorter than it was, or not to be read; reads a byte of each.

        Files that are mapped into memory still answer when they are gone, until the next start.
        """
        place = generation.folder(index, manifest.generation)
        if place != self._place:
            self._sizes = {file: file.stat().st_size for file in place.iterdir() if file.is_file()}
            self._place = place
        for file, size in self._sizes.items():
            _read(file, size)
        for lane in sorted(generation.keywords_folder(index, manifest.generation).iterdir()):
            if not _is_whole(lane) and not _is_whole(lane):  # twice: segments are merged meanwhile
                raise IndexCorrupt(f"{lane} lacks a segment, or it is empty: run `kb reindex`")


def _read(file: Path, size: int) -> None:
    try:
        with file.open("rb", buffering=0) as stream:
            stream.read(1)
            whole = stream.seek(0, 2) >= size
    except OSError as error:
        raise IndexCorrupt(f"{file}: {error.strerror}: run `kb reindex`") from error
    if not whole:
        raise IndexCorrupt(f"{file} is shorter than it was: run `kb reindex`")


def _is_whole(lane: Path) -> bool:
    try:
        segments = msgspec.json.decode((lane / "meta.json").read_bytes())["segments"]
        names = [segment["segment_id"].replace("-", "") for segment in segments]
        for name in names:
            for ending in _SEGMENT:
                _read(lane / f"{name}.{ending}", 1)
    except (OSError, msgspec.DecodeError, IndexCorrupt):
        return False
    return True

"""An edit taken into a copy of a generation's keyword segments, to see what it would do; the segments stay as they are.

Segments never change once written, so that a copy is links to their files, and takes no room.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kb.errors import IndexCorrupt
from kb.search import generation
from kb.search.analysis import Analysed
from kb.search.fields import LANES
from kb.search.generation import Manifest
from kb.search.keywords import Keywords, Snapshot

_META, _MANAGED = "meta.json", ".managed.json"
_LEFT_OVER_SECONDS = 3_600.0


def committed_beside(
    index: Path, manifest: Manifest, passages: Iterable[Analysed], *, replaces: Sequence[str], change: int
) -> Snapshot | None:
    """What the segments would hold at `change + 1`, had the edit been committed to what they hold at `change`.

    None where they hold another change by now, or are just being written. Raises OSError.
    """
    with _folder(index) as place:
        try:
            for lane in LANES:
                _link(generation.keywords_folder(index, manifest.generation) / lane, place / lane)
            segments = Keywords(place)
            if segments.snapshot().change() != change:
                return None
        except (FileNotFoundError, IndexCorrupt):  # merged and removed between the listing and the link
            return None
        segments.commit(passages, replaces=replaces, change=change + 1)
        return segments.snapshot()  # it holds its files open: the folder need not stay


@contextmanager
def _folder(index: Path) -> Iterator[Path]:
    """A folder beside the generations; those that a killed process left are removed."""
    root = index / "beside"
    root.mkdir(parents=True, exist_ok=True)
    for entry in root.iterdir():
        with suppress(FileNotFoundError):  # another one's, that has just ended
            if time.time() - entry.stat().st_mtime > _LEFT_OVER_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as place:
        yield Path(place)


def _link(there: Path, here: Path) -> None:
    """One lane's files, as its last commit names them. Raises FileNotFoundError."""
    here.mkdir()
    written = {name: (there / name).read_bytes() for name in (_META, _MANAGED)}
    named = _named(written[_META])
    for file in there.iterdir():
        if _segment(file) in named and (file.suffix != ".del" or file.name == named[_segment(file)]):
            try:
                os.link(file, here / file.name)
            except FileNotFoundError:
                raise
            except OSError:  # a file system without links
                shutil.copy2(file, here / file.name)
    for name, content in written.items():
        (here / name).write_bytes(content)


def _named(meta: bytes) -> dict[str, str]:
    """Of each segment of a commit its name, and that of the file of its deletions.

    A later commit's deletions may lie beside them, and would be in the way of those that are made here.
    """
    return {
        (id_ := segment["segment_id"].replace("-", "")): f"{id_}.{(segment['deletes'] or {}).get('opstamp')}.del"
        for segment in json.loads(meta)["segments"]
    }


def _segment(file: Path) -> str:
    return file.name.partition(".")[0]

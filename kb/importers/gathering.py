"""The files of an import: those named, and all of a folder and its sub-folders, each with its path and its kind."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.errors import InputError
from kb.importers.kinds import Recognised, recognise
from kb.importers.limits import Limits

_BESIDE = frozenset(
    (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bmp", ".ico", ".emf", ".wmf", ".wmz", ".emz", ".css", ".js",
     ".map", ".woff", ".woff2", ".ttf", ".eot", ".thmx", ".mso")
)  # fmt: skip
"""What pages bring along: no documents by themselves."""
_FILES = "filelist.xml", "colorschememapping.xml"  # Word's own, beside its pages


@dataclass(frozen=True, slots=True)
class Source:
    """A file, its POSIX path below `root` (NFC), and the folder from which it may take pictures."""

    file: Path
    path: str
    root: Path


def gather(named: Sequence[Path], limits: Limits) -> list[Source]:
    """What to import, in the order named, folders sorted. Raises InputError where there is too much or nothing."""
    found: dict[Path, Source] = {}
    for path in named:
        for source in _below(path) if path.is_dir() else [Source(path, _nfc(path.name), path.parent)]:
            found.setdefault(source.file.resolve(), source)
            if len(found) > limits.files:
                told = f"accepted are {limits.files:,} (setting import_files)"
                raise InputError(f"{path}: more than {limits.files:,} files; {told}: import parts of the folder")
    if not found:
        raise InputError(f"{', '.join(map(str, named))}: there is nothing in it that can be imported")
    return list(found.values())


def _below(folder: Path) -> Iterator[Source]:
    """Not the hidden files, nor what a link leads to outside of the folder."""
    root = folder.resolve()
    listed = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        for name in names:
            file = Path(place, name)
            beside = file.suffix.lower() in _BESIDE or name.lower() in _FILES or name.startswith((".", "~$"))
            if not beside and file.is_file() and file.resolve().is_relative_to(root):
                listed.append(Source(file, _nfc(file.relative_to(folder).as_posix()), folder))
    yield from sorted(listed, key=lambda source: source.path)


def contents(source: Source, limits: Limits) -> tuple[bytes, Recognised]:
    """The bytes of a file and what it is. Raises InputError."""
    try:
        size = source.file.stat().st_size
        if size > limits.file:
            told = f"accepted are {limits.file:,} (setting import_megabytes): split it"
            raise InputError(f"{source.path}: has {size:,} bytes; {told}")
        data = source.file.read_bytes()
    except OSError as error:
        raise InputError(f"{source.path}: cannot be read: {error.strerror}") from error
    return data, recognise(data, source.path)


def _nfc(path: str) -> str:
    return unicodedata.normalize("NFC", path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))

"""What of a home goes into a backup: all that cannot be rebuilt, and no secret in plain text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kb.config import Paths, Settings

LEFT_OUT = ("admin.key", "envelope.key", "handover.key")
"""Of `data/`: secrets in plain text, which a backup must not have. Of an admin key the database keeps a hash."""
_PASSING = (".lock", ".new", ".partial", "-wal", "-shm", "-journal")


def databases(home: Paths) -> list[Path]:
    """The databases of a home, the knowledge last: what others say of its keys and documents, it then knows."""
    found = sorted((home.home / "data").glob("*.sqlite"))
    return sorted(found, key=lambda file: file == home.database)


def files(home: Paths, settings: Settings) -> list[Path]:
    """All other files, below the home: the rest of `data/`, settings, word lists, golden questions, `articles/`.

    Not what is hidden, nor a named file that lies outside the home.
    """
    named = [home.home / "kb.toml", home.synonyms, *home.golden(settings.golden)]
    inside = [file for file in named if file.is_file() and _is_inside(file, home.home)]
    return [*_of_data(home), *dict.fromkeys(map(_plain, inside)), *_of_articles(home)]


def _of_data(home: Paths) -> Iterator[Path]:
    for file in sorted((home.home / "data").glob("[!.]*")):
        passing = file.name.endswith(_PASSING) or file.name.startswith("customer.key.")
        if file.is_file() and file.suffix != ".sqlite" and file.name not in LEFT_OUT and not passing:
            yield file


def _of_articles(home: Paths) -> Iterator[Path]:
    for place, folders, names in os.walk(home.articles):  # follows no links to folders, as reindexing does not
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place, name)
            if not name.startswith(".") and file.is_file() and _is_inside(file, home.articles):
                yield file


def _is_inside(file: Path, folder: Path) -> bool:
    return file.resolve().is_relative_to(folder.resolve())


def _plain(file: Path) -> Path:
    return Path(os.path.normpath(file))

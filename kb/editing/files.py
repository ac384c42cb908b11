"""Files below `articles/`: read, compared with their last reading, and replaced in one step."""

from __future__ import annotations

import hashlib
import os
from datetime import tzinfo
from pathlib import Path

from sqlite_utils import Database

from kb.config import Paths
from kb.errors import InputError
from kb.ingest.articles import MalformedArticle, SourceFile, one_line_end, read_source
from kb.ingest.readings import digest_of
from kb.store import documents, drafts


def file_of(paths: Paths, path: str) -> Path:
    """Where a file below `articles/` lies. Raises InputError where a link leads out of it."""
    file = paths.articles / path
    if not file.resolve().is_relative_to(paths.articles.resolve()):
        raise InputError(f"{path!r} leads outside {paths.articles}: give the article another id")
    return file


def file_text(paths: Paths, path: str) -> str | None:
    """The text of a file below `articles/`, with its line ends made one; None where there is none to be read."""
    file = paths.articles / path
    try:
        return one_line_end(read_source(SourceFile(path, file)).decode("utf-8-sig")) if file.is_file() else None
    except (MalformedArticle, UnicodeDecodeError):
        return None


def is_unread(db: Database, paths: Paths, path: str, document_id: str, timezone: tzinfo) -> bool:
    """Whether the file at a path is another than the one that was read last as this article's, there or gone."""
    reading = documents.file_at(db, path)
    try:
        data = bytes_of(paths.articles / path)
    except OSError:
        return True
    if data is None or reading is None:
        return (data is None) != (reading is None)
    return reading.document_id != document_id or reading.digest != digest_of(data, path, timezone)


def put_file(file: Path, content: bytes) -> None:
    """Writes a file in one step: it is the old one or the new, on the disk. Raises OSError."""
    if bytes_of(file) == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name[:200]}.new")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
    settle(file.parent)


def settle(folder: Path) -> None:
    """What was renamed or removed in a folder survives a power cut."""
    if not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def taken_images(db: Database, paths: Paths, path: str, document_id: str) -> list[str]:
    """The pictures of an edit in whose place others lie beside the file at a path."""
    folder, kept = (paths.articles / path).parent, drafts.images(db, document_id)
    return [name for name, content in kept.items() if bytes_of(folder / name) not in (None, content)]


def bytes_of(file: Path) -> bytes | None:
    """What a file holds; None where there is none. Raises OSError."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def sha256(data: bytes | None) -> str | None:
    """In hexadecimal; None of nothing."""
    return None if data is None else hashlib.sha256(data).hexdigest()

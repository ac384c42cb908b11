"""How large what is imported may be: a file that goes beyond is refused with its size, before it is unpacked."""

from __future__ import annotations

from dataclasses import dataclass

from kb.config import Settings

_MEGABYTE = 1024 * 1024
PACKED_PARTS = 10_000
"""Files within a DOCX: more of them are no document."""
DEPTH = 200
"""How deep the elements of a page may lie within each other."""
ELEMENTS = 100_000
"""Elements of a page, each counted twice: a page of more is a book, and takes minutes."""
CELLS = 20_000
"""Cells of one table, those counted twice that were merged."""
REPEATED = 1_000_000
"""Characters that the merged cells of a table may add, where each has the text."""
PICTURES = 500
"""Pictures of one document."""


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes: of a file, of what it unpacks to, of a picture; and how many files one import may have."""

    file: int
    unpacked: int
    picture: int
    files: int


def limits_of(settings: Settings) -> Limits:
    """The limits that the settings name in megabytes (of 1,048,576 bytes)."""
    return Limits(
        file=settings.import_megabytes * _MEGABYTE,
        unpacked=settings.import_unpacked_megabytes * _MEGABYTE,
        picture=settings.import_image_megabytes * _MEGABYTE,
        files=settings.import_files,
    )

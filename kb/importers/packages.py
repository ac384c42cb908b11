"""DOCX and XLSX are ZIP files of XML: opened only where they are as large as they say and declare no entities."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import NoReturn
from xml.parsers import expat

from kb.errors import InputError
from kb.importers.limits import PACKED_PARTS, Limits


def checked_package(data: bytes, name: str, limits: Limits) -> zipfile.ZipFile:
    """The opened package. Raises InputError where it unpacks to too much, is damaged, or holds a document type."""
    try:
        package = zipfile.ZipFile(BytesIO(data))
        _refuse_bombs(package, name, limits)
        for part in package.infolist():
            if part.filename.endswith((".xml", ".rels")):
                _refuse_entities(package, part, name)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{name}: is damaged ({error}): save it anew") from error
    return package


def _refuse_bombs(package: zipfile.ZipFile, name: str, limits: Limits) -> None:
    """By what the package says of itself: Python reads no part further than that."""
    parts = package.infolist()
    size = sum(part.file_size for part in parts)
    if size > limits.unpacked:
        limit = f"accepted are {limits.unpacked:,} (setting import_unpacked_megabytes)"
        raise InputError(f"{name}: unpacks to {size:,} bytes; {limit}: split it, or make its pictures smaller")
    if len(parts) > PACKED_PARTS:
        raise InputError(f"{name}: holds {len(parts):,} parts; accepted are {PACKED_PARTS:,}")


def _refuse_entities(package: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    def refuse(*_: object) -> NoReturn:
        told = "declares a document type or entities, as no office program does: save it anew"
        raise InputError(f"{name}: {part.filename}: {told}")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        with package.open(part) as stream:
            parser.ParseFile(stream)
    except expat.ExpatError as error:
        raise InputError(f"{name}: {part.filename} is damaged ({error}): save it anew") from error

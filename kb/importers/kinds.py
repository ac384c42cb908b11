"""What a file is, told by its bytes; its name decides only between kinds of plain text."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import PurePath
from typing import Literal

from kb.errors import InputError

Recognised = Literal["html", "docx", "markdown", "table", "records"]
_SAMPLE = 64 * 1024
_MARKDOWN = (".md", ".markdown")
_TABLES = (".csv", ".tsv")
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|title|meta|h[1-6]|p|div|table|ul|ol|article|main)\b[^>]*>", re.IGNORECASE
)
_WORD = re.compile(r"word/document\d*\.xml")
_ACCEPTED = "accepted are HTML, DOCX, Markdown, and FAQ tables as XLSX or CSV"
_FOREIGN = (
    (b"%PDF-", "is a PDF: save it as DOCX, or export its text as HTML"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "is of Office before 2007, or under a password: save it anew as DOCX or XLSX",
    ),
    (b"{\\rtf", "is RTF: save it as DOCX"),
    (b"MIME-Version:", "is a single-file web page (MHTML): save it as a web page (HTML)"),
)


def recognise(data: bytes, name: str) -> Recognised:
    """The kind of a file. Raises InputError where it is none that can be imported, saying what to do instead."""
    for start, told in _FOREIGN:
        if data.startswith(start):
            raise InputError(f"{name}: {told}")
    if data.startswith(b"PK\x03\x04"):
        return _of_package(data, name)
    if not data.strip():
        raise InputError(f"{name}: is empty")
    return _of_text(data, PurePath(name).suffix.lower(), name)


def _of_package(data: bytes, name: str) -> Recognised:
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            parts = set(package.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(f"{name}: is damaged ({error}): save it anew") from error
    if any(_WORD.fullmatch(part) for part in parts):
        return "docx"
    if "xl/workbook.xml" in parts:
        return "table"
    raise InputError(f"{name}: is a ZIP file and neither DOCX nor XLSX; {_ACCEPTED}: unpack it and name the folder")


def _of_text(data: bytes, suffix: str, name: str) -> Recognised:
    head = data[:_SAMPLE]
    if suffix in (".jsonl", ".json"):
        return "records"
    if suffix in _TABLES:
        return "table"
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name}: is no text; {_ACCEPTED}")
    if suffix in _MARKDOWN:
        return "markdown"
    if _HTML.search(head.replace(b"\0", b"")):
        return "html"
    raise InputError(f"{name}: is not recognised; {_ACCEPTED}: name plain text .md, and a table .csv")

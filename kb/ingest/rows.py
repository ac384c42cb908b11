"""Rows of CSV and XLSX files, one by one: a bad row is told with its place, and costs no good one."""

from __future__ import annotations

import codecs
import csv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import charset_normalizer
import openpyxl
from defusedxml.ElementTree import iterparse
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from kb.errors import InputError
from kb.ingest.mapping import plain

MOST_BYTES = 1024**3
UNPACKED_BYTES = 512 * 1024**2
"""Of all that a workbook unpacks to: what is larger is no workbook but a bomb, or wants to be CSV."""
_COLUMNS = 1_000  # of a row that merged cells make longer
_CELL = 1_000_000  # characters of a cell
_ROW_LINES = 500  # lines of a row: more of them are an open quotation mark
_SAMPLE = 1_000_000  # bytes by which an encoding is told
_SPOILT = 0.01  # of the characters beyond ASCII: more that cannot be read, and the encoding is another
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


Cells = tuple[list[Any], str | None]
"""The cells of a row, or why there are none."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its number in a spreadsheet (the header is 1): its cells by column, or why it cannot be read."""

    number: int
    cells: dict[str, Any]
    trouble: str | None = None
    column: str | None = None


def rows(file: Path, *, encoding: str | None = None, lenient: bool = False) -> Iterator[Row]:
    """The rows of a CSV, TSV or XLSX file below its header. Raises InputError where none can be read.

    `lenient` takes forms as people fill them in: columns of one name are told apart by a number, and of merged cells
    each has the text.
    """
    try:
        size = file.stat().st_size
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    if size > MOST_BYTES:
        raise InputError(f"{file}: has {size:,} bytes; accepted are {MOST_BYTES:,}: split it")
    read = _of_workbook(file, lenient=lenient) if is_workbook(file) else _of_text(file, encoding)
    yield from _below_header(file, read, lenient=lenient)


def is_workbook(file: Path) -> bool:
    """Whether a table is XLSX, by its name or its bytes. Raises InputError."""
    try:
        with file.open("rb") as stream:
            return file.suffix.lower() == ".xlsx" or stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def encoding_of(file: Path) -> str:
    """The encoding of a text file: by its mark, UTF-8 where it is that, else the likelier of GB18030 and Big5."""
    with file.open("rb") as stream:
        return encoding_of_bytes(stream.read(_SAMPLE))


def encoding_of_bytes(data: bytes) -> str:
    """The encoding of a text that begins so."""
    head = data[:_SAMPLE]
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    text = head.decode("utf-8", "replace").rstrip("\ufffd")
    beyond = sum(character > "\x7f" for character in text)
    if not beyond or text.count("\ufffd") <= _SPOILT * beyond:
        return "utf-8"
    best = charset_normalizer.from_bytes(head, cp_isolation=["gb18030", "big5"]).best()
    return best.encoding if best else "gb18030"


def _of_text(file: Path, encoding: str | None) -> Iterator[Cells]:
    try:
        found = encoding or encoding_of(file)
        with file.open(encoding=found, errors="replace", newline="") as stream:
            yield from _records(stream, found)
    except LookupError as error:
        raise InputError(f"{file}: {encoding!r} is no encoding; such are utf-8, gb18030, big5") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def _records(stream: Any, encoding: str) -> Iterator[Cells]:
    """The cells of each row, or why there are none. A quotation mark that never closes costs its own line alone."""
    csv.field_size_limit(_CELL)
    waiting: list[str] = []
    lines = iter(stream)
    separator = ""
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        if line is None:
            return
        separator = separator or max(",;\t，；", key=line.count)
        taken, open_ = [line], _is_open([line], separator)
        while open_ and len(taken) < _ROW_LINES:
            following = waiting.pop(0) if waiting else next(lines, None)
            if following is None:
                break
            taken.append(following)
            open_ = '"' not in following or _is_open(taken, separator)
        open_ = open_ or (len(taken) > 1 and not _is_sound(taken, separator))
        if open_ and len(taken) > 1:
            taken, waiting = taken[:1], taken[1:] + waiting
        yield _parsed(taken, separator, encoding, open_=open_)


def _is_open(lines: Sequence[str], separator: str) -> bool:
    """Whether a quoted cell goes on after these lines."""
    try:
        next(csv.reader(lines, delimiter=separator, strict=True), None)
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _is_sound(lines: Sequence[str], separator: str) -> bool:
    """Whether a quoted cell over several lines ends where a cell may; else its mark closed another's."""
    try:
        return next(csv.reader(lines, delimiter=separator, strict=True), None) is not None
    except csv.Error:
        return False


def _parsed(lines: Sequence[str], separator: str, encoding: str, *, open_: bool) -> Cells:
    try:
        cells = next(csv.reader(lines, delimiter=separator, strict=open_), [])
    except csv.Error as error:
        if open_:
            return [], "a quotation mark is never closed; close it, or double it within a cell"
        return [], f"{error}; accepted are cells of at most {_CELL:,} characters"
    if any("\ufffd" in cell for cell in cells):
        return cells, f"holds bytes that are not {encoding}; save the file as UTF-8, or name its encoding"
    return cells, None


def sheets(file: Path) -> tuple[str, ...]:
    """The names of a workbook's sheets, of which `rows` reads the first; none for text. Raises InputError."""
    if not is_workbook(file):
        return ()
    book = _opened(file)
    try:
        return tuple(book.sheetnames)
    finally:
        book.close()


def _opened(file: Path) -> Any:
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > UNPACKED_BYTES:
            raise InputError(f"{file}: unpacks to {size:,} bytes; accepted are {UNPACKED_BYTES:,}: save it as CSV")
        source = file if file.suffix.lower() == ".xlsx" else BytesIO(file.read_bytes())
        return openpyxl.load_workbook(source, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError) as error:
        raise InputError(f"{file}: is no XLSX workbook ({type(error).__name__}): save it anew as .xlsx") from error


def _of_workbook(file: Path, *, lenient: bool) -> Iterator[Cells]:
    book = _opened(file)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        read = (list(cells) for cells in sheet.iter_rows(values_only=True))
        yield from ((cells, None) for cells in (_filled(read, _merged(sheet)) if lenient else read))
    finally:
        book.close()


def _merged(sheet: Any) -> list[tuple[int, int, int, int]]:
    """The merged ranges of a sheet that is read row by row: first column and row, last column and row."""
    found = []
    with sheet._get_source() as part:
        for _, element in iterparse(part):
            if element.tag.endswith("}mergeCell"):
                found.append(range_boundaries(element.get("ref")))
            element.clear()
    return found


def _filled(read: Iterator[list[Any]], merged: Sequence[tuple[int, int, int, int]]) -> Iterator[list[Any]]:
    """The rows, with the text of merged cells in each that they cover; a row that holds nothing of its own stays so."""
    waiting = sorted(merged, key=lambda place: place[1], reverse=True)
    open_: list[tuple[int, int, int, Any]] = []
    for number, cells in enumerate(read, 1):
        open_ = [place for place in open_ if place[2] >= number]
        while waiting and waiting[-1][1] <= number:
            first, _, last, bottom = waiting.pop()
            open_.append((first - 1, last, bottom, cells[first - 1] if first <= len(cells) else None))
        if any(plain(cell) for cell in cells):
            for first, last, _, text in open_:
                cells += [None] * (min(last, _COLUMNS) - len(cells))
                cells[first:last] = [text if cell is None else cell for cell in cells[first:last]]
        yield cells


def _below_header(file: Path, records: Iterator[Cells], *, lenient: bool) -> Iterator[Row]:
    names: list[str] = []
    for number, (cells, trouble) in enumerate(records, 1):
        if not any(plain(cell) for cell in cells) and trouble is None:
            continue
        if not names:
            names = _names(file, cells, lenient=lenient)
            continue
        found = dict(zip(names, [*cells, *[None] * (len(names) - len(cells))], strict=False))
        spare = [plain(cell) for cell in cells[len(names) :] if plain(cell)]
        if trouble is None and spare:
            trouble = f"has {len(cells)} cells, the header {len(names)}: put cells that hold a separator in quotes"
        spoilt = next((n for n, cell in found.items() if isinstance(cell, str) and "\ufffd" in cell), None)
        yield Row(number, found, trouble, spoilt if trouble else None)


def _names(file: Path, cells: Sequence[Any], *, lenient: bool) -> list[str]:
    names = [plain(cell) for cell in cells]
    if lenient:
        counts = [names[: at + 1].count(name) for at, name in enumerate(names)]
        return [f"{name} ({n})" if name and n > 1 else name for name, n in zip(names, counts, strict=True)]
    twice = {name for name in names if name and names.count(name) > 1}
    if twice:
        raise InputError(f"{file}: row 1: {', '.join(sorted(twice))} stands twice in the header; name each column once")
    return names

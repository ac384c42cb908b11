"""Records of files that are not in kb's own format: by a declared mapping, or as Zendesk exports them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from kb.errors import InputError, UsageError
from kb.ingest.mapping import Mapping, read_mapping
from kb.ingest.rows import Row, rows
from kb.ingest.zendesk import joined
from kb.model import Problem

TABLES = (".csv", ".tsv", ".xlsx")
_MOST_BYTES = 512 * 1024**2


class Layout(msgspec.Struct, frozen=True):
    """How files are to be read: `zendesk` exports or not, by which mapping, in which encoding."""

    format: str | None = None
    mapping: dict[str, Any] | None = None
    encoding: str | None = None

    def is_for(self, file: Path) -> bool:
        """Whether a file is none of kb's own JSON Lines."""
        return self.format == "zendesk" or file.suffix.lower() in TABLES or self.mapping is not None


@dataclass(frozen=True, slots=True)
class Exported:
    """A record as kb reads them, with its row and how its fields are called there; or what is wrong with it."""

    number: int
    record: dict[str, Any]
    problem: Problem | None = None
    mapping: Mapping | None = None

    def named(self, problem: Problem) -> Problem:
        """A problem told in the words of the file: row, column, and what kb calls it."""
        column = self.mapping.column(problem.field) if self.mapping else None
        field = f"{column} ({problem.field})" if column and column != problem.field else problem.field
        return replace(problem, field=field)


def exported(file: Path, layout: Layout) -> Iterator[Exported]:
    """The records of a file. Raises UsageError where the mapping does not fit, InputError where it cannot be read."""
    if layout.format == "zendesk":
        yield from _of_zendesk(file)
        return
    if layout.mapping is None:
        raise UsageError(
            f"{file}: say which columns hold what: --map id=…,subject=…, or a section [sources.NAME] with --source "
            "NAME; a table of questions and answers is read with --faq"
        )
    mapping = read_mapping(layout.mapping, str(file))
    missing: list[str] | None = None
    for row in _rows(file, layout):
        if missing is None:
            wanted = [c.path for c in mapping.columns.values() if c.path and "." not in c.path]
            missing = [path for path in wanted if path not in row.cells] if row.trouble is None else None
            if missing:
                known = ", ".join(map(repr, row.cells))
                raise UsageError(f"{file}: there is no column {', '.join(map(repr, missing))}; there are {known}")
        if row.trouble is not None:
            problem = Problem(str(file), row.number, row.column, row.trouble)
            yield Exported(row.number, {}, problem, mapping)
        else:
            yield Exported(row.number, mapping.record(row.cells), None, mapping)


def _rows(file: Path, layout: Layout) -> Iterator[Row]:
    if file.suffix.lower() in TABLES:
        return rows(file, encoding=layout.encoding)
    return (
        Row(n, item) if isinstance(item, dict) else Row(n, {}, "is no JSON object") for n, item in _json_lines(file)
    )


def _of_zendesk(file: Path) -> Iterator[Exported]:
    tickets: list[Any] = []
    comments: list[Any] = []
    users: list[Any] = []
    numbers: list[int] = []
    for number, item in _documents(file):
        if not isinstance(item, dict):
            yield Exported(number, {}, Problem(str(file), number, None, "is no JSON object"))
            continue
        before = len(tickets)
        _sort(item, tickets, comments, users)
        numbers += [number] * (len(tickets) - before)
    for number, record in zip(numbers, joined(tickets, comments, users), strict=True):
        yield Exported(number, record)


def _sort(item: dict[str, Any], tickets: list[Any], comments: list[Any], users: list[Any]) -> None:
    """Puts what a document or a line holds where it belongs."""
    for one, many, place in (
        ("ticket", "tickets", tickets),
        ("comment", "comments", comments),
        ("user", "users", users),
    ):
        if isinstance(item.get(many), list) and "requester_id" not in item:
            place += item[many]
        if isinstance(item.get(one), dict):
            place.append(item[one])
    if "requester_id" in item:
        tickets.append(item)
    elif "ticket_id" in item:
        comments.append(item)
    elif "role" in item and "name" in item:
        users.append(item)
    elif not item.keys() & {"ticket", "tickets", "comment", "comments", "user", "users"}:
        tickets.append(item)


def _documents(file: Path) -> Iterator[tuple[int, Any]]:
    """The one document of a JSON file, or the lines of JSON Lines."""
    if file.suffix.lower() != ".json":
        yield from _json_lines(file)
        return
    try:
        if (size := file.stat().st_size) > _MOST_BYTES:
            raise InputError(f"{file}: has {size:,} bytes; accepted are {_MOST_BYTES:,}: export it as JSON Lines")
        yield 1, json.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        yield from _json_lines(file)


def _json_lines(file: Path) -> Iterator[tuple[int, Any]]:
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, _decoded(line)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def _decoded(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None

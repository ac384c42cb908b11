"""Import records: one line of JSON becomes an article, a ticket, or a reason to skip it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import Any

from kb.errors import InputError
from kb.ingest.articles import MalformedArticle, article_from_mapping
from kb.ingest.fields import shown
from kb.ingest.redaction import Redactor
from kb.ingest.tickets import Skipped as Skipped
from kb.ingest.tickets import ticket_from_mapping
from kb.model import Article, Problem, Ticket

_KINDS = "article and ticket"


class MalformedRecord(InputError):
    """A line of an import file cannot be read; `problem` is the first thing wrong with it, `problems` are all."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        self.problem = self.problems[0]
        super().__init__("\n".join(map(str, self.problems)))


def read_record(
    line: str, *, source: str, number: int, timezone: tzinfo, redactor: Redactor, hashed: Callable[[str], str]
) -> Article | Ticket | Skipped:
    """The document of line `number` of an import file; tickets come redacted, customers' references `hashed`.

    Raises MalformedRecord.
    """
    return record_from(
        _mapping(line, source, number),
        source=source,
        number=number,
        timezone=timezone,
        redactor=redactor,
        hashed=hashed,
    )


def record_from(
    record: dict[str, Any],
    *,
    source: str,
    number: int | None,
    timezone: tzinfo,
    redactor: Redactor,
    hashed: Callable[[str], str],
) -> Article | Ticket | Skipped:
    """As `read_record`, of a record that is read already. Raises MalformedRecord."""
    kind = record.pop("kind", None)
    if kind == "article":
        try:
            return article_from_mapping(record, source=source, line=number, timezone=timezone)
        except MalformedArticle as error:
            raise MalformedRecord(error.problems) from error
    if kind == "ticket":
        made, problems = ticket_from_mapping(
            record, source=source, line=number, timezone=timezone, redactor=redactor, hashed=hashed
        )
        if made is None:
            raise MalformedRecord(problems)
        return made
    found = "missing" if kind is None else f"found {shown(kind)}"
    raise MalformedRecord([Problem(source, number, "kind", f"{found}; accepted are {_KINDS}")])


def _mapping(line: str, source: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line.removeprefix("\ufeff"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        message = f'is not JSON: {error}; accepted is one object a line, such as {{"kind": "article", …}}'
        raise MalformedRecord([Problem(source, number, None, message)]) from error
    if isinstance(record, dict):
        return record
    message = f"found {shown(record)}; accepted is one JSON object a line"
    raise MalformedRecord([Problem(source, number, None, message)])


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"duplicate key {shown(twice)}")
    return record

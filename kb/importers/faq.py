"""FAQ tables: each row becomes an article with its other questions, its answer and its category."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path, PurePosixPath
from typing import Any

from kb.editing.proposals import Image
from kb.errors import InputError
from kb.importers.answers import Told, read_answer
from kb.importers.columns import field_columns
from kb.importers.identity import id_of_question
from kb.importers.limits import Limits
from kb.importers.report import Columns, Findings
from kb.ingest.articles import MalformedArticle, read_article, write_article
from kb.ingest.language import detect_language
from kb.ingest.mapping import plain
from kb.ingest.rows import Row, rows, sheets
from kb.model import Article

_SEPARATORS = re.compile(r"[\n；;|｜]")
_TAGS = re.compile(r"[\n,，、;；|｜]")
_ENDS = " ?？!！.。"
_COLUMN_OF = {"title": "question", "body": "answer", "questions": "similar"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as an article."""

    row: int
    article: Article
    text: str
    images: tuple[Image, ...]


@dataclass(slots=True)
class _Kept:
    """A row that may still go on in the next one: a standard question whose similar ones stand one a row."""

    row: int
    question: str
    similar: list[str]
    cells: Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Table:
    """A table and how it is read; `entries` reads it, and notes in `findings` what cannot go in."""

    file: Path
    name: str
    limits: Limits
    timezone: tzinfo
    findings: Findings
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    encoding: str | None = None
    under: str = ""

    def entries(self) -> Iterator[Entry]:
        """The good rows in their order. Raises UsageError where a column is missing, InputError for the whole file."""
        columns: dict[str, tuple[str, ...]] = {}
        asked: dict[str, int] = {}
        similar: list[tuple[int, str]] = []
        count, kept = 0, None
        for row in rows(self.file, encoding=self.encoding, lenient=True):
            columns = columns or field_columns(list(row.cells), self.chosen, self.name)
            header, count = tuple(row.cells), count + 1
            found = self._read(row, columns)
            if found is None:
                continue
            if kept and not found.question and found.similar and not any(found.cells["answer"]):
                kept.similar += found.similar
                continue
            if kept:
                similar += [(kept.row, text) for text in kept.similar]
                yield from self._entry(kept, columns)
            kept = found if self._is_sound(found, columns, asked) else None
        if kept:
            similar += [(kept.row, text) for text in kept.similar]
            yield from self._entry(kept, columns)
        self._compare(similar, asked)
        if not columns:
            raise InputError(f"{self.name}: has no row below its header")
        self._tell(columns, header, count)

    def _tell(self, columns: dict[str, tuple[str, ...]], header: Sequence[str], count: int) -> None:
        used = {column for many in columns.values() for column in many}
        unread = tuple(column for column in header if column and column not in used)
        self.findings.columns.append(Columns(self.name, columns, unread, count, sheets(self.file)[1:]))
        if further := self.findings.columns[-1].further_sheets:
            told = "save each as a file of its own to import it"
            self.findings.note(self.name, [f"only the first sheet was read, not {', '.join(further)}: {told}"])

    def _compare(self, similar: Sequence[tuple[int, str]], asked: Mapping[str, int]) -> None:
        """Tells of similar questions that are the standard question of another row: both would answer."""
        for row, text in similar:
            other = asked.get(_key(text), row)
            if other != row:
                self.findings.note(f"{self.name}: row {row}", [f"{text[:80]!r} is the question of row {other} as well"])

    def _read(self, row: Row, columns: Mapping[str, Sequence[str]]) -> _Kept | None:
        if row.trouble is not None:
            self.findings.refuse(self.name, row.trouble, row.number, row.column)
            return None
        cells = {name: [_cell(row.cells.get(column)) for column in many] for name, many in columns.items()}
        similar = [
            part.strip() for cell in cells.get("similar", ()) for part in _SEPARATORS.split(cell) if part.strip()
        ]
        return _Kept(row.number, " ".join(cells["question"][0].split()), similar, cells)

    def _is_sound(self, found: _Kept, columns: Mapping[str, Sequence[str]], asked: dict[str, int]) -> bool:
        for name, value in (("question", found.question), ("answer", found.cells["answer"][0])):
            if not value:
                self.findings.refuse(self.name, "is empty; accepted is a text", found.row, columns[name][0])
                return False
        key = _key(found.question)
        if key in asked:
            told = f"row {asked[key]} asks the same, {found.question[:80]!r}; keep one of the two"
            self.findings.refuse(self.name, told, found.row, columns["question"][0])
            return False
        asked[key] = found.row
        return True

    def _entry(self, kept: _Kept, columns: Mapping[str, Sequence[str]]) -> Iterator[Entry]:
        values = {name: cells[0] for name, cells in kept.cells.items() if len(cells) == 1}
        id_ = id_of_question(self._stem, values.get("id") or kept.question)
        try:
            told = read_answer(kept.question, values["answer"], f"{self.name}: row {kept.row}", id_, self.limits)
            article = _article(id_, kept, values, told)
            text = write_article(article, path=f"{id_}.md")
            read_article(text.encode(), path=f"{id_}.md", timezone=self.timezone)
        except MalformedArticle as error:
            for problem in error.problems:
                name = _COLUMN_OF.get(problem.field or "", problem.field or "answer")
                self.findings.refuse(self.name, problem.message, kept.row, columns.get(name, (name,))[0])
        except InputError as error:
            self.findings.refuse(self.name, str(error), kept.row, columns["answer"][0])
        else:
            self.findings.note(f"{self.name}: row {kept.row}", told.notes)
            yield Entry(kept.row, article, text, told.images)

    @property
    def _stem(self) -> str:
        return f"{self.under}/{PurePosixPath(self.name).with_suffix('')}".strip("/")


def _article(id_: str, kept: _Kept, values: Mapping[str, str], told: Told) -> Article:
    others = dict.fromkeys(text for text in kept.similar if text != kept.question)
    tags = dict.fromkeys(
        part.strip() for cell in kept.cells.get("tags", ()) for part in _TAGS.split(cell) if part.strip()
    )
    return Article(
        id=id_,
        title=kept.question,
        body=told.body,
        language=detect_language(f"{kept.question}\n{told.body}"),
        category=values.get("category") or None,
        product=values.get("product") or None,
        tags=tuple(tags),
        questions=tuple(others),
        answer=told.short,
    )


def _parts(cells: Sequence[str], separators: re.Pattern[str]) -> list[str]:
    return [part.strip() for cell in cells for part in separators.split(cell) if part.strip()]


def _cell(value: Any) -> str:
    return plain(value).replace("\r\n", "\n").replace("\r", "\n").strip()


def _key(question: str) -> str:
    """By what two questions are the same: letters, whatever their width and case, without the mark at the end."""
    return "".join(unicodedata.normalize("NFKC", question).casefold().split()).rstrip(_ENDS)

"""What an import made of each file, in values that a shell shows and HTTP returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["html", "docx", "markdown", "faq"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that an editor should look at: where, and what."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What did not become a draft: the file, for tables the row and its column, and what is accepted."""

    file: str
    row: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}: row {self.row}"
        return f"{place}: {self.column}: {self.message}" if self.column else f"{place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft that was made, or in a preview would be; `id` is what it was given, `asked` what it asked for."""

    id: str
    asked: str
    title: str
    language: str
    file: str
    kind: Kind
    row: int | None = None
    images: int = 0
    text: str | None = None
    """In a preview the whole article file; else None."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How the columns of a FAQ table are read: the field of each, and those that are not read."""

    file: str
    fields: dict[str, tuple[str, ...]]
    unread: tuple[str, ...]
    rows: int
    further_sheets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The whole import. `preview` says that nothing was written."""

    preview: bool
    files: int
    made: int
    refused: int
    drafts: tuple[Drafted, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[Note, ...]
    columns: tuple[Columns, ...]


@dataclass(slots=True)
class Findings:
    """Gathers what is noticed while files are read."""

    drafts: list[Drafted] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    columns: list[Columns] = field(default_factory=list)
    made: int = 0

    def note(self, place: str, messages: Sequence[str]) -> None:
        """Adds what was noticed at a place."""
        self.notes += [Note(place, message) for message in messages]

    def refuse(self, file: str, message: str, row: int | None = None, column: str | None = None) -> None:
        """Adds what cannot go in."""
        self.refusals.append(Refusal(file, row, column, message))

    def report(self, files: int, *, preview: bool) -> Report:
        """All of it."""
        return Report(
            preview, files, self.made, len(self.refusals),
            tuple(self.drafts), tuple(self.refusals), tuple(self.notes), tuple(self.columns),
        )  # fmt: skip

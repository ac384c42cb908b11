"""How the first records of import files would be read: redacted as they would be stored, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kb.config import Settings, zone
from kb.ingest.exports import Exported, Layout, exported
from kb.ingest.records import MalformedRecord, Skipped, read_record, record_from
from kb.ingest.redaction import Redactor
from kb.model import Article, Ticket


@dataclass(frozen=True, slots=True)
class Previewed:
    """A record and its place; one that is skipped says why."""

    place: str
    document: Article | Ticket | Skipped


@dataclass(frozen=True, slots=True)
class Preview:
    """The first records of each file, and what is wrong among them."""

    records: tuple[Previewed, ...]
    problems: tuple[str, ...]


def preview(files: Sequence[Path], layout: Layout, settings: Settings, most: int) -> Preview:
    """Reads the first `most` records of each file. Raises UsageError, InputError."""
    redactor, records, problems = Redactor(keep=settings.keep), [], []
    rules = {"timezone": zone(settings), "redactor": redactor, "hashed": lambda _: "hashed"}
    for file in files:
        for number, found in islice(_found(file, layout), most):
            try:
                if isinstance(found, str):
                    made = read_record(found, source=str(file), number=number, **rules)  # type: ignore[arg-type]
                elif found.problem is not None:
                    raise MalformedRecord([found.problem])
                else:
                    made = record_from(found.record, source=str(file), number=number, **rules)  # type: ignore[arg-type]
            except MalformedRecord as error:
                told = error.problems if isinstance(found, str) else map(found.named, error.problems)
                problems += [str(problem) for problem in told]
                continue
            records.append(Previewed(f"{file}:{number}", made))
    return Preview(tuple(records), tuple(problems))


def _found(file: Path, layout: Layout) -> Iterator[tuple[int, str | Exported]]:
    if layout.is_for(file):
        return ((found.number, found) for found in exported(file, layout))
    lines = file.read_text("utf-8-sig", errors="replace").splitlines()
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())

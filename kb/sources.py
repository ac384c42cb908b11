"""What a folder of articles or an import file asks the store to do: read, compare, and plan; nothing is written."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from kb.errors import InputError, UsageError
from kb.ingest.articles import MalformedArticle, SourceFile, list_articles, read_article, read_source
from kb.ingest.records import MalformedRecord, Skipped, read_record
from kb.ingest.redaction import Known, Redaction, Redactor
from kb.model import Article, Document, Problem
from kb.progress import Progress
from kb.publishing import PUBLISHED, RETIRED, Incoming, Plan
from kb.store.documents import FILES, DocumentState, FileState

READER = 1
"""Raised when the same bytes would be read otherwise; every file is then read anew."""


def plan_articles(
    folder: Path,
    known: Mapping[str, FileState],
    states: Mapping[str, DocumentState],
    timezone: tzinfo,
    progress: Progress,
) -> Plan:
    """The difference between the files in `folder` and their last good readings.

    A malformed file keeps its last good reading; two files with one id keep theirs, and neither is read.
    Raises InputError where the folder is gone but its articles are live.
    """
    mine = {s.id for s in states.values() if s.source == FILES and s.status != RETIRED}
    if not folder.is_dir() and mine:
        raise InputError(f"{folder} is missing, and {len(mine)} articles came from it: restore it, or make it empty")
    found = list_articles(folder) if folder.is_dir() else []
    readings, fresh, problems = _read_files(found, known, timezone, progress)
    duplicates = _duplicates(readings)
    for id_, paths in duplicates.items():
        problems += [_twice(path, id_, paths) for path in paths]
    refused_paths = {path for paths in duplicates.values() for path in paths}
    kept = {p: r for p, r in readings.items() if p not in refused_paths or known.get(p) == r}
    present = {r.document_id for r in readings.values()} | {known[s.path].document_id for s in found if s.path in known}
    incoming = [
        Incoming(fresh[path], FILES, fresh[path].status, path) for path in sorted(fresh) if path not in refused_paths
    ]
    return Plan(
        tuple(incoming),
        tuple(sorted(mine - present)),
        {**{s.path: known[s.path] for s in found if s.path in known and s.path not in readings}, **kept},
        tuple(problems),
        refused=len({p.source for p in problems}),
        unchanged=len(set(kept) - set(fresh)),
    )


def _read_files(
    found: Sequence[SourceFile], known: Mapping[str, FileState], timezone: tzinfo, progress: Progress
) -> tuple[dict[str, FileState], dict[str, Article], list[Problem]]:
    """Good readings of all files, the articles of those that are new or changed, and what was wrong."""
    readings: dict[str, FileState] = {}
    fresh: dict[str, Article] = {}
    problems: list[Problem] = []
    for done, source in enumerate(found, 1):
        try:
            data = read_source(source)
            digest = hashlib.sha256(f"{READER}:{timezone}:{source.path}\0".encode() + data).hexdigest()
            state = known.get(source.path)
            if state is None or state.digest != digest:
                fresh[source.path] = read_article(data, path=source.path, timezone=timezone)
                state = FileState(source.path, digest, fresh[source.path].id)
            readings[source.path] = state
        except MalformedArticle as error:
            problems += error.problems
        progress("Reading", done, len(found))
    return readings, fresh, problems


def _duplicates(readings: Mapping[str, FileState]) -> dict[str, list[str]]:
    paths = defaultdict(list)
    for path, reading in readings.items():
        paths[reading.document_id].append(path)
    return {id_: sorted(places) for id_, places in paths.items() if len(places) > 1}


def _twice(path: str, id_: str, paths: Sequence[str]) -> Problem:
    others = ", ".join(other for other in paths if other != path)
    return Problem(path, None, "id", f"{id_!r} is also the id of {others}; neither is read until one has another id")


def plan_import(
    files: Sequence[Path],
    *,
    source: str | None,
    prune: bool,
    states: Mapping[str, DocumentState],
    timezone: tzinfo,
    keep: Sequence[str],
    progress: Progress,
) -> Plan:
    """What the records of JSON Lines files ask for; each file's records belong to `source`, or to its stem.

    A ticket that is no longer resolved is retired; with `prune`, so is what a source no longer holds, unless some
    record was refused, since that record's id may be the missing one. Raises UsageError, InputError.
    """
    reading = _Import(timezone, keep)
    for file in files:
        _check_source(name := source or file.stem)
        reading.read(file, name, progress)
    retire = {id_ for id_ in reading.skipped if id_ in states and states[id_].source in reading.ids}
    problems = list(reading.problems)
    if prune and reading.refused:
        problems.append(Problem(str(files[0]), None, None, "nothing was pruned, because some records were refused"))
    elif prune:
        retire |= {s.id for s in states.values() if s.source in reading.ids and s.id not in reading.ids[s.source]}
    return Plan(
        tuple(reading.incoming),
        tuple(sorted(retire)),
        None,
        tuple(problems),
        refused=reading.refused,
        skipped=len(reading.skipped),
        redacted=dict(reading.redactor.found),
    )


class _Import:
    """The state of reading import files one after the other."""

    def __init__(self, timezone: tzinfo, keep: Sequence[str]) -> None:
        self._timezone = timezone
        self.redactor = _Counting(keep=keep)
        self.incoming: list[Incoming] = []
        self.skipped: set[str] = set()
        self.ids: dict[str, set[str]] = {}
        self.problems: list[Problem] = []
        self.refused = 0

    def read(self, file: Path, source: str, progress: Progress) -> None:
        ids = self.ids.setdefault(source, set())
        size, done = max(1, _size(file)), 0
        for number, raw in enumerate(_lines(file), 1):
            done += len(raw)
            progress("Reading", done, size)
            try:
                made = self._record(raw, file, number)
            except MalformedRecord as error:
                self.refused += 1
                self.problems += error.problems
                continue
            if made is None:
                continue
            ids.add(made.id)
            if isinstance(made, Skipped):
                self.skipped.add(made.id)
            else:
                self.incoming.append(Incoming(made, source, _status(made), f"{file}:{number}"))

    def _record(self, raw: bytes, file: Path, number: int) -> Document | Skipped | None:
        try:
            line = raw.decode("utf-8").strip("\r\n")
        except UnicodeDecodeError as error:
            message = f"byte {error.start} of the line (0x{raw[error.start]:02x}) is not UTF-8; save the file as UTF-8"
            raise MalformedRecord([Problem(str(file), number, None, message)]) from error
        if not line.strip():
            return None
        return read_record(line, source=str(file), number=number, timezone=self._timezone, redactor=self.redactor)


class _Counting(Redactor):
    """A redactor that counts what it found, and keeps none of it."""

    def __init__(self, *, keep: Sequence[str]) -> None:
        super().__init__(keep=keep)
        self.found: Counter[str] = Counter()

    def redact(self, text: str, known: Known = Known()) -> Redaction:  # noqa: B008 - frozen
        redaction = super().redact(text, known)
        self.found.update(dict(redaction.found))
        return redaction


def _status(document: Document) -> str:
    return document.status if isinstance(document, Article) else PUBLISHED


def _check_source(name: str) -> None:
    if not name or "/" in name or len(name) > 200:
        raise UsageError(f"--source {name!r}: accepted is a name without a slash, at most 200 characters")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            yield from stream
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error

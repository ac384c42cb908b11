"""What a folder of articles or an import file asks the store to do: read, compare, and plan; nothing is written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path

from kb.errors import InputError, UsageError
from kb.ingest.articles import MalformedArticle, SourceFile, list_articles, read_article, read_source
from kb.ingest.exports import Exported, Layout, exported
from kb.ingest.readings import digest_of
from kb.ingest.records import MalformedRecord, Skipped, read_record, record_from
from kb.ingest.redaction import Known, Redaction, Redactor
from kb.model import Article, Document, Problem
from kb.preparation import PUBLISHED
from kb.progress import Progress
from kb.publishing import RETIRED, Incoming, Plan, belongs_to, is_taken
from kb.spool import Spool
from kb.store.documents import FILES, FileState, States

OWN = Layout()
"""kb's own JSON Lines."""


def plan_articles(
    folder: Path,
    known: Mapping[str, FileState],
    states: States,
    timezone: tzinfo,
    progress: Progress,
    spools: Path,
) -> Plan:
    """The difference between the files in `folder` and their last good readings.

    A malformed file keeps its last good reading; so does one whose id is another file's or an import's.
    Raises InputError where the folder is gone but its articles are live.
    """
    mine = {s.id for s in states.of(FILES) if s.status != RETIRED}
    if not folder.is_dir() and mine:
        raise InputError(f"{folder} is missing, and {len(mine)} articles came from it: restore it, or make it empty")
    found = list_articles(folder) if folder.is_dir() else []
    fresh = Spool[Incoming](spools)
    readings, renewed, problems = _read_files(found, known, timezone, progress, fresh)
    refusals = _twice(readings) | _taken(readings, states)
    kept = {path: reading for path, reading in readings.items() if path not in refusals}
    before = {s.path: known[s.path] for s in found if s.path in known and s.path not in kept}
    present = {r.document_id for r in (*readings.values(), *before.values())}
    fresh.keep = lambda item: item.place in kept
    return Plan(
        fresh,
        tuple(sorted(mine - present)),
        before | kept,
        (*problems, *refusals.values()),
        refused=len({problem.source for problem in problems} | refusals.keys()),
        unchanged=len(kept.keys() - renewed),
    )


def _read_files(
    found: Sequence[SourceFile],
    known: Mapping[str, FileState],
    timezone: tzinfo,
    progress: Progress,
    fresh: Spool[Incoming],
) -> tuple[dict[str, FileState], set[str], list[Problem]]:
    """Good readings of all files, the paths of the new or changed, whose articles go to `fresh`, and what was wrong."""
    readings: dict[str, FileState] = {}
    renewed: set[str] = set()
    problems: list[Problem] = []
    for done, source in enumerate(found, 1):
        try:
            data = read_source(source)
            digest = digest_of(data, source.path, timezone)
            state = known.get(source.path)
            if state is None or state.digest != digest:
                article = read_article(data, path=source.path, timezone=timezone)
                fresh.append(Incoming(article, FILES, article.status, source.path))
                renewed.add(source.path)
                state = FileState(source.path, digest, article.id)
            readings[source.path] = state
        except MalformedArticle as error:
            problems += error.problems
        progress("Reading", done, len(found))
    return readings, renewed, problems


def _twice(readings: Mapping[str, FileState]) -> dict[str, Problem]:
    """By path: the files whose id is another file's too."""
    paths = defaultdict(list)
    for path in sorted(readings):
        paths[readings[path].document_id].append(path)
    refusals = {}
    for id_, places in paths.items():
        for path in places if len(places) > 1 else ():
            others = ", ".join(other for other in places if other != path)
            message = f"{id_!r} is also the id of {others}; neither is read until one has another id"
            refusals[path] = Problem(path, None, "id", message)
    return refusals


def _taken(readings: Mapping[str, FileState], states: States) -> dict[str, Problem]:
    """By path: the files whose id belongs to an import."""
    owners = {path: states.get(reading.document_id) for path, reading in readings.items()}
    return {
        path: Problem(path, None, "id", belongs_to(owner))
        for path, owner in owners.items()
        if owner is not None and is_taken(owner, FILES)
    }


def plan_import(
    files: Sequence[Path],
    *,
    source: str | None,
    prune: bool,
    states: States,
    timezone: tzinfo,
    keep: Sequence[str],
    hashed: Callable[[str], str],
    progress: Progress,
    spools: Path,
    layout: Layout = OWN,
) -> Plan:
    """What the records of JSON Lines files ask for; each file's records belong to `source`, or to its stem.

    A ticket that is no longer resolved is retired; with `prune`, so is what a source no longer holds, unless some
    record was refused, since that record's id may be the missing one. Raises UsageError, InputError.
    """
    reading = _Import(timezone, keep, hashed, spools)
    for file in files:
        _check_source(name := source or file.stem)
        if layout.is_for(file):
            reading.read_export(file, name, layout, progress)
        else:
            reading.read(file, name, progress)
    retire = {id_ for id_, name in reading.skipped.items() if id_ in states and states[id_].source == name}
    problems = list(reading.problems)
    if prune and reading.refused:
        problems.append(Problem(str(files[0]), None, None, "nothing was pruned, because some records were refused"))
    elif prune:
        retire |= {s.id for name, ids in reading.ids.items() for s in states.of(name) if s.id not in ids}
    return Plan(
        reading.incoming,
        tuple(sorted(retire)),
        None,
        tuple(problems),
        refused=reading.refused,
        skipped=len(reading.skipped),
        redacted=dict(reading.redactor.found),
    )


class _Import:
    """The state of reading import files one after the other."""

    def __init__(self, timezone: tzinfo, keep: Sequence[str], hashed: Callable[[str], str], spools: Path) -> None:
        self._timezone, self._hashed = timezone, hashed
        self.redactor = _Counting(keep=keep)
        self.incoming = Spool[Incoming](spools)
        self.skipped: dict[str, str] = {}  # id to source
        self.ids: dict[str, set[str]] = {}
        self._places: dict[str, str] = {}  # id to file and line
        self.problems: list[Problem] = []
        self.refused = 0

    def read(self, file: Path, source: str, progress: Progress) -> None:
        size, done = max(1, _size(file)), 0
        for number, raw in enumerate(_lines(file), 1):
            done += len(raw)
            progress("Reading", done, size)
            self._take(partial(self._record, raw, file, number), file, source, number)

    def read_export(self, file: Path, source: str, layout: Layout, progress: Progress) -> None:
        """As `read`, of a file of another system; problems are told in its own words."""
        for count, found in enumerate(exported(file, layout), 1):
            progress("Reading", count, count)
            self._take(partial(self._exported, found, file), file, source, found.number)

    def _take(self, make: Callable[[], Document | Skipped | None], file: Path, source: str, number: int) -> None:
        ids = self.ids.setdefault(source, set())
        try:
            made = make()
            self._refuse_twice(made, file, number)
        except MalformedRecord as error:
            self.refused += 1
            self.problems += error.problems
            return
        if made is None:
            return
        ids.add(made.id)
        if isinstance(made, Skipped):
            self.skipped[made.id] = source
        else:
            self.incoming.append(Incoming(made, source, _status(made), f"{file}:{number}"))

    def _exported(self, found: Exported, file: Path) -> Document | Skipped:
        if found.problem is not None:
            raise MalformedRecord([found.problem])
        try:
            return record_from(
                found.record,
                source=str(file),
                number=found.number,
                timezone=self._timezone,
                redactor=self.redactor,
                hashed=self._hashed,
            )
        except MalformedRecord as error:
            raise MalformedRecord(map(found.named, error.problems)) from error

    def _refuse_twice(self, made: Document | Skipped | None, file: Path, number: int) -> None:
        if made is None:
            return
        first = self._places.setdefault(made.id, f"{file}:{number}")
        if first != f"{file}:{number}":
            message = f"{made.id!r} stands already at {first}: give one of them another id, or remove it"
            raise MalformedRecord([Problem(str(file), number, "id", message)])

    def _record(self, raw: bytes, file: Path, number: int) -> Document | Skipped | None:
        try:
            line = raw.decode("utf-8").strip("\r\n")
        except UnicodeDecodeError as error:
            message = f"byte {error.start} of the line (0x{raw[error.start]:02x}) is not UTF-8; save the file as UTF-8"
            raise MalformedRecord([Problem(str(file), number, None, message)]) from error
        if not line.strip():
            return None
        return read_record(
            line,
            source=str(file),
            number=number,
            timezone=self._timezone,
            redactor=self.redactor,
            hashed=self._hashed,
        )


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

"""Taking a backup while the home is used: one moment of each database, and the files that go with it.

It takes the writer's turn, so that nothing is published meanwhile: the articles and the knowledge agree, but for what
was edited by hand and not read yet, which the restored home reads then. The journal is copied first: it may name what
the knowledge holds, never the other way round. The file gets its name when it is whole and on the disk.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from kb.backup import archive, contents, ledger, lines
from kb.config import Paths, Settings
from kb.errors import StoreError, UsageError
from kb.model import utc_now
from kb.progress import Progress
from kb.store import audit, copies, database, handovers

_PARTS = ("articles", "data", "index")
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Saved:
    """A backup that was written: where, its bytes, how many files and articles' files it holds, rows by table."""

    file: str
    bytes: int
    files: int
    articles: int
    rows: dict[str, int]
    seconds: float


def partial(file: Path) -> Path:
    """Where a backup is written before it is whole."""
    return file.with_name(f"{file.name}.partial")


def _copies(file: Path) -> Path:
    return file.with_name(f"{file.name}.partial.d")


def remove_leftovers(file: Path) -> None:
    """Removes what a backup that was killed left where it was writing. Raises OSError."""
    partial(file).unlink(missing_ok=True)
    shutil.rmtree(_copies(file), ignore_errors=True)


def back_up(
    home: Paths, settings: Settings, file: Path, progress: Progress, *, force: bool = False, actor: str = audit.SHELL
) -> Saved:
    """Writes a backup of a home to `file`; only in the writer's turn. Raises UsageError, StoreError."""
    started = monotonic()
    _check_place(home, file, force=force)
    with _explained(file):
        _note(home, file, actor)
        ledger.remember_backup(home, file)
        remove_leftovers(file)
        try:
            manifest = _write(home, settings, file, progress)
            partial(file).replace(file)
            lines.settle(file.parent)
        finally:
            remove_leftovers(file)
        return Saved(
            file=str(file),
            bytes=file.stat().st_size,
            files=len(manifest.members),
            articles=sum(member.path.startswith("articles/") for member in manifest.members),
            rows={table: count for tables in manifest.counts.values() for table, count in tables.items()},
            seconds=round(monotonic() - started, 3),
        )


def _check_place(home: Paths, file: Path, *, force: bool) -> None:
    place = file.parent.resolve()
    if not home.database.exists():
        raise UsageError(f"{home.database} does not exist: there is nothing to back up; run `kb reindex` first")
    if not place.is_dir():
        raise UsageError(f"{file.parent} is no folder: make it first, or name another")
    if any(place.is_relative_to((home.home / part).resolve()) for part in _PARTS):
        raise UsageError(f"{file}: a backup within {', '.join(_PARTS)} would hold itself: name a place elsewhere")
    if file.is_dir() or (file.exists() and not force):
        raise UsageError(f"{file} exists: name another file, or write over it with --force")


def _note(home: Paths, file: Path, actor: str) -> None:
    with closing(database.open_for_writing(home.database)) as db, database.transaction(db):
        audit.note(db, actor, "backup", file.name)


def _write(home: Paths, settings: Settings, file: Path, progress: Progress) -> archive.Manifest:
    copied = _copies(file)
    copied.mkdir(mode=0o700)
    migrations, counts = {}, {}
    for source in contents.databases(home):
        made = copies.copy(source, copied / source.name, lambda done, total: progress("Copying", done, max(1, total)))
        if source == home.journal:
            handovers.without_envelopes(copied / source.name)
        migrations[source.name], counts[source.name] = made.migrations, made.counts
    members = [(f"data/{source.name}", copied / source.name) for source in contents.databases(home)]
    members += [(path.relative_to(home.home).as_posix(), path) for path in contents.files(home, settings)]
    descriptor = os.open(partial(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        written = archive.Writer(stream)
        _pack(written, members, progress)
        manifest = archive.Manifest(
            format=archive.FORMAT,
            version=version("kb"),
            made_at=utc_now().isoformat(timespec="seconds"),
            customer_key=ledger.key_name(home.customer_key),
            migrations=migrations,
            counts=counts,
            members=written.members,
        )
        written.close(manifest)
        stream.flush()
        os.fsync(stream.fileno())
    return manifest


def _pack(written: archive.Writer, members: list[tuple[str, Path]], progress: Progress) -> None:
    total, done = max(1, sum(path.stat().st_size for _, path in members if path.exists())), 0
    for name, path in members:
        for count in _added(written, name, path):
            progress("Packing", min(done + count, total), total)
        done += path.stat().st_size if path.exists() else 0
    progress("Packing", total, total)


def _added(written: archive.Writer, name: str, path: Path) -> Iterator[int]:
    if name.endswith(".sqlite"):
        with path.open("rb") as stream:  # a copy of our own
            yield from written.add(name, stream, path.stat().st_size)
    elif (content := _settled(path)) is not None:
        yield from written.add(name, io.BytesIO(content), len(content))


def _settled(path: Path) -> bytes | None:
    """A file that an editor may be writing, as it was at one moment; None where it is gone by now."""
    for _ in range(_ATTEMPTS):
        try:
            before, content, after = path.stat(), path.read_bytes(), path.stat()
        except FileNotFoundError:
            return None
        if (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino) and after.st_size == len(content):
            return content
    raise StoreError(f"{path} changes all the time: wait until it is written, then run `kb backup` again")


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError) as error:
        place, why = getattr(error, "filename", None) or file, getattr(error, "strerror", None) or error
        raise StoreError(f"{place}: {why}: free some space or mend the permissions, then back up again") from error

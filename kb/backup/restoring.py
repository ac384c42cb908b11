"""A home put back as it was when a backup was taken, but for those who were erased since.

All of the backup is checked first, then unpacked beside, erasures are applied there, and at last the parts change
places. Until then nothing of the home has changed; while they do, `restore.json` keeps everybody else away, and the
same command goes on where it was. What was there is kept in a folder. The index goes: it is built without embedding.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from kb.backup import archive, erasing, ledger, lines, places
from kb.backup.archive import Manifest
from kb.backup.ledger import Erasure
from kb.backup.places import Exchange
from kb.config import Paths
from kb.errors import StoreError, UsageError
from kb.model import utc_now
from kb.progress import Progress
from kb.store import audit, database, journal_migrations, migrations

_KNOWN = {"kb.sqlite": migrations.migrations, "journal.sqlite": journal_migrations.migrations}
_KEPT = ("writer.lock", "README.md")
"""Of `index/`: who restores holds the one, and the other is no index."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: the backup, when it was made, files, rows by table, and how many customers were erased again.

    `aside` is the folder with what was replaced, or None where the home was empty.
    """

    file: str
    made_at: str
    files: int
    rows: dict[str, int]
    erased_again: int
    aside: str | None
    seconds: float


def restore(
    home: Paths,
    file: Path,
    progress: Progress,
    *,
    force: bool = False,
    erasures: Sequence[Path] = (),
    actor: str = audit.SHELL,
) -> Restored:
    """Restores a backup into a home, or completes a restore that was interrupted; only in the writer's turn.

    Raises UsageError, Damaged, StoreError.
    """
    started = monotonic()
    with _explained(home):
        exchange = places.exchange(home)
        if exchange is None:
            places.remove_unpacked(home)
            exchange = _prepared(home, file, progress, force=force, erasures=erasures, actor=actor)
            places.begin_exchange(home, exchange)
        _exchange(home, exchange, progress)
    return Restored(
        file=exchange.backup,
        made_at=exchange.made_at,
        files=exchange.files,
        rows=exchange.rows,
        erased_again=exchange.erased_again,
        aside=exchange.aside if Path(exchange.aside).exists() else None,
        seconds=round(monotonic() - started, 3),
    )


def _prepared(
    home: Paths, file: Path, progress: Progress, *, force: bool, erasures: Sequence[Path], actor: str
) -> Exchange:
    """What is done before anything of the home changes: the new parts stand beside, and nobody erased is in them."""
    manifest = archive.check(file, progress)
    _check_versions(file, manifest)
    parts = _parts(home, manifest)
    used = [part for part in parts if _is_used(home.home / part)]
    if used and not force:
        raise UsageError(f"{home.home} holds {', '.join(used)} already: restore into an empty folder, or use --force")
    if mounted := [part for part in used if (home.home / part).is_mount()]:
        raise UsageError(
            f"{home.home / mounted[0]} is mounted there: restore into an empty folder, and copy what is in it"
        )
    noted = _noted(home, file, manifest, erasures)
    made = places.unpacked(home)
    archive.unpack(file, manifest, made.home, progress)
    _take_over_key(home, made)
    for backup in (*ledger.backups(home), file):  # the next erasure must reach those that this backup knows nothing of
        ledger.remember_backup(made, backup)
    erased = _bring_up_to_date(made, file, noted, progress, actor)
    _settle(made.home)
    moment = utc_now().strftime("%Y%m%dT%H%M%SZ")
    return Exchange(
        parts={part: (made.home / part).exists() for part in parts},
        aside=str(places.aside(home, moment)),
        backup=str(file),
        made_at=manifest.made_at,
        files=len(manifest.members),
        rows={table: count for tables in manifest.counts.values() for table, count in tables.items()},
        erased_again=erased,
    )


def _check_versions(file: Path, manifest: Manifest) -> None:
    for name, ran in manifest.migrations.items():
        if name in _KNOWN and (unknown := set(ran) - {migration.name for migration in _KNOWN[name]._migrations}):
            raise StoreError(
                f"{file} was written by kb {manifest.version}, which is newer ({name}: {', '.join(sorted(unknown))}):"
                " nothing was changed; install that version, then restore"
            )


def _parts(home: Paths, manifest: Manifest) -> list[str]:
    """What changes places: `data/` and `articles/` whole, and each other file that either side has."""
    own = {path.name for path in (home.home / "kb.toml", home.synonyms, home.home / "golden.jsonl") if path.exists()}
    paths = {member.path for member in manifest.members}
    return ["data", "articles", *sorted(own | {path for path in paths if not path.startswith(("data/", "articles/"))})]


def _is_used(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _noted(home: Paths, file: Path, manifest: Manifest, given: Sequence[Path]) -> list[Erasure]:
    """Every erasure that is known outside the backup. Raises StoreError where it is not clear whom one means."""
    lists = [ledger.file_of(home), ledger.pending_file(home), ledger.beside(file), *given]
    noted = dict.fromkeys(erasure for one in lists for erasure in ledger.read(one))
    key = manifest.customer_key or ledger.key_name(home.customer_key)  # without a key, nothing in it has a customer
    if others := sum(erasure.key != key for erasure in noted):
        raise StoreError(
            f"{others} of the erasures noted in this home, beside the backup or in --erasures were noted with another"
            " customer.key than the backup's, so that nobody can tell whom they mean in it: nothing was changed;"
            " restore a backup of this centre, or this one into an empty folder with lists of its own centre"
        )
    return list(noted)


def _take_over_key(home: Paths, made: Paths) -> None:
    """A backup from before anybody had a reference has no key yet: then this home's stays."""
    if home.customer_key.exists() and not made.customer_key.exists():
        made.customer_key.write_bytes(home.customer_key.read_bytes())
        made.customer_key.chmod(0o600)


def _bring_up_to_date(made: Paths, file: Path, noted: Sequence[Erasure], progress: Progress, actor: str) -> int:
    """Migrates what was unpacked, erases again, and notes it; how many were erased again."""
    made.articles.mkdir(exist_ok=True)
    with closing(database.open_for_writing(made.database)) as db, database.transaction(db):
        db.execute("UPDATE store SET id = lower(hex(randomblob(8)))")  # from here on, it has another history
        audit.note(db, actor, "restore", file.name)
    return erasing.erase_again(made, noted, progress)


def _settle(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        lines.settle(path)


def _exchange(home: Paths, exchange: Exchange, progress: Progress) -> None:
    """Puts the new parts in place of the old; begun anew, it goes on where it was."""
    new, aside = places.unpacked(home).home, Path(exchange.aside)
    _empty_index(home)
    for part, is_new in exchange.parts.items():
        if is_new and not (new / part).exists():
            continue  # it is in its place already
        if (old := home.home / part).exists() or old.is_symlink():
            _put_aside(old, aside / part)
        if is_new:
            (home.home / part).parent.mkdir(parents=True, exist_ok=True)
            (new / part).rename(home.home / part)
            lines.settle((home.home / part).parent)
    noted = ledger.read(ledger.file_of(home))
    for place in places.kept_aside(home):
        erasing.erase_again(place, noted, progress)
    places.exchange_file(home).unlink()
    lines.settle(home.home)
    places.remove_unpacked(home)


def _put_aside(old: Path, kept: Path) -> None:
    if old.is_dir() and not old.is_symlink() and not any(old.iterdir()):
        old.rmdir()
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    old.rename(kept)
    lines.settle(kept.parent)
    lines.settle(old.parent)


def _empty_index(home: Paths) -> None:
    """Before the new data is in its place: an index of the old must not pass for one of it."""
    for path in home.index.iterdir():
        if path.name not in _KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _explained(home: Paths) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place, why = error.filename or home.home, error.strerror or error
        raise StoreError(f"{place}: {why}: mend that, then run `kb restore` again") from error

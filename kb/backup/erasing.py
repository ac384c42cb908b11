"""Erasing what was stored of customers, in a home that may be in use, so that nothing of it is left in any file.

First it is written down who, here and beside each backup: a restore erases them again. Then their tickets are hidden,
the index is built anew without them and every older one dropped, their rows are deleted, and the databases written
anew. Killed anywhere, it says that it was not done; run again, it does all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from kb.backup import contents, ledger, places, taking
from kb.backup.ledger import Erasure
from kb.config import Paths
from kb.customers import Customers
from kb.errors import StoreError
from kb.progress import Progress
from kb.store import audit, database, erasure

Renew = Callable[[Progress], None]
"""Builds the index anew from the database, drops every older one, and returns once nobody asks those any more."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased: for how many references, rows by table; and the backups that were told, or were not in place."""

    references: int
    rows: dict[str, int]
    told: tuple[str, ...]
    out_of_reach: tuple[str, ...]


def held(home: Paths, references: Sequence[str]) -> dict[str, int]:
    """How many rows of each table are about the customers of these references. Raises StoreError."""
    found = Counter[str]()
    for place in (home, *places.kept_aside(home)):
        if place.customer_key.exists():  # without, nothing was ever stored of anybody
            found += _held(place, _hashes(place, references))
    return {table: count for table, count in found.items() if count}


def erase(
    home: Paths, references: Sequence[str], progress: Progress, *, renew: Renew, actor: str = audit.SHELL
) -> Erased:
    """Erases the customers of these references, and those that an earlier run did not finish.

    Only in the writer's turn. Raises StoreError, StoreBusy, and what `renew` raises; then run it again.
    """
    with _explained(home):
        places.remove_unpacked(home)
        left = ledger.read(ledger.pending_file(home))
        begun = list(dict.fromkeys([*left, *ledger.erasures(home, _hashes(home, references))]))
        for file in (ledger.pending_file(home), ledger.file_of(home)):
            ledger.note(file, begun)
        told, out_of_reach = _tell_backups(home, begun)
        customers = list(dict.fromkeys(erasure.customer for erasure in begun))
        rows = _held(home, customers)
        if rows["documents"] or left:
            _hide(home, customers)
            renew(progress)
        _delete(home, customers, progress, actor=actor, always=bool(left))
        for place in places.kept_aside(home):
            same = ledger.key_name(place.customer_key) == ledger.key_name(home.customer_key)
            theirs = customers if same else _hashes(place, references)
            rows += _held(place, theirs)
            _delete(place, theirs, progress, always=bool(left))
        ledger.done(home)
    return Erased(len(customers), {t: n for t, n in rows.items() if n}, tuple(told), tuple(out_of_reach))


def erase_again(home: Paths, noted: Sequence[Erasure], progress: Progress) -> int:
    """Erases from a home that nobody asks, and has no index, whom its own list does not name yet; says how many.

    One that its own list names was erased there: what it holds of them came later. Raises StoreError, OSError.
    """
    key, own = ledger.key_name(home.customer_key), set(ledger.read(ledger.file_of(home)))
    new = [erasure for erasure in noted if erasure.key == key and erasure not in own]
    new += ledger.read(ledger.pending_file(home))
    customers = list(dict.fromkeys(erasure.customer for erasure in new))
    if customers:
        _delete(home, customers, progress, always=True)
    ledger.note(ledger.file_of(home), noted)
    if ledger.pending_file(home).exists():
        ledger.done(home)
    return len(customers)


def _hashes(home: Paths, references: Sequence[str]) -> list[str]:
    customers = Customers(home.customer_key)
    return list(dict.fromkeys(map(customers.hash, references)))


def _held(home: Paths, customers: Sequence[str]) -> Counter[str]:
    found = Counter[str]()
    for file in contents.databases(home):
        with erasure.opened(file, customers) as db:
            found.update(erasure.holdings(db))
    return found


def _delete(
    home: Paths, customers: Sequence[str], progress: Progress, *, actor: str | None = None, always: bool = False
) -> None:
    """Deletes what no index holds any more, and writes each database anew that held anything.

    `always` where an earlier run may have deleted already; the knowledge is last, for it knows whose the tickets were.
    """
    files, cases = contents.databases(home), _cases(home, customers)
    for done, file in enumerate(files):
        progress("Erasing", done, len(files))
        with erasure.opened(file, customers) as db:
            touched = bool(cases) or any(erasure.holdings(db).values())
            with database.transaction(db):
                erasure.forget_names(db, cases)
                erasure.delete(db, cases)
                if actor is not None and file == home.database:
                    _note(db, customers, actor)
            if touched or always:
                erasure.compact(db)
    progress("Erasing", 1, 1)


def _cases(home: Paths, customers: Sequence[str]) -> list[str]:
    if not home.database.exists():
        return []
    with erasure.opened(home.database, customers) as db:
        return erasure.cases(db)


def _tell_backups(home: Paths, begun: Sequence[ledger.Erasure]) -> tuple[list[str], list[str]]:
    """Writes beside each backup who was erased; the backups where that was done, and those where it was not."""
    told: list[str] = []
    out_of_reach: list[str] = []
    for backup in ledger.backups(home):
        try:
            taking.remove_leftovers(backup)
            if backup.is_file():
                ledger.note(ledger.beside(backup), begun)
        except (OSError, StoreError):
            pass
        (told if _is_told(backup, begun) else out_of_reach).append(str(backup))
    return told, out_of_reach


def _is_told(backup: Path, begun: Sequence[ledger.Erasure]) -> bool:
    try:
        return backup.is_file() and set(begun) <= set(ledger.read(ledger.beside(backup)))
    except StoreError:
        return False


def _hide(home: Paths, customers: Sequence[str]) -> None:
    with erasure.opened(home.database, customers) as db:
        if erasure.cases(db):
            erasure.hide_cases(db)


def _note(db: Database, customers: Sequence[str], actor: str) -> None:
    """Names each by the beginning of the hash, which finds the line in the list and nobody's records."""
    for customer in customers:
        audit.note(db, actor, "erasure", customer[:12])


@contextmanager
def _explained(home: Paths) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place, why = error.filename or home.home, error.strerror or error
        raise StoreError(f"{place}: {why}: mend that, then run `kb erase` again to complete it") from error

"""What a restore puts into a home beside its parts: what is being unpacked, what was replaced, and that it goes on."""

from __future__ import annotations

import shutil
from itertools import chain, count
from pathlib import Path

import msgspec

from kb.backup import lines
from kb.config import Paths
from kb.errors import StoreBusy, StoreError

_ASIDE = "before-restore-"
UNFINISHED = "a restore was interrupted while parts changed places: run `kb restore FILE` again, which completes it"


class Exchange(msgspec.Struct, frozen=True):
    """An exchange under way: the parts that change places, each with whether there is a new one, and where the old go.

    The rest is what there is to tell when it is done.
    """

    parts: dict[str, bool]
    aside: str
    backup: str
    made_at: str
    files: int
    rows: dict[str, int]
    erased_again: int


def unpacked(home: Paths) -> Paths:
    """Where a restore unpacks, within the home so that it can be renamed; a home itself."""
    return Paths(home.home / ".restoring")


def exchange_file(home: Paths) -> Path:
    """Is there from the first part that changes its place to the last; meanwhile nothing may serve or write."""
    return home.home / "restore.json"


def aside(home: Paths, moment: str) -> Path:
    """Where a restore keeps what it replaces: a folder that is not there yet."""
    names = chain([moment], (f"{moment}-{number}" for number in count(2)))
    return next(folder for name in names if not (folder := home.home / f"{_ASIDE}{name}").exists())


def kept_aside(home: Paths) -> list[Paths]:
    """What earlier restores replaced, each a home without an index."""
    return [Paths(folder) for folder in sorted(home.home.glob(f"{_ASIDE}*")) if folder.is_dir()]


def exchange(home: Paths) -> Exchange | None:
    """The exchange under way, or that was when it was interrupted. Raises StoreError."""
    file = exchange_file(home)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Exchange)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(f"{file}: {error}: {UNFINISHED}") from error


def begin_exchange(home: Paths, exchange: Exchange) -> None:
    """From now on, and after a power cut too, the exchange is to be completed. Raises OSError."""
    file = exchange_file(home)
    made = file.with_suffix(".new")
    made.write_bytes(msgspec.json.encode(exchange))
    lines.settle(made)
    made.replace(file)
    lines.settle(home.home)


def refuse_half_restored(home: Paths) -> None:
    """Raises StoreBusy where a restore was interrupted while parts changed places."""
    if (found := exchange(home)) is not None:
        raise StoreBusy(f"{home.home}: {UNFINISHED} (FILE is {found.backup}); until then nothing is served or written")


def remove_unpacked(home: Paths) -> None:
    """Removes what a restore unpacked that was interrupted before it changed anything; only in the writer's turn."""
    if exchange(home) is None:
        shutil.rmtree(unpacked(home).home, ignore_errors=True)

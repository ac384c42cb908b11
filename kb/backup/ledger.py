"""Who was erased: a list that no restore may lose, in the home and beside each of its backups.

A line holds a keyed hash alone. It says with which key, for a hash means nothing under another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from kb.backup import lines
from kb.config import Paths
from kb.model import utc_now


class Erasure(msgspec.Struct, frozen=True):
    """One customer's erasure: the hash of the reference to them, which key it was made with, and when."""

    customer: str
    key: str
    at: str


class Written(msgspec.Struct, frozen=True):
    """Where a backup of a home was written, and when."""

    file: str
    at: str


def file_of(home: Paths) -> Path:
    """A home's own list."""
    return home.home / "data" / "erasures.jsonl"


def beside(backup: Path) -> Path:
    """The list beside a backup: who was erased after it was made."""
    return backup.with_name(f"{backup.name}.erasures")


def pending_file(home: Paths) -> Path:
    """Whom an erasure is under way for, or was when it was interrupted."""
    return home.home / "data" / "erasing.jsonl"


def written_file(home: Paths) -> Path:
    """Where backups of a home were written."""
    return home.home / "data" / "backups.jsonl"


def key_name(secret: Path) -> str:
    """A name for the key that customers are hashed with, which tells nothing of it; empty where there is none."""
    try:
        return hashlib.sha256(b"kb customer key\0" + secret.read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return ""


def read(file: Path) -> list[Erasure]:
    """The erasures that a list holds. Raises StoreError."""
    return lines.read(file, Erasure)


def remember_backup(home: Paths, backup: Path) -> None:
    """Notes, before it is written, where a backup will be. Raises OSError."""
    lines.append(written_file(home), [Written(str(backup), utc_now().isoformat(timespec="seconds"))])


def backups(home: Paths) -> list[Path]:
    """Where backups of a home were written, each once; whether they are still there is another question."""
    return list(dict.fromkeys(Path(written.file) for written in lines.read(written_file(home), Written)))


def erasures(home: Paths, customers: Sequence[str]) -> list[Erasure]:
    """Lines to be noted: these customers of a home, as of now."""
    key, at = key_name(home.customer_key), utc_now().isoformat()
    return [Erasure(customer, key, at) for customer in dict.fromkeys(customers)]


def note(file: Path, erasures: Collection[Erasure]) -> None:
    """Adds to a list what it does not hold yet. Raises OSError, StoreError."""
    held = set(read(file))
    if new := [erasure for erasure in erasures if erasure not in held]:
        lines.append(file, new)


def done(home: Paths) -> None:
    """Nothing is under way any more. Raises OSError."""
    pending_file(home).unlink(missing_ok=True)
    lines.settle(pending_file(home).parent)

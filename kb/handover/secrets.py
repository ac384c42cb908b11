"""Secrets of hand-overs, made at first need."""

from __future__ import annotations

from pathlib import Path

from kb.errors import StoreError
from kb.keyfiles import made_once


def secret_of(file: Path, made: bytes) -> bytes:
    """What the file holds; where there is none, `made`. Raises StoreError."""
    try:
        return made_once(file, made + b"\n").strip()
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}: check that it is yours to read and write") from error

"""Secrets of a home in files of mode 0600, made at first need."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from kb.errors import StoreError


def secret_of(file: Path, made: bytes) -> bytes:
    """What the file holds; where there is none, `made`, written whole beside and then linked. Raises StoreError.

    Of two processes that make one, both read the first.
    """
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(made + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):
                os.link(beside, file)
            beside.unlink()
        return file.read_bytes().strip()
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}: check that it is yours to read and write") from error

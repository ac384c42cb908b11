"""Secrets of a home in files of their own, for their owner alone (mode 0600)."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def made_once(file: Path, content: bytes) -> bytes:
    """What a file holds; where there is none, `content`, written whole beside and then linked. Raises OSError.

    Of two processes that make one, both read the first.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(beside, file)
        beside.unlink()
    return file.read_bytes()

"""References to customers, kept as keyed hashes: enough to find a person's records again, not to tell who it is."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

_BYTES = 32


class Customers:
    """Hashes the references of one home with its own secret, made at first need (mode 0600)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._secret: bytes | None = None

    def hash(self, reference: str) -> str:
        """The HMAC-SHA-256 of a reference as 64 hex digits. Raises OSError."""
        self._secret = self._secret or _secret_of(self._file)
        return hmac.new(self._secret, reference.strip().encode(), hashlib.sha256).hexdigest()


def _secret_of(file: Path) -> bytes:
    """Read, or made whole beside and then linked: of two processes that make one, both read the first."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(made, file)
        made.unlink()
    return file.read_bytes()

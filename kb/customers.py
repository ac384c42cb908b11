"""References to customers, kept as keyed hashes: enough to find a person's records again, not to tell who it is."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from kb.keyfiles import made_once

_BYTES = 32


class Customers:
    """Hashes the references of one home with its own secret, made at first need (mode 0600)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._secret: bytes | None = None

    def hash(self, reference: str) -> str:
        """The HMAC-SHA-256 of a reference as 64 hex digits. Raises OSError."""
        self._secret = self._secret or made_once(self._file, secrets.token_bytes(_BYTES))
        return hmac.new(self._secret, reference.strip().encode(), hashlib.sha256).hexdigest()

"""What tells one reading of an article's file from another."""

from __future__ import annotations

import hashlib
from datetime import tzinfo

READER = 1
"""Raised when the same bytes would be read otherwise; every file is then read anew."""


def digest_of(data: bytes, path: str, timezone: tzinfo) -> str:
    """SHA-256, in hexadecimal, of a file's bytes and of whatever else decides how they are read."""
    return hashlib.sha256(f"{READER}:{timezone}:{path}\0".encode() + data).hexdigest()

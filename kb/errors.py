"""What can go wrong, named by what the caller does next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class KbError(Exception):
    """Any failure kb explains: one message that names the offending value and the way out."""

    @property
    def told(self) -> tuple[Any, ...]:
        """What it is made of, as plain values: another process makes it again of these."""
        return (str(self),)


class UsageError(KbError):
    """The caller asked for something that does not exist: change the call (exit code 2, HTTP 400)."""


class AccountRefused(UsageError):
    """A person's account may not be changed so: `reason` says why, by a code of docs/access.md (HTTP 409)."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def told(self) -> tuple[Any, ...]:
        """Message and reason."""
        return str(self), self.reason


class NotShown(KbError):
    """Feedback about what was not shown to its sender, or never was: correct the ids (HTTP 404)."""


class MoveRefused(KbError):
    """An article may not go where it was sent: `reason` says why, by a code of docs/lifecycle.md (HTTP 409)."""

    def __init__(self, message: str, reason: str = "", detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.reason, self.detail = reason, dict(detail or {})

    @property
    def told(self) -> tuple[Any, ...]:
        """Message, reason, detail."""
        return str(self), self.reason, self.detail


class StaleBase(KbError):
    """Somebody changed the article meanwhile: look at the `sides`, then send it again on top of that (HTTP 412)."""

    def __init__(self, message: str, sides: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.sides = dict(sides or {})

    @property
    def told(self) -> tuple[Any, ...]:
        """Message and sides."""
        return str(self), self.sides


class SettingsError(UsageError):
    """A setting is unknown or malformed: correct the flag, the variable or kb.toml."""


class InputError(KbError):
    """A source (file, line, record) is malformed: correct it and run again; the good records went in."""


class ModelMissing(KbError):
    """No embedding model can be had: install or name one."""


class IndexMissing(KbError):
    """Nothing was indexed yet: run `kb reindex`."""


class IndexMismatch(KbError):
    """The index was built with another model or format: run `kb reindex`."""


class IndexCorrupt(KbError):
    """A file of the index is damaged or half-written: run `kb reindex`."""


class RehearsalFailed(KbError):
    """A new generation answers worse than the live one, which stays: look at the figures, mend, or use `--force`."""


class SignInRefused(KbError):
    """Somebody may not sign in: `reason` is a code that the page has words for; ask for the right, or try again."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class IssuerError(KbError):
    """The OpenID Connect issuer cannot be asked: correct the settings, or wait until it answers."""


class StoreError(KbError):
    """The database cannot be read or written: free the disk, mend the permissions, or restore a backup."""


class StoreBusy(StoreError):
    """Another process holds the database or the writer lock for too long: try again."""


class CitationError(KbError):
    """A citation does not resolve to its quote: a defect of kb, never shown to a customer."""

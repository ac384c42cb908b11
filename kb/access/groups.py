"""Groups: names of audiences that a key or a person holds beside those of its role."""

from __future__ import annotations

from collections.abc import Iterable

from kb.access.callers import ROLES
from kb.errors import UsageError
from kb.model import EVERY


def checked_groups(names: Iterable[str]) -> tuple[str, ...]:
    """The names in order, once each. Raises UsageError for one that is a role, or can be no article's audience."""
    groups = tuple(sorted(set(names)))
    for name in groups:
        if name in ROLES or name == EVERY:
            raise UsageError(f"--group {name!r}: that is no group: what a role sees comes with --role")
        if not name or not name.isprintable() or any(c.isspace() or c in ",，、;；" for c in name):
            raise UsageError(f"--group {name!r}: accepted is one name, as an article's `audience` has it")
    return groups

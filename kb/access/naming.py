"""The names by which people know those whom records name by an id."""

from __future__ import annotations

from kb.access.keys import list_keys
from kb.access.people import list_people
from kb.config import Paths


def names(paths: Paths) -> dict[str, str]:
    """Of every account and key, also of those that hold no more; a key without a name goes by its id."""
    return {key.id: key.name or key.id for key in list_keys(paths)} | {one.id: one.name for one in list_people(paths)}

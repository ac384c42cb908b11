"""The names by which people know those whom records name by an id."""

from __future__ import annotations

from kb.access.callers import ROLES, Role
from kb.access.keys import list_keys
from kb.access.people import list_people
from kb.config import Paths


def names(paths: Paths, role: Role) -> dict[str, str]:
    """Of every account and key that may do what a role may, also of those that hold no more, by id."""
    roles = ROLES[ROLES.index(role) :]
    keys = {key.id: key.name or key.id for key in list_keys(paths) if key.role in roles}
    return keys | {person.id: person.name for person in list_people(paths) if person.role in roles}

"""Who calls: a key, a person who signed in, or anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kb.errors import UsageError
from kb.model import AGENT, EVERY, PUBLIC

Role = Literal["public", "agent", "editor", "admin"]
ROLES: tuple[Role, ...] = ("public", "agent", "editor", "admin")
"""Each may do what those before it may."""


def role_of(name: str) -> Role:
    """The role of a name. Raises UsageError naming those there are."""
    for role in ROLES:
        if role == name:
            return role
    raise UsageError(f"{name!r} is no role: there are {', '.join(ROLES)}")


@dataclass(frozen=True, slots=True)
class Caller:
    """One who calls; `id` names their key or account in records (never the secret), and is empty for anybody."""

    id: str = ""
    name: str = ""
    role: Role = "public"
    groups: frozenset[str] = frozenset()

    def may(self, role: Role) -> bool:
        """Whether they may do what a role may."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def sees_all(self) -> bool:
        """Whether every audience is theirs."""
        return self.may("editor")

    @property
    def audiences(self) -> frozenset[str]:
        """What they may see, for `Ask.audiences`: the one place where a role becomes audiences."""
        by_role = ((AGENT,) if self.may("agent") else ()) + ((EVERY,) if self.sees_all else ())
        return frozenset({PUBLIC, *self.groups, *by_role})


ANYBODY = Caller()
"""A call without a key."""

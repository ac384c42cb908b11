"""Who calls: a key, a person who signed in, or anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kb.model import AGENT, PUBLIC

Role = Literal["public", "agent", "editor", "admin"]
ROLES: tuple[Role, ...] = ("public", "agent", "editor", "admin")
"""Each may do what those before it may."""


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
        """The audiences that they hold by role and groups; where `sees_all`, every other one besides."""
        return frozenset({PUBLIC, *self.groups, *({AGENT} if self.may("agent") else ())})


ANYBODY = Caller()
"""A call without a key."""

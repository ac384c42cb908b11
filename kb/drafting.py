"""Where what may become an article goes: the one place that importers get their drafts from."""

from __future__ import annotations

from kb.config import Paths, Settings
from kb.editing.desk import Actor
from kb.editing.intake import Intake
from kb.editing.proposals import Proposals


def proposals(paths: Paths, settings: Settings, actor: Actor) -> Proposals:
    """Drafts of a home, let in by somebody, which wait for an editor."""
    return Intake(paths, settings, actor)

"""Where what may become an article goes: the one place that importers get their drafts from."""

from __future__ import annotations

from kb.config import Paths, Settings, zone
from kb.editing.proposals import Proposals
from kb.importers.draft_files import DraftFiles


def proposals(paths: Paths, settings: Settings) -> Proposals:
    """Drafts of a home, which wait for an editor."""
    return DraftFiles(paths.articles, zone(settings))

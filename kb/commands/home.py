"""The home and settings that the options of `kb` chose, and what every command has in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.config import Paths, Settings, load_settings

if TYPE_CHECKING:
    from kb.editing.gating import Gate
    from kb.knowledge import KnowledgeBase

ROLES = ("public", "agent", "editor", "admin")
"""As in `kb.access.callers`, which a command that needs no role does not import."""


class Home:
    """The home and settings that the options chose."""

    def __init__(self, home: Path, flags: dict[str, Any]) -> None:
        self.path, self.flags = home.resolve(), flags
        self.paths = Paths(self.path)

    @property
    def settings(self) -> Settings:
        """Raises SettingsError."""
        return load_settings(self.path, self.flags)

    def knowledge(self) -> KnowledgeBase:
        """What was indexed, for asking."""
        from kb.knowledge import KnowledgeBase

        return KnowledgeBase(self.paths, self.settings)

    def gate(self) -> Gate:
        """What says of an edit how it would change answers, with a model of its own. Raises IndexMissing."""
        from kb.gate.opening import open_gate
        from kb.knowledge import KnowledgeBase
        from kb.search.embedding import Embedder, describe

        settings = self.settings
        spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
        embedder = Embedder(spec, runtime=settings.runtime)
        kb = KnowledgeBase(self.paths, settings, embedder=embedder)
        return open_gate(self.paths, settings, lambda: kb, lambda: embedder)


def as_json(command: Any) -> Any:
    """The option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def as_caller(command: Any) -> Any:
    """The options `--role` and `--group`."""
    command = click.option(
        "--group", "groups", multiple=True, metavar="G", help="An audience besides; may be repeated."
    )(command)
    return click.option(
        "--role",
        required=True,
        type=click.Choice(ROLES),
        help="What it may do and see.",
    )(command)

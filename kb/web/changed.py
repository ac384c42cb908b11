"""Articles that were suggested on a call and are another by now: who relies on one is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kb.assist.lines import Suggestion
from kb.knowledge import KnowledgeBase
from kb.library import live_revision


@dataclass(frozen=True, slots=True)
class Changed:
    """An article of which `old` was suggested; `new` is None where whoever was shown it may read none any more."""

    document_id: str
    old: int
    new: int | None

    def replaces(self, suggestion: Suggestion) -> bool:
        """Whether a suggestion is of what the article was before."""
        return suggestion.document_id == self.document_id and suggestion.revision != self.new

    def message(self) -> dict[str, Any]:
        """As consoles get it."""
        return {
            "type": "changed", "document_id": self.document_id, "old_revision": self.old, "new_revision": self.new,
        }  # fmt: skip


def state_of(kb: KnowledgeBase) -> object:
    """Another one whenever some article is another, begins to be valid or ceases to be."""
    view = kb.reader.view
    return view.manifest.generation, view.change, view.catalogue.epoch(time.time())


class Shown:
    """What one call's consoles of the same audiences were shown; for one thread at a time."""

    def __init__(self, kb: Callable[[], KnowledgeBase], audiences: frozenset[str]) -> None:
        self._kb, self._audiences = kb, audiences
        self._revisions: dict[str, int] = {}
        self._state: object = None
        self.changed: list[Changed] = []

    def note(self, suggestions: Iterable[Suggestion]) -> None:
        """These were shown."""
        self._revisions |= {suggestion.document_id: suggestion.revision for suggestion in suggestions}
        self._state = None

    def changes(self) -> list[Changed]:
        """What was shown and is another since the last look. Raises KbError."""
        kb = self._kb()
        if (state := state_of(kb)) == self._state:
            return []
        live = {id_: live_revision(kb, id_, self._audiences) for id_ in self._revisions}
        found = [Changed(id_, old, live[id_]) for id_, old in self._revisions.items() if live[id_] != old]
        for one in found:
            if one.new is None:
                del self._revisions[one.document_id]
            else:
                self._revisions[one.document_id] = one.new
        self._state = state
        self.changed += found
        return found

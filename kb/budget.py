"""The time that one query may take: past it, what is optional is left out, and the result says so."""

from __future__ import annotations

from time import monotonic

NEAR_DUPLICATES, MARKS = "near_duplicates", "marks"
"""What a late search leaves out: finding near-duplicates; highlights and the sentence that answers."""


class Budget:
    """Counts from when it is made; 0 milliseconds are no limit."""

    def __init__(self, milliseconds: float = 0) -> None:
        self._end = monotonic() + milliseconds / 1000 if milliseconds else None
        self._skipped: dict[str, None] = {}

    def allows(self, step: str) -> bool:
        """Whether there is time left for an optional step; where not, it is noted as skipped."""
        if self._end is None or monotonic() < self._end:
            return True
        self._skipped.setdefault(step)
        return False

    @property
    def skipped(self) -> tuple[str, ...]:
        """The steps that were not allowed."""
        return tuple(self._skipped)

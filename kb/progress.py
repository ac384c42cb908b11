"""Long work tells how far it is, to whoever listens: a bar in a shell, a line to another process, or nobody."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told what is being done and how much of it is done."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """For work that nobody watches."""

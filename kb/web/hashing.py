"""Work on passwords, a little at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

from kb.web.entrance import too_often

_AT_ONCE = anyio.CapacityLimiter(2)
"""A password's hash takes 64 MB and a fifth of a second: more at once, or in the pool of others, would starve those."""
_MOST_WAITING = 16
Given = TypeVarTuple("Given")
Made = TypeVar("Made")


async def hashed(work: Callable[[*Given], Made], *given: *Given) -> Made:
    """What `work` gives, in its turn. Raises TooManyRequestsException where too many wait."""
    refuse_if_busy()
    return await anyio.to_thread.run_sync(work, *given, limiter=_AT_ONCE)


def refuse_if_busy() -> None:
    """Raises TooManyRequestsException."""
    if _AT_ONCE.statistics().tasks_waiting >= _MOST_WAITING:
        raise too_often("too many people are signing in", 5)

"""A process that ends itself with SIGKILL at its n-th step, so that every step of an operation can be its last.

A step is a file that is renamed, removed, made sure of or opened, or a statement of SQL.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from kb_process import _FORKS, _start_forking
from sqlite_utils import Database

_STEPS = ((os, "rename"), (os, "replace"), (os, "unlink"), (os, "rmdir"), (os, "fsync"), (os, "mkdir"), (os, "open"))


def steps_of(work: Callable[..., Any], *arguments: Any) -> int:
    """How many steps `work` has, run to its end in a process of its own."""
    here, there = _FORKS.Pipe()
    _run_apart(0, work, arguments, there)
    return int(here.recv())


def dies_at(step: int, work: Callable[..., Any], *arguments: Any) -> bool:
    """Runs `work` in a process of its own; whether it was killed before it ended."""
    return _run_apart(step, work, arguments) == -signal.SIGKILL


def points(steps: int, *, at_most: int) -> list[int]:
    """Steps spread over the whole of an operation, the first and the last among them."""
    return sorted({1 + (steps - 1) * n // (at_most - 1) for n in range(at_most)})


def _run_apart(step: int, work: Callable[..., Any], arguments: tuple[Any, ...], told: Connection | None = None) -> int:
    _start_forking()
    process = _FORKS.Process(target=_run, args=(step, work, arguments, told))
    process.start()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode


def _run(step: int, work: Callable[..., Any], arguments: tuple[Any, ...], told: Connection | None) -> None:
    done = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **named)

        return run

    for place, name in _STEPS:
        setattr(place, name, counted(getattr(place, name)))
    Database.execute = counted(Database.execute)  # type: ignore[method-assign]
    work(*arguments)
    if told is not None:
        told.send(done)

"""Generations made in a process of the lowest priority, so that a server's questions keep cores and interpreter.

The other process reads the store, builds, and asks both generations; it has no model: what it wants embedded it sends
back. It ends with the one that started it, whatever ended that, and then leaves only a `.building` folder.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.config import Settings
from kb.courtesy import Courtesy
from kb.embedders import Embedders
from kb.errors import StoreError
from kb.progress import Progress
from kb.search.embedding import Embeds, ModelSpec
from kb.successor import Made, Order, build_and_rehearse, of_both

_PROCESSES = multiprocessing.get_context("spawn")
_EVERY = 20  # progress messages a question or passage are too many
_NICEST = 19
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


@dataclass(frozen=True, slots=True)
class Aside:
    """Makes generations in another process."""

    settings: Settings
    embedders: Embedders
    courtesy: Courtesy

    def __call__(self, order: Order, progress: Progress) -> Made:
        """Builds and rehearses there, and embeds here. Raises what was raised there, StoreError where it was killed."""
        embedders = of_both(order, self.settings, self.embedders)
        specs = [embeds.spec for embeds in embedders.values()]
        here, there = _PROCESSES.Pipe()
        child = _PROCESSES.Process(target=_work, args=(there, order, self.settings, specs), daemon=True)
        child.start()
        there.close()
        assert child.pid is not None  # noqa: S101 - it was started
        try:
            with self.courtesy.shown_by(child.pid):
                return _attend(here, embedders, progress)
        except EOFError as error:
            child.join()
            raise StoreError(
                f"the process that builds the index was ended (exit code {child.exitcode}): free some memory, then run"
                " `kb reindex` again"
            ) from error
        finally:
            here.close()
            child.join()


def _attend(connection: Connection, embedders: Mapping[str, Embeds], progress: Progress) -> Made:
    while True:
        kind, *rest = connection.recv()
        if kind == "progress":
            progress(*rest)
        elif kind == "embed":
            connection.send(embedders[rest[0]].queries(rest[1]))
        elif kind == "failed":
            raise rest[0]
        else:
            made: Made = rest[0]
            return made


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Has questions embedded by the process that holds the model."""

    connection: Connection
    spec: ModelSpec

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.spec.dim), np.float32)
        self.connection.send(("embed", self.spec.fingerprint, list(texts)))
        vectors: NDArray[np.float32] = self.connection.recv()
        return vectors

    def warm(self) -> None:
        """It is warm there."""


def _work(connection: Connection, order: Order, settings: Settings, specs: Sequence[ModelSpec]) -> None:
    """In the other process."""
    threading.Thread(target=_end_with_parent, name="kb-parent", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C stops the server, which ends this one when it must
    _die_with_parent()
    _step_back()

    def tell(*told: Any) -> None:
        with suppress(OSError):  # nobody listens any more: the parent is gone, and so is this process soon
            connection.send(told)

    def progress(stage: str, done: int, total: int) -> None:
        if done % _EVERY == 0 or done == total:
            tell("progress", stage, done, total)

    try:
        elsewhere = {spec.fingerprint: _Elsewhere(connection, spec) for spec in specs}
        tell("made", build_and_rehearse(order, settings, elsewhere, progress))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again where it was asked for
        tell("failed", error)


def _step_back() -> None:
    """Runs when nothing else wants to: nicest of all, in batches where the system knows them, and on one core.

    Not SCHED_IDLE: on a machine that is never idle the build would not end, and edits wait for it.
    """
    os.nice(_NICEST)
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    faiss.omp_set_num_threads(1)


def _die_with_parent() -> None:
    """Where the system can: a process that stands still does not notice by itself that its parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - it was started by one
    parent.join()
    os._exit(1)

"""A writing job runs here where the lock is free, and in the running server where that holds it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from kb.backup.erasing import Erased, erase
from kb.backup.taking import Saved, back_up
from kb.config import Paths, Settings, deciding
from kb.editing.desk import Desk
from kb.editing.gated import gated
from kb.editing.publication import Order
from kb.errors import StoreBusy
from kb.ingest.exports import Layout
from kb.jobs import ask_server, reach_server
from kb.progress import Progress, silent
from kb.publishing import Summary
from kb.retention import forget
from kb.writer import Writer, writer_lock

_PATIENCE_SECONDS = 30.0
"""How long to wait for another shell's writing to end; a server is asked at once."""
_LOOK_SECONDS = 0.2
log = logging.getLogger("kb")


def run_job(paths: Paths, settings: Settings, job: str, arguments: Mapping[str, Any], progress: Progress) -> Summary:
    """Runs `reindex`, `rollback` or `import`. Raises what it raises, or StoreBusy where neither way is open."""
    with ExitStack() as held:
        if server := _lock_or_server(paths, held):
            handed = {**arguments, "settings": deciding(settings)}
            return msgspec.convert(ask_server(server, job, handed, progress), Summary)
        return _here(paths, settings, job, arguments, progress)


def run_order(paths: Paths, settings: Settings, order: Order, desk: Callable[[], Desk]) -> None:
    """Publishes, retires, deletes or discards an article; where no server does, the gate of `desk` is asked here.

    Raises what `gated` and `Writer.carry_out` raise, or StoreBusy.
    """
    with ExitStack() as held:
        if server := _lock_or_server(paths, held):
            ask_server(server, "article", msgspec.to_builtins(order), silent)
            return
        order = gated(desk(), order)
        writer = Writer(paths, settings)
        try:
            writer.carry_out(order, silent)
        finally:
            writer.close()


def run_backup(paths: Paths, settings: Settings, file: Path, progress: Progress, *, force: bool) -> Saved:
    """Backs up a home, in its turn among all writing. Raises what `back_up` raises, or StoreBusy."""
    arguments = {"file": str(file), "force": force, "settings": msgspec.to_builtins(settings)}
    with ExitStack() as held:
        if server := _lock_or_server(paths, held):
            return msgspec.convert(ask_server(server, "backup", arguments, progress), Saved)
        return back_up(paths, settings, file, progress, force=force)


def run_erasure(paths: Paths, settings: Settings, references: Sequence[str], progress: Progress) -> Erased:
    """Erases customers, in its turn among all writing. Raises what `erase` raises, or StoreBusy."""
    with ExitStack() as held:
        if server := _lock_or_server(paths, held):
            return msgspec.convert(ask_server(server, "erase", {"references": list(references)}, progress), Erased)

        def renew(told: Progress) -> None:
            writer = Writer(paths, settings)
            try:
                writer.renew(told)
            finally:
                writer.close()

        return erase(paths, references, progress, renew=renew)


def _lock_or_server(paths: Paths, held: ExitStack) -> Connection | None:
    """Takes the lock into `held`, or finds the server that has it; else waits for another shell to end."""
    started, told = monotonic(), False
    while True:
        try:
            held.enter_context(writer_lock(paths, wait_seconds=_LOOK_SECONDS if told else 0))
            return None
        except StoreBusy:
            if server := reach_server(paths.index):
                return server
            if monotonic() - started > _PATIENCE_SECONDS:
                raise
        if not told:
            log.info("another kb process is writing: waiting up to %.0f s for its end", _PATIENCE_SECONDS)
        told = True


def _here(paths: Paths, settings: Settings, job: str, arguments: Mapping[str, Any], progress: Progress) -> Summary:
    writer = Writer(paths, settings)
    try:
        if job == "reindex":
            forget(paths, settings)
            return writer.reindex(progress, full=arguments["full"], force=arguments["force"])
        if job == "model":
            writer.prepare(settings, progress)
            return writer.change_model(settings, progress, full=arguments["full"], force=arguments["force"])
        if job == "rollback":
            return writer.roll_back(progress)
        files = [Path(name) for name in arguments["files"]]
        layout = msgspec.convert(arguments["layout"], Layout)
        return writer.import_files(files, progress, source=arguments["source"], prune=arguments["prune"], layout=layout)
    finally:
        writer.close()

"""What a running service writes, one job after the other, and what became of each."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from kb import orders
from kb.backup.erasing import Erased, erase
from kb.backup.taking import Saved, back_up
from kb.config import Paths, Settings
from kb.editing.desk import Desk
from kb.editing.gated import gated
from kb.editing.publication import Order
from kb.errors import RehearsalFailed, StoreBusy
from kb.jobs import Handler
from kb.orders import Ahead, Work
from kb.progress import Progress, silent
from kb.publishing import Summary
from kb.search import succession
from kb.writer import Writer

_FOLLOWED_SECONDS = 1.0
"""After this long every worker follows a new index, and has told what it found in the one before."""
_READING = frozenset({"watch", "reindex"})
"""The jobs that read every file of `articles/`."""


class Turns:
    """Whoever writes takes `lock`; `follow` makes what was written searchable here, `writes` counts it."""

    def __init__(self, paths: Paths, stopping: threading.Event, follow: Callable[[], None]) -> None:
        self._paths, self._stopping, self._follow = paths, stopping, follow
        self.lock, self.writes = threading.Lock(), Counter[tuple[str, str]]()
        self.unread: tuple[str, ...] = ()
        """Which files of `articles/` could not be read when all were read last, and why."""

    def job(self, name: str, writer: Writer, work: Work, ahead: Ahead | None = None) -> Handler:
        """`work` as a job that others hand over: in turn with all other writing, and searchable when it ends.

        `ahead` is done first, beside other writing; only a job that has it may name another model.
        """

        def run(arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
            orders.check_settings(arguments, writer.settings, may_name_model=ahead is not None)
            if ahead is not None:
                ahead(writer, arguments, progress)
            return self._written(name, lambda: work(writer, arguments, progress))

        return run

    def article(self, writer: Writer, desk: Callable[[], Desk]) -> Handler:
        """What editors order; before its turn comes, the gate has said what it has to say."""

        def run(arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
            order = gated(desk(), msgspec.convert(arguments, Order))
            return self._written("article", lambda: writer.carry_out(order, silent))

        return run

    def turn(self, work: Callable[[Mapping[str, Any], Progress], Any]) -> Handler:
        """`work` as a job in turn with all writing, whatever the settings of who hands it over."""

        def run(arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
            with self.lock:
                self._refuse_late()
                return asdict(work(arguments, progress))

        return run

    def back_up(self, arguments: Mapping[str, Any], progress: Progress) -> Saved:
        """For `turn`."""
        settings = msgspec.convert(arguments["settings"], Settings)
        return back_up(self._paths, settings, Path(arguments["file"]), progress, force=bool(arguments["force"]))

    def erase(self, writer: Writer, arguments: Mapping[str, Any], progress: Progress) -> Erased:
        """For `turn`."""

        def renew(told: Progress) -> None:
            writer.renew(told)
            self._follow()
            self._stopping.wait(_FOLLOWED_SECONDS)

        return erase(self._paths, list(arguments["references"]), progress, renew=renew)

    def counted(self, job: str, work: Callable[[], Summary]) -> Summary:
        """Runs a job that writes, and counts what became of it. The lock for writing is the caller's."""
        before, outcome = succession.live(self._paths.index), "failed"
        try:
            summary = work()
            if job in _READING:
                self.unread = summary.problems
            changed = summary.added or summary.changed or summary.removed
            same = before is not None and summary.generation == before.generation
            outcome = ("edited" if changed else "unchanged") if same else "published"
            return summary
        except RehearsalFailed:
            outcome = "refused"
            raise
        finally:
            self.writes[job, outcome] += 1

    def _written(self, name: str, work: Callable[[], Summary]) -> dict[str, Any]:
        with self.lock:
            self._refuse_late()
            summary = self.counted(name, work)
        self._follow()
        return asdict(summary)

    def _refuse_late(self) -> None:
        if self._stopping.is_set():
            raise StoreBusy("the server is stopping: run the command again")

"""Numbers that others count as they work, brought into the metrics: at every scrape; of workers, each second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable, Mapping
from typing import Protocol

import numpy as np

from kb.errors import KbError
from kb.readiness import CHECKS, Probe
from kb.search.view import View
from kb.service import Service
from kb.web import metrics
from kb.web.admission import Admission
from kb.web.metrics import Metric, Metrics

_SECONDS = 1.0
log = logging.getLogger("kb.web")


class Journal(Protocol):
    """What is watched of whoever writes down what was asked."""

    @property
    def queued(self) -> int:
        """Records that wait to be written."""

    @property
    def lost(self) -> int:
        """Records that could not be kept, since the start."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None where it can."""


class Sampling:
    """Reads the numbers of one process; safe to share between threads."""

    def __init__(
        self, service: Service, admission: Admission, probe: Probe, told: Metrics, journal: Journal | None = None
    ) -> None:
        self._service, self._admission, self._probe, self._journal = service, admission, probe, journal
        self._metrics = told
        self._before: dict[Hashable, float] = {}
        self._counted: View | None = None
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Where others tell the numbers of this process too, they are brought up to date each second."""
        if self._metrics.tallies is not None:
            self._thread = threading.Thread(target=self._repeat, name="kb-sample", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends that."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def sample(self) -> None:
        """Brings every number up to date."""
        with self._lock:
            self._questions()
            self._index()
            self._work()

    def _repeat(self) -> None:
        while not self._stopping.wait(_SECONDS):
            try:
                self.sample()
            except Exception:
                log.exception("the metrics were not brought up to date")

    def _questions(self) -> None:
        self._metrics.set(metrics.AT_HAND, self._admission.at_hand)
        self._metrics.set(metrics.WAITING, self._admission.waiting)
        self._grown(metrics.TURNED_AWAY, self._admission.refused)
        for size, runs in tuple(self._service.batches.items()):
            for _ in range(int(self._since((metrics.BATCH, size), runs))):
                self._metrics.observe(metrics.BATCH, size)

    def _index(self) -> None:
        found = self._probe.look()
        for check in CHECKS:
            self._metrics.set(metrics.READY, check not in found.failed, check)
        self._metrics.set(metrics.BEHIND, max(0, found.newest - found.change))
        self._metrics.set(metrics.LAG, found.behind_seconds)
        try:
            knowledge = self._service.knowledge
        except KbError:
            return
        self._grown(metrics.REMEMBERED, dict(zip(("hit", "miss"), knowledge.remembered, strict=True)))
        self._shown(knowledge.reader.view)

    def _shown(self, view: View) -> None:
        self._metrics.set(metrics.GENERATION, view.manifest.generation)
        self._metrics.set(metrics.CHANGE, view.change)
        if view is not self._counted:
            for kind, count in rows(view).items():
                self._metrics.set(metrics.ROWS, count, kind)
            self._counted = view

    def _work(self) -> None:
        self._grown(metrics.WRITES, self._service.writes)
        self._grown(metrics.ERRORS, self._service.errors)
        self._grown(metrics.DELIVERIES, self._service.handovers.outcomes)
        if self._journal is not None:
            self._metrics.set(metrics.QUEUED, self._journal.queued)
            self._metrics.count(metrics.LOST, by=self._since(metrics.LOST, self._journal.lost))

    def _grown(self, metric: Metric, numbers: Mapping[str, int] | Mapping[tuple[str, str], int]) -> None:
        for labels, number in tuple(numbers.items()):
            named = (labels,) if isinstance(labels, str) else labels
            self._metrics.count(metric, *named, by=self._since((metric, labels), number))

    def _since(self, name: Hashable, number: float) -> float:
        """By how much a number has grown since the last time; what is counted anew begins at 0."""
        before = self._before.get(name, 0)
        self._before[name] = number
        return number - before if number >= before else number


def rows(view: View) -> dict[str, int]:
    """How many rows are shown of each kind, valid now or not."""
    kinds = np.array([entry.kind for entry in view.catalogue.distinct])
    shown = view.catalogue.removed > view.change
    shown[view.hidden] = False
    numbers = view.catalogue.terms[shown]
    return {
        kind: int(np.count_nonzero(kinds[numbers] == kind)) if len(numbers) else 0 for kind in ("article", "ticket")
    }

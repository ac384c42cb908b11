"""What several workers count, as one: each keeps its values in files of its own, and whoever is asked adds them up.

prometheus_client reads and adds the files. What it leaves to others is done here: the values of a worker that has ended
stay counted without its files growing in number, and its gauges go with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

_ENDED = "ended"
"""In place of a pid: what workers counted that have ended."""
_ADDED_UP = ("counter", "histogram")


class Shown(Protocol):
    """A family of the process's own metrics."""

    @property
    def name(self) -> str: ...
    @property
    def mode(self) -> str: ...


def prepare(index: Path, port: int) -> Path:
    """An empty folder for the workers that are about to be started at a port. Raises OSError."""
    folder = index / "metrics" / str(port)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


class Tallies:
    """The files of all workers of one service."""

    def __init__(self, folder: Path, registry: CollectorRegistry, of_the_process: Sequence[Shown]) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock")
        MultiProcessCollector(registry, str(folder))
        registry.register(_Processes(self, of_the_process))

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Meanwhile nobody else adds up or removes files; those of workers that have ended are dealt with."""
        with self._lock:
            for pid in self.pids():
                if not Path(f"/proc/{pid}").exists():
                    self._bury(pid)
            yield

    def pids(self) -> list[int]:
        """The processes that keep files here."""
        found = {file.stem.rpartition("_")[2] for file in self._folder.glob("*.db")}
        return sorted(int(pid) for pid in found if pid.isdigit())

    def _bury(self, pid: int) -> None:
        """Adds the counts of a process that has ended to those of all that have, and removes its files."""
        for kind in _ADDED_UP:
            file, ended = (self._folder / f"{kind}_{who}.db" for who in (pid, _ENDED))
            if file.exists():
                self._add(kind, [path for path in (file, ended) if path.exists()], ended)
        for file in self._folder.glob(f"*_{pid}.db"):
            file.unlink()

    def _add(self, kind: str, files: list[Path], into: Path) -> None:
        fresh = self._folder / f"{kind}.new"
        fresh.unlink(missing_ok=True)
        merged = MultiProcessCollector.merge([str(file) for file in files], accumulate=False)
        values = MmapedDict(str(fresh))
        for family in merged:
            for sample in family.samples:
                names = sorted(sample.labels)
                key = mmap_key(
                    family.name, sample.name, names, [sample.labels[name] for name in names], family.documentation
                )
                values.write_value(key, sample.value, 0.0)
        values.close()
        fresh.replace(into)


class _Processes:
    """Memory, processor time and open files of all workers."""

    def __init__(self, tallies: Tallies, shown: Sequence[Shown]) -> None:
        self._tallies, self._shown = tallies, shown

    def collect(self) -> Iterable[Metric]:
        """Sums, or the least."""
        found: dict[str, list[float]] = {}
        told: dict[str, str] = {}
        for pid in self._tallies.pids() or [os.getpid()]:
            for family in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                for sample in family.samples:
                    found.setdefault(sample.name, []).append(sample.value)
                    told[sample.name] = family.documentation
        for metric in self._shown:
            values = found.get(metric.name, [])
            if not values:
                continue
            value = min(values) if metric.mode == "livemin" else sum(values)
            family_of = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
            yield family_of(metric.name, told[metric.name], value=value)

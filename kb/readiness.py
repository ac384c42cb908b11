"""Whether a running service can answer, found out by trying what an answer needs, at most once a second."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from types import MappingProxyType

from kb.errors import IndexCorrupt, IndexMissing, KbError, StoreError
from kb.logs import fields
from kb.search import generation
from kb.search.generation import Manifest
from kb.search.presence import Presence
from kb.search.view import View
from kb.service import Service
from kb.store import database, documents

CHECKS = {
    "indexed": "something is indexed, and a view of it is open",
    "model": "the embedding model is in memory",
    "files": "the live manifest and every file of the generation that answers are there, whole and readable",
    "database": "`data/kb.sqlite` can be opened and read, and is the one that the index was built from",
    "following": "the newest committed state was looked at within the last minute, by a thread that lives",
    "journal": "what is asked and answered can be written down",
}
"""What `GET /health/ready` names where it failed."""
FOLLOWING_SECONDS = 60.0
"""Longer than a look takes at which another model is loaded."""
_TRUE_SECONDS, _FALSE_SECONDS = 1.0, 0.1
"""How long a finding counts: one that is bad is looked at again soon, as somebody waits for it."""
log = logging.getLogger("kb.readiness")


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found: the checks that failed, each with why, for the log alone; and the state of the store."""

    failed: Mapping[str, str] = field(default_factory=dict)
    change: int = 0
    """The one that is shown."""
    newest: int = 0
    """The last one committed."""
    behind_seconds: float = 0.0
    """Since the first change that is not shown was committed."""

    @property
    def ok(self) -> bool:
        """Whether questions can be answered."""
        return not self.failed


class Probe:
    """Looks at one service; safe to share between threads. `journal` says what is wrong with it, or nothing."""

    def __init__(self, service: Service, journal: Callable[[], str | None] = lambda: None) -> None:
        self._service, self._journal = service, journal
        self._presence = Presence()
        self._lock = threading.Lock()
        self._found, self._until = Readiness(), 0.0

    def look(self) -> Readiness:
        """What was found within the last second, or is found now."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._tell(found := self._look())
                self._found = found
                self._until = time.monotonic() + (_TRUE_SECONDS if found.ok else _FALSE_SECONDS)
            return self._found

    def _look(self) -> Readiness:
        view, failed = self._view(), dict[str, str]()
        state = (0, 0.0)

        def check(name: str, work: Callable[[], None]) -> None:
            try:
                work()
            except (KbError, OSError) as error:
                failed[name] = str(error)

        def reads() -> None:
            nonlocal state
            state = self._database(view)

        check("indexed", self._indexed)
        if view is not None:
            check("model", self._model)
            check("files", lambda: self._files(view.manifest))
        check("database", reads)
        check("following", self._following)
        check("journal", self._writing)
        newest, behind = state
        return Readiness(MappingProxyType(failed), view.change if view else 0, newest, behind)

    def _view(self) -> View | None:
        try:
            return self._service.knowledge.reader.view
        except KbError:
            return None

    def _indexed(self) -> None:
        self._service.knowledge  # noqa: B018 - raises where there is none

    def _model(self) -> None:
        if not self._service.knowledge.is_loaded:
            raise IndexMissing("the model is not loaded")

    def _files(self, manifest: Manifest) -> None:
        generation.read_manifest(self._service.paths.index)
        self._presence.check(self._service.paths.index, manifest)

    def _database(self, view: View | None) -> tuple[int, float]:
        """The newest change, and for how many seconds the first one that is not shown has waited."""
        file = self._service.paths.database
        # Before it is opened: beside a log of another database, SQLite would clear that log away.
        if view is not None and (not file.exists() or file.stat().st_ino != self._service.knowledge.reader.inode):
            raise StoreError(f"{file} is gone, or another one than is being read: put it back, or start again")
        with closing(database.open_for_reading(file, busy_seconds=0.5)) as db, database.explained(file):
            newest, store = documents.newest_change(db), documents.store_id(db)
            if view is None:
                return newest, 0.0
            if view.manifest.store != store:
                raise StoreError(f"{file} is not the one that the index was built from: run `kb reindex`")
            return newest, documents.waited_seconds(db, view.change)

    def _following(self) -> None:
        if self._service.lost:
            raise IndexCorrupt(f"{', '.join(self._service.lost)} has ended by a defect: start the service again")
        if (seconds := self._service.unseen_seconds) > FOLLOWING_SECONDS:
            raise IndexCorrupt(f"the newest state could not be looked at for {seconds:.0f} s")

    def _writing(self) -> None:
        if (wrong := self._journal()) is not None:
            raise StoreError(wrong)

    def _tell(self, found: Readiness) -> None:
        """Logs what has changed."""
        for name, why in found.failed.items():
            if name not in self._found.failed:
                log.warning("not ready: %s", why, extra=fields(check=name))
        for name in self._found.failed.keys() - found.failed.keys():
            log.info("ready again", extra=fields(check=name))

"""One writer at a time: who holds `index/writer.lock` may change the store and the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock
from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.errors import StoreBusy, StoreError
from kb.progress import Progress
from kb.publishing import Plan, Publisher, Summary
from kb.search.embedding import Embedder, describe
from kb.sources import plan_articles, plan_import
from kb.store import database, documents


@contextmanager
def writer_lock(paths: Paths, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Holds the lock; the operating system frees it when the process ends, however it ends. Raises StoreBusy."""
    lock = filelock.FileLock(paths.index / "writer.lock")
    try:
        paths.index.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait_seconds, poll_interval=0.05)
    except filelock.Timeout as error:
        raise StoreBusy(f"{lock.lock_file}: another kb process is writing: wait for it and try again") from error
    except OSError as error:
        raise StoreError(f"{paths.index}: {error}: check that it is a folder that you may write to") from error
    try:
        yield
    finally:
        lock.release()


class Writer:
    """The operations that change a home. Make one only while holding the lock, and use it from one thread."""

    def __init__(self, paths: Paths, settings: Settings, *, embedder: Embedder | None = None) -> None:
        self._paths, self._settings = paths, settings
        spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
        self._db: Database = database.open_for_writing(paths.database)
        embedder = embedder or Embedder(spec, runtime=settings.runtime)
        self._publisher = Publisher(self._db, paths, settings, embedder)

    def reindex(self, progress: Progress, *, full: bool = False) -> Summary:
        """Reads `articles/`, publishes what changed, and brings the index up to date."""
        with database.explained(self._paths.database):
            known, states = documents.files(self._db), documents.states(self._db)
        plan = plan_articles(self._paths.articles, known, states, zone(self._settings), progress)
        return self._publish(plan, progress, full=full)

    def import_files(
        self, files: Sequence[Path], progress: Progress, *, source: str | None = None, prune: bool = False
    ) -> Summary:
        """Reads import files and publishes their good records."""
        with database.explained(self._paths.database):
            states = documents.states(self._db)
        plan = plan_import(
            files,
            source=source,
            prune=prune,
            states=states,
            timezone=zone(self._settings),
            keep=self._settings.keep,
            progress=progress,
        )
        return self._publish(plan, progress)

    def warm(self) -> None:
        """Loads what the first edit would otherwise wait for."""
        self._publisher.warm()

    def close(self) -> None:
        """Frees the database."""
        self._db.close()

    def _publish(self, plan: Plan, progress: Progress, *, full: bool = False) -> Summary:
        try:
            with database.explained(self._paths.database):
                return self._publisher.publish(plan, progress, full=full)
        except OSError as error:
            raise StoreError(f"{self._paths.index}: {error}: free some space, then run `kb reindex`") from error

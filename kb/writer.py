"""One writer at a time: who holds `index/writer.lock` may change the store and the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time

import filelock
from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.customers import Customers
from kb.deliveries import plan_of
from kb.editing.publication import Order, Publications
from kb.editing.review import hold
from kb.embedders import Embedders
from kb.errors import RehearsalFailed, StoreBusy, StoreError
from kb.indexing import How, bring_up_to_date, roll_back
from kb.ingest.exports import Layout
from kb.progress import Progress, silent
from kb.publishing import Incoming, Plan, Publisher, Summary
from kb.search import succession
from kb.search.embedding import Embedder
from kb.sources import OWN, plan_articles, plan_import
from kb.store import database, documents
from kb.store.inbox import Waiting
from kb.successor import Here, Make

MakeFor = Callable[[Settings, Embedders], Make]


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
    """The operations that change a home. Make one only while holding the lock, and use it from one thread.

    `make` says where generations are built: in this process, unless told otherwise.
    """

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        embedders: Embedders | None = None,
        make: MakeFor = Here,
    ) -> None:
        self._paths, self.settings, self._make = paths, settings, make
        self._embedders = embedders or Embedders(*filter(None, [embedder]))
        first = self._embedders.of(settings)
        self._db: Database = database.open_for_writing(paths.database)
        self._publisher = Publisher(self._db, paths, settings, first)
        """Asked of files that were changed by hand; what it says is kept with their revisions."""

    def publish_due(self, progress: Progress) -> Summary:
        """Makes live whatever edit should be by now, once. Raises StoreError."""
        with self._explained():
            count = self._publications().publish_due(time())
        return replace(self._publish(Plan(()), progress, How()), changed=count)

    def carry_out(self, order: Order, progress: Progress) -> Summary:
        """Publishes, retires, deletes or discards one article.

        Raises NotShown, StaleBase, MoveRefused, InputError, StoreError.
        """
        with self._explained():
            self._publications().carry_out(order)
        return replace(self._publish(Plan(()), progress, How()), changed=1)

    def reindex(self, progress: Progress, *, full: bool = False, force: bool = False) -> Summary:
        """Reads `articles/`, publishes what changed, and brings the index up to date.

        Raises RehearsalFailed where a new generation answers worse than the live one, which then stays.
        """
        return self._reindex(progress, How(full=full, force=force))

    def import_files(
        self,
        files: Sequence[Path],
        progress: Progress,
        *,
        source: str | None = None,
        prune: bool = False,
        layout: Layout = OWN,
    ) -> Summary:
        """Reads import files and publishes their good records."""
        self._finish()
        with database.explained(self._paths.database):
            plan = plan_import(
                files,
                source=source,
                prune=prune,
                states=documents.states(self._db),
                timezone=zone(self.settings),
                keep=self.settings.keep,
                hashed=Customers(self._paths.customer_key).hash,
                progress=progress,
                spools=self._spools,
                layout=layout,
            )
        return self._publish(plan, progress, How())

    def take_in(self, sent: Sequence[Waiting], progress: Progress) -> Summary:
        """Publishes what help desks sent; done again it changes nothing."""
        self._finish()
        with database.explained(self._paths.database):
            plan = plan_of(sent, documents.states(self._db))
        return self._publish(plan, progress, How())

    def roll_back(self, progress: Progress) -> Summary:
        """Makes the generation before the live one live again, with its model, then takes in the edits made since.

        Raises IndexMissing, IndexCorrupt, IndexMismatch, ModelMissing where there is none that could serve.
        """
        earlier = succession.before(self._paths.index)
        settings, embedder = self._embedders.fitting(earlier, self.settings)
        with self._explained():
            roll_back(self._db, self._paths, embedder.spec)
        self._turn_to(settings)
        return self._reindex(progress, How(rebuild=False))

    def prepare(self, settings: Settings, progress: Progress) -> None:
        """Embeds with the model of these settings whatever it has not embedded yet; takes long and shows nothing.

        Unlike all else here, it may run beside other writing: it only keeps vectors.
        """
        db = database.open_for_writing(self._paths.database)
        try:
            with self._explained():
                Publisher(db, self._paths, settings, self._embedders.of(settings)).prepare(progress)
        finally:
            db.close()

    def change_model(
        self, settings: Settings, progress: Progress, *, full: bool = False, force: bool = False
    ) -> Summary:
        """Replaces the live generation by one of another model, and from then on writes with that.

        Raises RehearsalFailed where it answers worse than the live one, which then stays, with its model.
        """
        self._turn_to(settings)
        return self._reindex(progress, How(full=full, force=force))

    def renew(self, progress: Progress) -> None:
        """Builds the index anew from the store and drops every older one: what the store lacks is in none.

        It is of the live one's model and is not compared with it: it holds less on purpose. Raises ModelMissing.
        """
        live = succession.live(self._paths.index)
        fitting = self._embedders.fitting(live, self.settings) if live else None
        settings, embedder = fitting or (self.settings, self._embedders.of(self.settings))
        make = self._make(settings, self._embedders)
        how = How(full=True, force=True, make=lambda order, told: make(replace(order, live=None), told))
        with self._explained():
            bring_up_to_date(self._db, self._paths, embedder.spec, how, progress)
            succession.drop_before(self._paths.index)

    def warm(self) -> None:
        """Loads what the first edit would otherwise wait for."""
        self._publisher.warm()

    def close(self) -> None:
        """Frees the database."""
        self._db.close()

    @property
    def _spools(self) -> Path:
        """Where documents wait on disk."""
        return self._paths.database.parent

    def _turn_to(self, settings: Settings) -> None:
        """From now on writes with the model of these settings."""
        self.settings = settings
        self._publisher = Publisher(self._db, self._paths, settings, self._embedders.of(settings))

    def _publications(self) -> Publications:
        return Publications(self._db, self._paths, self.settings, self._press)

    def _press(self, item: Incoming | None, *, first: Callable[[], None], within: Callable[[], None]) -> None:
        """Stores one document; see `editing.publication`."""
        self._publisher.store_one(item, silent, first=first, within=within)

    def _finish(self) -> None:
        """Ends a publication that a process which was killed has begun: files are then as they were read."""
        with self._explained():
            self._publications().finish()

    def _reindex(self, progress: Progress, how: How) -> Summary:
        self._finish()
        with database.explained(self._paths.database):
            known, states, dates = documents.files(self._db), documents.states(self._db), zone(self.settings)
            plan = plan_articles(self._paths.articles, known, states, dates, progress, self._spools)
            if self.settings.approval:
                plan = hold(plan, self._db, self._paths, dates)
        return self._publish(plan, progress, how)

    def _publish(self, plan: Plan, progress: Progress, how: How) -> Summary:
        whole = replace(how, make=self._make(self.settings, self._embedders))
        try:
            with self._explained():
                return self._publisher.publish(plan, progress, whole)
        except RehearsalFailed:
            self._go_on_with_the_live_model()
            raise

    def _go_on_with_the_live_model(self) -> None:
        """After another one was refused: what was split for it is split for the live one again."""
        live = succession.live(self._paths.index)
        if live is None or live.fingerprint == self._embedders.of(self.settings).spec.fingerprint:
            return
        self._turn_to(self._embedders.fitting(live, self.settings)[0])
        self._embedders.forget(all_but={live.fingerprint})
        with self._explained():
            self._publisher.publish(Plan(()), silent, How(rebuild=False))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with database.explained(self._paths.database):
                yield
        except OSError as error:
            place, why = error.filename or self._paths.index, error.strerror or error
            raise StoreError(f"{place}: {why}: free some space, then run `kb reindex`") from error

"""A running service: one knowledge base that follows the store, and, where it holds the lock, the home's writer."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import watchfiles

from kb import orders
from kb.aside import Aside
from kb.asking import Asked, check_alike, grounds
from kb.authoring import author_of
from kb.calls import Calls
from kb.config import Paths, Settings
from kb.courtesy import Courtesy
from kb.deliveries import Inbox
from kb.editing.clock import Clock
from kb.editing.desk import Desk
from kb.editing.publication import Order
from kb.errors import IndexMissing, KbError, StoreBusy
from kb.following import Following
from kb.gate.opening import open_gate
from kb.handover.handing import HandOvers
from kb.jobs import Handler, JobServer, ask_server, reach_server
from kb.journal import Journal
from kb.knowledge import KnowledgeBase
from kb.paths import is_folder
from kb.progress import Progress, silent
from kb.publishing import Summary
from kb.recording import SHELL, answer, search
from kb.results import Answer, SearchResult
from kb.retention import forget
from kb.turns import Turns
from kb.withheld import report
from kb.writer import Writer, writer_lock

_POLL_SECONDS, _RETRY_SECONDS, _WARM_SECONDS, _FORGET_SECONDS = 0.1, 0.5, 60.0, 600.0
_ANSWER_SECONDS = 2.0
"""For what another process has at hand."""
log = logging.getLogger("kb")


class Service:
    """Starts with `start`, ends with `stop`; between them `knowledge` answers, once something was indexed."""

    def __init__(self, paths: Paths, settings: Settings, url: str, courtesy: Courtesy | None = None) -> None:
        """`courtesy` is told of the questions at hand, for whose sake this service's background work stands still."""
        self._courtesy, self._looked = courtesy or Courtesy(), time.monotonic()
        self._paths, self._settings, self._url = paths, settings, url
        self.journal, self._inbox = Journal(paths, settings), Inbox(paths)
        self.calls = Calls(paths, settings, self.journal)
        self._following = Following(paths, settings, author_of(settings, self.journal.said, self.journal.keep))
        self.handovers = HandOvers(paths, settings, self.journal)
        self._grounds: dict[str, Any] = {}
        self._trouble: KbError = IndexMissing("nothing is indexed yet: the first reindex is running")
        self._stopping, self._writes = threading.Event(), threading.Event()
        self._looking, self._clock = threading.Lock(), Clock(paths)
        self.turns = Turns(paths, self._stopping, self._follow_once)
        self._threads: list[threading.Thread] = []
        self.writes, self.errors = self.turns.writes, Counter[str]()
        self.gate = open_gate(paths, settings, lambda: self.knowledge, lambda: self._following.live_model()[1])

    @property
    def paths(self) -> Paths:
        """The home's."""
        return self._paths

    @property
    def desk(self) -> Desk:
        """Where editors edit, beside whatever is written."""
        return Desk(self._paths, self._settings, self.gate)

    def carry_out(self, order: Order) -> None:
        """Has the home's writer, whichever process that is, do what an editor orders. Raises KbError."""
        server = reach_server(self._paths.index)
        if server is None:
            raise StoreBusy("no process of this home is ready to write yet: come again in a second")
        ask_server(server, "article", msgspec.to_builtins(order), silent)

    def unread(self) -> tuple[str, ...] | None:
        """Which files of `articles/` the home's writer could not read, and why; None where nobody can say."""
        if (server := reach_server(self._paths.index)) is None:
            return None
        try:
            return tuple(ask_server(server, "unread", {}, silent, patience=_ANSWER_SECONDS))
        except StoreBusy:
            return None

    @property
    def batches(self) -> Counter[int]:
        """How many runs of the model there were for questions, by how many texts they had."""
        return self._following.embedders.batches()

    @property
    def lost(self) -> tuple[str, ...]:
        """The names of background threads that a defect has ended; nothing but another start brings them back."""
        running = not self._stopping.is_set()
        return tuple(thread.name for thread in self._threads if running and not thread.is_alive())

    @property
    def unseen_seconds(self) -> float:
        """How long ago the newest committed state was last looked at with success."""
        return time.monotonic() - self._looked

    @property
    def knowledge(self) -> KnowledgeBase:
        """The knowledge base. Raises the KbError that keeps it from answering."""
        if (knowledge := self._following.knowledge) is None:
            raise self._trouble
        return knowledge

    def start(self) -> None:
        """Opens what is indexed and starts to follow, to write and to watch, in the background."""
        self._paths.articles.mkdir(parents=True, exist_ok=True)
        self._follow_once()
        background = {"follow": self._follow, "write": self._write, "forget": self._forget, "gate": self._warm_gate}
        for name, work in background.items():
            self._threads.append(threading.Thread(target=work, name=f"kb-{name}", daemon=True))
            self._threads[-1].start()
        self.handovers.start()

    def stop(self) -> None:
        """Ends the background work; a job that is writing finishes first."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self.handovers.stop()
        self.calls.close()
        self.journal.close()

    def _follow(self) -> None:
        while not self._stopping.wait(_POLL_SECONDS):
            self._follow_once()

    def _follow_once(self) -> None:
        try:
            with self._looking:  # a job looks when it is done, beside the thread that always does
                if self._following.knowledge is None:
                    self._grounds = grounds(self._paths, self._settings)
                self._following.look()
            self._looked = time.monotonic()
        except KbError as error:
            self.errors[type(error).__name__] += str(error) != str(self._trouble)
            if str(error) != str(self._trouble):
                log.warning("%s", error)
            self._trouble = error

    def _write(self) -> None:
        """Waits for the lock; then, until stopped, is the home's one writer."""
        while not self._stopping.is_set():
            try:
                with writer_lock(self._paths, wait_seconds=_RETRY_SECONDS):
                    self._writes.set()
                    self._be_the_writer()
            except StoreBusy:
                continue  # another process of this home writes; this one follows what it does
            except KbError as error:
                self._note(error)
                self._stopping.wait(10 * _RETRY_SECONDS)
            finally:
                self._writes.clear()

    def _forget(self) -> None:
        """Every few minutes, in the one process that writes: what the journal has held for long enough goes."""
        due = 0.0
        while not self._stopping.wait(_RETRY_SECONDS):
            if not self._writes.is_set() or time.monotonic() < due:
                continue
            due = time.monotonic() + _FORGET_SECONDS
            try:
                if gone := forget(self._paths, self._settings):
                    log.info("%d entries of the journal were older than they may be", gone)
            except KbError as error:
                log.error("%s", error)

    def _warm_gate(self) -> None:
        """Every minute: what an edit will be tried with is embedded before there is one."""
        while not self._stopping.wait(_WARM_SECONDS):
            try:
                self.gate.warm(self._stopping)
            except KbError as error:  # told by who follows or writes
                log.debug("the gate is not warm: %s", error)

    def _be_the_writer(self) -> None:
        settings, _ = self._following.live_model()
        make = partial(Aside, courtesy=self._courtesy)
        writer = Writer(self._paths, settings, embedders=self._following.embedders, make=make)
        handlers: dict[str, Handler] = {
            "reindex": self.turns.job("reindex", writer, orders.reindex),
            "import": self.turns.job("import", writer, orders.import_files),
            "rollback": self.turns.job("rollback", writer, orders.roll_back),
            "model": self.turns.job("model", writer, orders.change_model, orders.prepare),
            "article": self.turns.article(writer, lambda: self.desk),
            "backup": self.turns.turn(self.turns.back_up),
            "erase": self.turns.turn(partial(self.turns.erase, writer)),
            "unread": lambda _arguments, _progress: self.turns.unread,
            "search": self._search,
            "ask": self._answer,
        }
        jobs = JobServer(self._paths.index, self._url, handlers)
        try:
            writer.warm()
            while not self._stopping.is_set():
                self._watch(writer)
        finally:
            jobs.close()
            with self.turns.lock:
                writer.close()
                self._inbox.close()
                self._clock.close()

    def _watch(self, writer: Writer) -> None:
        """Reindexes once the watch has begun, so that no edit falls between, then at every change.

        Ends where stopped, or where `articles/` is another folder than the one that is watched.
        """
        self._paths.articles.mkdir(parents=True, exist_ok=True)
        watched, pending = self._paths.articles.stat().st_ino, True
        for changes in watchfiles.watch(
            self._paths.articles,
            debounce=200,
            step=50,
            rust_timeout=200,
            yield_on_timeout=True,
            stop_event=self._stopping,
            raise_interrupt=False,
        ):
            if changes or pending:
                pending = not self._quietly("watch", partial(writer.reindex, silent))
            if self._inbox.is_waiting:
                self._quietly("tickets", partial(orders.take_in, writer, self._inbox))
            if self._clock.is_due:
                self._quietly("schedule", partial(writer.publish_due, silent))
            if not is_folder(self._paths.articles, watched):
                self._stopping.wait(_RETRY_SECONDS)
                return

    def _quietly(self, job: str, work: Callable[[], Summary]) -> bool:
        """Whether it went well; where not, it is worth trying again after a while."""
        try:
            with self.turns.lock:
                summary = self.turns.counted(job, work)
        except KbError as error:
            self._note(error)
            self._stopping.wait(10 * _RETRY_SECONDS)
            return False
        orders.tell(summary)
        return True

    def _note(self, error: KbError) -> None:
        self.errors[type(error).__name__] += 1
        log.error("%s", error)

    def _search(self, arguments: Mapping[str, Any], _: Progress) -> SearchResult:
        asked = msgspec.convert(arguments, Asked)
        return search(self._asked(asked), self.journal, asked.ask, asked.k, SHELL, explain=asked.explain)

    def _answer(self, arguments: Mapping[str, Any], _: Progress) -> Answer:
        asked = msgspec.convert(arguments, Asked)
        kb = self._asked(asked)
        told = answer(kb, self.journal, asked.ask, SHELL, explain=asked.explain)
        # As in HTTP, only once the asker has been answered: it takes as long again.
        threading.Thread(target=report, args=(kb, asked.ask, told), name="kb-withheld", daemon=True).start()
        return told

    def _asked(self, asked: Asked) -> KnowledgeBase:
        """The knowledge base as of now. Raises SettingsError where the asking shell would answer otherwise."""
        check_alike(asked.grounds, self._grounds)
        self.knowledge.reader.refresh()
        return self.knowledge

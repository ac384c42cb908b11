"""The gate of a home: an edit's questions asked on the index as it is, and as it would be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kb.config import Paths, Settings
from kb.editing.gating import Case, Change, Report, Verdict
from kb.errors import StoreBusy
from kb.gate.drafting import Drafts, drafted
from kb.gate.edited import Edited, both_sides
from kb.gate.posed import Posed, asked_questions, golden_questions
from kb.gate.verdicts import Side, case_of, order_of, side_of
from kb.knowledge import KnowledgeBase
from kb.reader import Pinned, Reads
from kb.results import Ask
from kb.search.embedding import Embedder
from kb.search.remembered import Remembered

MOST = 300
"""Questions that are replayed: those known to concern an article that changes, then the nearest to it."""
_REMEMBERED = 4_096
_TOGETHER = 8  # texts of one run of the model: whoever asks meanwhile waits for no more


def open_gate(
    paths: Paths, settings: Settings, knowledge: Callable[[], KnowledgeBase], embedder: Callable[[], Embedder]
) -> OpenGate:
    """The gate of a home, given what answers there now, and the model that what is live was embedded with."""
    return OpenGate(paths, settings, knowledge, embedder)


class OpenGate:
    """Replays; it remembers the vectors of its questions, and what they are told before an edit until one is live."""

    def __init__(
        self, paths: Paths, settings: Settings, knowledge: Callable[[], KnowledgeBase], embedder: Callable[[], Embedder]
    ) -> None:
        self._paths, self._settings = paths, settings
        self._knowledge, self._embedder = knowledge, embedder
        self._lock = threading.Lock()
        self._memory: _Memory | None = None

    def report(self, changes: Sequence[Change]) -> Report:
        """Replays what these articles answered or might answer.

        Raises MalformedArticle for a malformed text, StoreBusy, and the KbError that keeps the service from answering.
        """
        started = time.perf_counter()
        kb, embedder = self._knowledge(), self._embedder()
        if embedder.spec.fingerprint != kb.fingerprint:
            raise StoreBusy("another model is just taken up: ask again")
        drafts = drafted(self._paths, self._settings, embedder, changes)
        if not drafts.drafts:
            return Report((), _since(started))
        every, notes = self._posed(drafts.ids)
        with self._lock:  # two at once would take twice as long each
            memory = self._remembered(kb)
            live, edited = both_sides(self._paths, kb.reader, drafts)
            chosen = _chosen(every, memory.vectors_of([posed.ask for posed in every]), live, drafts)
            sides = [memory.sides(posed.ask, live, edited) for posed in chosen]
        cases = sorted(_touched(chosen, sides, drafts.ids), key=order_of)
        return Report(tuple(cases), _since(started), len(chosen), len(every) - len(chosen), notes)

    def warm(self) -> None:
        """Embeds the questions that are not known yet, so that no edit waits for it. Raises KbError."""
        every, _ = self._posed(frozenset())
        with self._lock:
            self._remembered(self._knowledge()).vectors_of([posed.ask for posed in every])

    def _posed(self, changed: frozenset[str]) -> tuple[list[Posed], tuple[str, ...]]:
        golden, notes = golden_questions(self._paths, self._settings)
        return [*golden, *asked_questions(self._paths, changed)], notes

    def _remembered(self, kb: KnowledgeBase) -> _Memory:
        if self._memory is None or self._memory.kb is not kb:
            self._memory = _Memory(kb)
        return self._memory


class _Memory:
    """What need not be made again while one model answers."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self.kb = kb
        self._vectors = Remembered(self._embedded, _REMEMBERED)
        self._texts: dict[Ask, tuple[str, ...]] = {}
        self._before: dict[Ask, Side] = {}
        self._of: tuple[object, ...] = ()

    def vectors_of(self, asks: Sequence[Ask]) -> list[NDArray[np.float32]]:
        """By question the vectors, `(n, dim)`, of what it says; what is new is embedded in batches."""
        self._texts = {ask: self._texts.get(ask) or self.kb.embedded_of(ask) for ask in asks}
        self._vectors.ahead(text for texts in self._texts.values() for text in texts)
        return [np.stack([self._vectors(text) for text in self._texts[ask]]) for ask in asks]

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([self.kb.embed(texts[n : n + _TOGETHER]) for n in range(0, len(texts), _TOGETHER)])

    def sides(self, ask: Ask, live: Pinned, edited: Edited) -> tuple[Side, Side]:
        """What a question is told before and after."""
        view = live.view
        state = view.manifest.generation, view.change, view.catalogue.epoch(time.time())
        if state != self._of:
            self._of, self._before = state, {}
        if (before := self._before.get(ask)) is None:
            before = self._before[ask] = self._side(ask, live)
        return before, self._side(ask, edited)

    def _side(self, ask: Ask, reader: Reads) -> Side:
        return side_of(self.kb.quoted(ask, reader, self._vectors))


def _chosen(
    every: Sequence[Posed], vectors: Sequence[NDArray[np.float32]], live: Pinned, drafts: Drafts
) -> list[Posed]:
    """The questions to replay: those that concern the articles, then those nearest to the passages that go or come."""
    view = live.view
    places = view.catalogue.rows_of(drafts.ids)
    old = view.vectors.at(places[view.catalogue.removed[places] > view.change])
    moved = np.concatenate([old, drafts.vectors])
    near = [float((asked @ moved.T).max(initial=-1.0)) for asked in vectors]
    order = sorted(range(len(every)), key=lambda n: (every[n].concerns.isdisjoint(drafts.ids), -near[n]))
    return [every[n] for n in sorted(order[:MOST])]


def _touched(chosen: Sequence[Posed], sides: Sequence[tuple[Side, Side]], changed: frozenset[str]) -> Iterable[Case]:
    """Those that are told something else, or that the articles are considered for or known to be about."""
    for posed, (before, after) in zip(chosen, sides, strict=True):
        case = case_of(posed, before, after)
        concerned = posed.concerns | before.near | after.near
        if case.verdict is not Verdict.SAME or not concerned.isdisjoint(changed):
            yield case


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)

"""The live generation and its successor asked the same questions, side by side."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from kb.config import Paths, Settings
from kb.errors import IndexCorrupt, IndexMismatch, InputError
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.evaluation.metrics import Outcome
from kb.evaluation.replay import asked_as, replay
from kb.knowledge import KnowledgeBase
from kb.model import PUBLIC, Article
from kb.progress import Progress
from kb.rehearsal import GOLDEN, OWN, Asked, Rehearsal, Trial
from kb.search.embedding import Embeds, ModelSpec
from kb.search.generation import Manifest
from kb.store import database, documents, vectors

MOST_GOLDEN, MOST_OWN = 200, 100
SECONDS = {GOLDEN: 3.0, OWN: 1.5}
"""Processor time for each set of questions, of which the rest is then left out; `_CHUNK` are asked in any case."""
_CHUNK = 32
_NEAREST, _PROBES = 10, 100
_TIE = 1e-5  # two passages of one text are as near


@dataclass(frozen=True, slots=True)
class Sides:
    """Two generations, each with what embeds for it."""

    live: Manifest
    new: Manifest
    live_embeds: Embeds
    new_embeds: Embeds


def rehearse(paths: Paths, settings: Settings, sides: Sides, progress: Progress, *, same_content: bool) -> Rehearsal:
    """Asks both generations, the one after the other, question by question. Raises what opening the new one raises."""
    known = {embeds.spec.fingerprint: _Known(embeds) for embeds in (sides.live_embeds, sides.new_embeds)}
    embeds = known[sides.new.fingerprint]
    new = KnowledgeBase(paths, settings, embedder=embeds, manifest=sides.new)
    try:
        live = KnowledgeBase(paths, settings, embedder=known[sides.live.fingerprint], manifest=sides.live)
    except (IndexCorrupt, IndexMismatch) as error:  # a damaged one is what a rebuild mends
        return not_compared(sides.live, sides.new, str(error))
    db = database.open_for_reading(paths.database)
    try:
        golden, notes = _golden(paths, settings)
        own = _own(db)
        total, trials = len(golden) + len(own), []
        for name, questions, before in ((GOLDEN, golden, 0), (OWN, own, len(golden))):
            if questions:
                trials.append(_trial(name, live, new, questions, _Shown(progress, before, total)))
        exact = _exact_recall(db, new, embeds, [question.question for question in (*golden, *own)])
    finally:
        db.close()
    progress("Rehearsing", total, total)
    return Rehearsal(
        live=sides.live.generation,
        new=sides.new.generation,
        live_model=sides.live.model,
        new_model=sides.new.model,
        trials=tuple(trials),
        exact_recall_at_10=exact,
        same_content=same_content,
        notes=notes,
    )


def not_compared(live: Manifest, new: Manifest, reason: str) -> Rehearsal:
    """A rehearsal in which nobody was asked anything."""
    return Rehearsal(live.generation, new.generation, live.model, new.model, notes=(f"nothing was compared: {reason}",))


class _Known:
    """Embeds each question once, for whichever generation of its model."""

    def __init__(self, embeds: Embeds) -> None:
        self._embeds, self.spec = embeds, embeds.spec
        self._held: dict[str, NDArray[np.float32]] = {}

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._held]
        self._held.update(zip(new, self._embeds.queries(new), strict=True))
        return np.stack([self._held[text] for text in texts])

    def warm(self) -> None:
        self._embeds.warm()


@dataclass(frozen=True, slots=True)
class _Shown:
    progress: Progress
    before: int
    total: int

    def __call__(self, done: int) -> None:
        self.progress("Rehearsing", self.before + done, self.total)


def _golden(paths: Paths, settings: Settings) -> tuple[list[GoldenQuestion], tuple[str, ...]]:
    """The home's golden questions, and what is wrong with its files: a malformed line must not hold back an edit."""
    questions: list[GoldenQuestion] = []
    try:
        for file in paths.golden(settings.golden):
            questions += read_golden(file)
    except InputError as error:
        return [], (f"golden questions were not asked: {error}",)
    if not questions:
        return [], ("there are no golden questions: name a file in the setting `golden`",)
    chosen = random.Random(len(questions))  # noqa: S311 - the same ones each time
    return chosen.sample(questions, min(MOST_GOLDEN, len(questions))), ()


def _own(db: Database) -> list[GoldenQuestion]:
    """A title or a curated question of some articles, which should find their article."""
    every = documents.published_articles(db)
    chosen = random.Random(len(every))  # noqa: S311 - the same ones each time
    asked = []
    for id_, revision in chosen.sample(every, min(MOST_OWN, len(every))):
        article = documents.read(db, id_, revision)
        if isinstance(article, Article):
            text = chosen.choice([*article.questions, article.title])
            asked.append(GoldenQuestion(text, (id_,), None, (PUBLIC, *article.audience), line=0))
    return asked


def _trial(
    name: str, live: KnowledgeBase, new: KnowledgeBase, questions: Sequence[GoldenQuestion], progress: _Shown
) -> Trial:
    started, pairs = time.thread_time(), list[tuple[Outcome, Outcome]]()
    while len(pairs) < len(questions) and (not pairs or time.thread_time() - started < SECONDS[name]):
        chunk = questions[len(pairs) : len(pairs) + _CHUNK]
        for kb in (live, new):
            kb.embed_ahead(asked_as(question, PUBLIC) for question in chunk)
        pairs += _asked(live, new, chunk)
        progress(len(pairs))
    return Trial(
        name=name,
        questions=len(pairs),
        live=_figures([before for before, _ in pairs]),
        new=_figures([after for _, after in pairs]),
        overlap_at_10=_mean([_overlap(before, after) for before, after in pairs if before.ranked]),
        changed=sum(_changed(before, after) for before, after in pairs),
        refused=sum(before.answered and not after.answered for before, after in pairs),
        answered=sum(after.answered and not before.answered for before, after in pairs),
    )


def _asked(
    live: KnowledgeBase, new: KnowledgeBase, questions: Sequence[GoldenQuestion]
) -> Iterator[tuple[Outcome, Outcome]]:
    """Pairs of outcomes; live and new go first in turn, so that neither always finds what the other has warmed."""
    for number, question in enumerate(questions):
        order = (live, new) if number % 2 else (new, live)
        outcomes = {id(kb): next(replay(kb, [question], PUBLIC, lambda _: None)) for kb in order}
        yield outcomes[id(live)], outcomes[id(new)]


def _figures(outcomes: Sequence[Outcome]) -> Asked:
    answerable = [outcome for outcome in outcomes if outcome.answerable]
    p50, p95 = np.percentile([outcome.latency_ms for outcome in outcomes], [50, 95])
    return Asked(
        _mean([float(not o.expected.isdisjoint(o.ranked[:1])) for o in answerable]),
        _mean([float(not o.expected.isdisjoint(o.ranked[:5])) for o in answerable]),
        round(float(p50), 3),
        round(float(p95), 3),
    )


def _overlap(before: Outcome, after: Outcome) -> float:
    return len(set(before.ranked) & set(after.ranked)) / len(before.ranked)


def _changed(before: Outcome, after: Outcome) -> bool:
    return before.answered and after.answered and (before.text, before.cited) != (after.text, after.cited)


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _exact_recall(db: Database, kb: KnowledgeBase, embeds: Embeds, questions: Sequence[str]) -> float | None:
    """The share of the nearest ten passages, by the stored vectors, that the generation's vector list finds."""
    view, spec = kb.reader.view, embeds.spec
    count = len(view.vectors)
    if not questions or not count:
        return None
    probes = embeds.queries(list(questions[:: max(1, len(questions) // _PROBES)][:_PROBES]))
    k, everything = min(_NEAREST, count), view.vectors.select(np.ones(count, bool))
    least = _kth_best(_stored(db, spec, view.manifest.base), probes, k)
    found = [view.vectors.search(probe, everything, k) for probe in probes]
    near = [np.count_nonzero(_cosines(kb, places, probe) >= low - _TIE)
            for (places, _), probe, low in zip(found, probes, least, strict=True)]  # fmt: skip
    return round(float(np.sum(near)) / (k * len(probes)), 4)


def _stored(db: Database, spec: ModelSpec, base: int) -> Iterator[NDArray[np.float32]]:
    return vectors.pieces(db, spec.fingerprint, spec.dim, after=0, until=base, removed_after=base)


def _cosines(kb: KnowledgeBase, places: NDArray[np.int64], probe: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(kb.reader.view.vectors.at(places.tolist()) @ probe)


def _kth_best(chunks: Iterator[NDArray[np.float32]], probes: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """`(q,)`: the k-th highest inner product of each probe with the rows of all chunks."""
    best = np.full((len(probes), k), -np.inf, np.float32)
    for chunk in chunks:
        every = np.concatenate([best, probes @ chunk.T], axis=1)
        best = np.partition(every, -k, axis=1)[:, -k:]
    return np.asarray(best.min(axis=1))

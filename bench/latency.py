"""Measures what a search and an answer cost beside the embedding, by stage, over 10,000 passages, on one thread.

scaled.py says how the passages are made. Half of the questions only warm the caches of the process; the figures are of
the other half. Times by stage are CPU time of the asking thread, without the stages within; the whole is given in wall
clock too.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from asking import opened
from scaled import SEED, golden_files, scaled

from kb import answering, hits, questions, reader
from kb.evaluation.golden import read_golden
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search import catalogue, confidence, fusion, keywords, vectors, view
from kb.search.embedding import Embedder, describe
from kb.search.exclusions import Exclusions
from kb.search.synonyms import Synonyms
from kb.variants import Contests

PASSAGES = 10_000
PER_SET = 100
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("slips", questions, "find_slips"),
    ("terms", questions, "question_terms"),
    ("language", questions, "written_in"),
    ("synonyms", Synonyms, "alternatives"),
    ("translations", questions, "translations"),
    ("concepts", questions, "concepts"),
    ("mask", catalogue.Catalogue, "mask"),
    ("vector list", vectors.Vectors, "search"),
    ("keyword list", keywords.Lane, "search"),
    ("exact titles", keywords.Lane, "asked"),
    ("signs", view, "features"),
    ("fusion", fusion, "scores"),
    ("fusion", fusion, "order"),
    ("confidence", confidence.Comparison, "__init__"),
    ("confidence", confidence.Comparison, "signs"),
    ("passages read", reader.Reader, "fetch"),
    ("documents read", reader.Reader, "document"),
    ("documents read", reader.Reader, "passages_of"),
    ("answer composed", answering, "compose"),
    ("contradictions", answering, "contradicting"),
    ("highlights", hits, "highlights"),
    ("answering sentence", hits, "answering_sentence"),
    ("exclusions", Exclusions, "ruled_out"),
    ("contests", Contests, "of"),
    ("grouping", questions, "groups"),
    ("near-duplicates", hits, "shown_once"),
    ("candidates", view.View, "evidence"),
    ("hits", questions.Question, "hit"),
)
OTHER = "all else"


def main() -> None:
    """Prints a table of stages for a search and one for an answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--passages", type=int, default=PASSAGES)
    chosen = parser.parse_args()
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        home = scaled(chosen.homes or Path(temporary), chosen.passages)
        kb = opened(home, Embedder(describe("bundled"), threads=1))
        asks = _asks()
        warming, measured = asks[::2], asks[1::2]
        embedding = _embedding_times(kb, measured)
        kb.embed_ahead(asks)
        print(f"## Time of a question, {len(kb.reader.view.catalogue.ids):,} passages, one thread\n")
        print(f"{len(measured)} questions. Embedding one: {_ends(embedding)} ms (wall clock). All else:")
        for name, work in (("search", kb.search), ("answer", kb.answer)):
            for audience in ("public", "agent"):
                for ask in warming:
                    work(ask)
                _print(name, audience, *_measure(work, [_as(ask, audience) for ask in measured]))


def _as(ask: Ask, audience: str) -> Ask:
    return Ask(ask.question, ask.conversation, frozenset({"public", audience}))


def _print(name: str, audience: str, walls: Sequence[float], stages: dict[str, list[float]]) -> None:
    whole = [sum(values) for values in zip(*stages.values(), strict=True)]
    print(f"\n| {name} as {audience}, ms | p50 | p95 | mean |\n|---|---:|---:|---:|")
    print(f"| **wall clock** | {_cells(walls)} |\n| **CPU time** | {_cells(whole)} |")
    for stage, took in sorted(stages.items(), key=lambda item: -np.mean(item[1])):
        print(f"| {stage} | {_cells(took)} |", flush=True)


def _cells(took: Sequence[float]) -> str:
    return " | ".join(f"{value:.2f}" for value in (*np.percentile(took, (50, 95)), np.mean(took)))


def _ends(took: Sequence[float]) -> str:
    return "p50 {:.1f}, p95 {:.1f}".format(*np.percentile(took, (50, 95)))


def _measure(work: Callable[[Ask], object], asks: Sequence[Ask]) -> tuple[list[float], dict[str, list[float]]]:
    """Milliseconds of each question: wall clock without a stage timer, then CPU time by stage with one."""
    walls = []
    for ask in asks:
        started = time.perf_counter()
        work(ask)
        walls.append(1000 * (time.perf_counter() - started))
    stages: dict[str, list[float]] = {stage: [] for stage in (*dict.fromkeys(s for s, _, _ in STAGES), OTHER)}
    with _staged() as spent:
        for ask in asks:
            spent.clear()
            started = time.thread_time()
            work(ask)
            spent[OTHER] = time.thread_time() - started - sum(spent.values())
            for stage, values in stages.items():
                values.append(1000 * spent.get(stage, 0.0))
    return walls, {stage: values for stage, values in stages.items() if any(values)}


@contextmanager
def _staged() -> Iterator[dict[str, float]]:
    """The product's functions of `STAGES` timed from outside: seconds each spent itself, since the last `clear`."""
    spent: dict[str, float] = defaultdict(float)
    inner = [0.0]

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.thread_time()
            inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took = time.thread_time() - started
                spent[stage] += took - inner.pop()
                inner[-1] += took

        return call

    kept = [(owner, name, getattr(owner, name)) for _, owner, name in STAGES]
    for (stage, owner, name), (_, _, function) in zip(STAGES, kept, strict=True):
        setattr(owner, name, timed(stage, function))
    try:
        yield spent
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)


def _embedding_times(kb: KnowledgeBase, asks: Sequence[Ask]) -> list[float]:
    kb.warm()
    took = []
    for ask in asks[: PER_SET // 2]:
        started = time.perf_counter()
        kb._embedder.queries([ask.question])
        took.append(1000 * (time.perf_counter() - started))
    return took


def _asks() -> list[Ask]:
    chance = random.Random(SEED)
    drawn = [golden for file in golden_files() for golden in chance.sample(read_golden(file), PER_SET)]
    chance.shuffle(drawn)
    return [Ask(golden.question, golden.conversation) for golden in drawn]


if __name__ == "__main__":
    main()

"""Measures what a search and an answer cost beside the embedding, by stage, over 10,000 passages, on one thread.

The passages are those of zh-wiki, en-faq and the sample, each several times with a fifth of its words exchanged for
words of the same language, and with its vector moved a little; one in ten is for agents, one in ten a ticket. Half of
the questions only warm the caches of the process; the figures are of the other half. Times by stage are CPU time of the
asking thread, without the stages within; the whole is given in wall clock too.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import rjieba
from asking import opened
from numpy.typing import NDArray
from sets import DATA, ROOT, EvaluationSet, evaluation_sets, say

from kb import answering, hits, questions, reader
from kb.config import Paths, load_settings
from kb.evaluation.golden import read_golden
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search import catalogue, confidence, fusion, keywords, vectors, view
from kb.search.embedding import Embedder, ModelSpec, describe
from kb.search.exclusions import Exclusions
from kb.search.synonyms import Synonyms
from kb.variants import Contests
from kb.writer import Writer, writer_lock

PASSAGES = 10_000
SOURCES = ("zh-wiki", "en-faq", "sample")
EXCHANGED = 0.2
MOVED = 0.3
"""Length of the random vector added to a passage's unit vector: the cosine to where it was is about 0.96."""
PER_SET = 100
SEED = 20261124
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


@dataclass(frozen=True)
class Source:
    """A passage to make others from: its first line, its text, its language, its vector."""

    lead: str
    text: str
    language: str
    vector: NDArray[np.float32]


class Moved:
    """In place of the model while the home is made: a passage gets its source's vector, moved a little."""

    def __init__(self, spec: ModelSpec, by_name: dict[str, Source]) -> None:
        self.spec, self._by_name, self._chance = spec, by_name, np.random.default_rng(SEED)

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(n, dim)` float32 of unit length."""
        near = np.stack([self._by_name[text.partition(" ")[0]].vector for text in texts])
        noise = self._chance.normal(size=near.shape)
        made = near + MOVED * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def main() -> None:
    """Prints a table of stages for a search and one for an answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--passages", type=int, default=PASSAGES)
    chosen = parser.parse_args()
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.homes or Path(temporary)
        home = folder / f"latency-{chosen.passages}"
        if not (home / "index" / "manifest.json").exists():
            _build(home, chosen.passages, list(evaluation_sets(folder, traditional=False, names=SOURCES)))
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
    files = [*(DATA / name / "golden.jsonl" for name in SOURCES if (DATA / name).is_dir())]
    files += [ROOT / "sample" / "benchmark" / f"{name}.jsonl" for name in ("zh", "en")]
    chance = random.Random(SEED)
    drawn = [golden for file in files for golden in chance.sample(read_golden(file), PER_SET)]
    chance.shuffle(drawn)
    return [Ask(golden.question, golden.conversation) for golden in drawn]


def _build(home: Path, count: int, sets: Sequence[EvaluationSet]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    say(f"making a home of {count:,} passages")
    sources = [source for one in sets for source in _sources(one.home)]
    records = home / "records.jsonl"
    by_name = _write_records(records, sources, count)
    paths, settings = Paths(home), load_settings(home, {}, {})
    with writer_lock(paths):
        writer = Writer(paths, settings, embedder=Moved(describe("bundled"), by_name))  # type: ignore[arg-type]
        writer.import_files([records], lambda *_: None)
        writer.close()


def _sources(home: Path) -> list[Source]:
    with closing(sqlite3.connect(Paths(home).database)) as db:
        rows = db.execute(
            "SELECT embedded, language, vector FROM passages JOIN vectors USING (hash)"
            " WHERE removed IS NULL AND role = 'text' ORDER BY passages.id"
        ).fetchall()
    parts = [(*embedded.partition("\n")[::2], language, vector) for embedded, language, vector in rows]
    return [Source(lead, text, lang, np.frombuffer(v, np.float32)) for lead, text, lang, v in parts if text.strip()]


def _write_records(file: Path, sources: Sequence[Source], count: int) -> dict[str, Source]:
    """Writes `count` records and returns the source of each by the first word of its title."""
    chance = random.Random(SEED)
    words: dict[str, list[str]] = defaultdict(list)
    cut = [rjieba.cut(source.text) for source in sources]
    for source, parts in zip(sources, cut, strict=True):
        words[source.language] += [part for part in parts if part.strip() and part.isalnum()]
    by_name = {}
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            source, parts = sources[number % len(sources)], cut[number % len(sources)]
            name = f"n{number}"
            by_name[name] = source
            pool = words[source.language]
            text = "".join(chance.choice(pool) if p.isalnum() and chance.random() < EXCHANGED else p for p in parts)
            record = _record(number, f"{name} {source.lead[:60].strip()}", text, source.language)
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    return by_name


def _record(number: int, title: str, text: str, language: str) -> dict[str, Any]:
    if number % 10 == 5:
        solved = {"status": "solved", "messages": [], "resolution": text}
        return {"kind": "ticket", "id": f"t{number}", "subject": title, "language": language, **solved}
    audience = "agent" if number % 10 == 0 else "public"
    return {
        "kind": "article", "id": f"a{number}", "title": title, "body": text, "language": language, "audience": audience,
    }  # fmt: skip


if __name__ == "__main__":
    main()

"""Measures latency, recall of the vector list, memory and the building of the index against the number of passages.

Up to 50,000 passages a home is made by `kb import` (scaled.py); a larger one by rows written straight into its database
(rows.py), so its documents have one passage each. The vectors are of real passages, moved to a cosine of about 0.96.

- Search in this process on one thread, embedding included, as the public; half of the questions only warm it.
- Recall@10 of the vector list against exact search over all vectors in the database: unfiltered; under a random 1% and
  10% of all; under the 1% and 10% nearest to one vector. And what a search of that list takes.
- Memory by PSS (own pages, and a share of those in common): one `kb serve`, and each further worker of three.
- Building the whole index by kb's own code from a database that holds all vectors.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import islice, repeat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import faiss
import numpy as np
from asking import opened
from numpy.typing import NDArray
from results import keep, kept
from rows import SHARES, built, rows_home
from scaled import SEED, questions, scaled
from serving import Served, serving, settled
from sets import end_in_order, say

from kb.config import Paths
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search.embedding import Embedder, describe
from kb.store import database, documents, vectors

SIZES = (1_000, 10_000, 50_000, 200_000, 1_000_000)
IMPORTED = 50_000
K = 10
CHUNK = 50_000
WORKERS = 3
Vectors = NDArray[np.float32]
Mask = NDArray[np.bool_]


def main() -> None:
    """Prints a table of sizes and one of filters, and keeps the figures for plots."""
    chosen = _chosen()
    end_in_order()
    faiss.omp_set_num_threads(1)
    asked = list(islice(questions(), chosen.questions))
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.homes or Path(temporary)
        homes = {n: scaled(folder, n) if n <= chosen.imported else rows_home(folder, n) for n in chosen.sizes}
        made = {size: _measured(home, asked, memory=chosen.memory) for size, home in homes.items()}
    print("## Against the number of passages\n")
    _print_sizes(made)
    _print_filters(made)
    known = kept("scale", chosen.results) or {}
    keep("scale", known | {str(size): one for size, one in made.items()}, chosen.results)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--results", type=Path, help="where the figures for plots go, beside those of other sizes")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--imported", type=int, default=IMPORTED, help="the largest home that is made by importing")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="start no servers")
    return parser.parse_args()


def _measured(home: Path, asked: Sequence[str], *, memory: bool) -> dict[str, Any]:
    """All of one home; the server last, so that its start does not wait beside what is open here."""
    build = built(home)
    say(f"measuring {home.name}")
    base = opened(home, Embedder(describe("bundled"), threads=1))
    made = {"build": build, "passages": len(base.reader.view.catalogue.ids), **_latency(base, home, asked)}
    made["lists"] = _lists(base, home, asked[: max(1, len(asked) // 4)])
    del base
    return made | (_memory(home, asked) if memory else {})


def _latency(base: KnowledgeBase, home: Path, asked: Sequence[str]) -> dict[str, Any]:
    """Milliseconds at p50 and p95, and at p50 under each product's filter where the home has products."""
    products = [None, *(SHARES if (home / "rows.json").exists() else ())]
    warming, measured = asked[::2], asked[1::2]
    base.warm()
    for question in warming:
        base.search(Ask(question))
    each = len(measured) // len(products)
    took = {}
    for number, product in enumerate(products):
        took[product] = [
            _ms(lambda q=question, p=product: base.search(Ask(q, product=p)))  # type: ignore[misc]
            for question in measured[number * each : (number + 1) * each]
        ]
    p50, p95 = np.percentile(took.pop(None), (50, 95))
    filtered = {str(name): float(np.median(values)) for name, values in took.items()}
    return {"p50": float(p50), "p95": float(p95), "filtered": filtered}


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def _lists(base: KnowledgeBase, home: Path, asked: Sequence[str]) -> dict[str, dict[str, float]]:
    """Recall@10 and milliseconds at p50 of the vector list, by filter."""
    held, queries = _held(home), base._embedder.queries(asked)
    searched = base.reader.view.vectors
    if len(held) != len(searched):
        raise RuntimeError(f"{home}: {len(held)} vectors in the database, {len(searched)} in the index")
    made = {}
    for name, mask in _masks(held):
        say(f"  {name}")
        took, recalls, selected = [], [], searched.select(mask)
        for query, least in zip(queries, _tenth(held, queries, mask), strict=True):
            started = time.perf_counter()
            places, _ = searched.search(query, selected, K)
            took.append(1000 * (time.perf_counter() - started))
            if not mask[places].all():
                raise RuntimeError(f"{home}: a row that the filter {name} leaves out was found")
            recalls.append(np.count_nonzero(held[places] @ query >= least - 1e-6) / min(K, int(mask.sum())))
        made[name] = {"recall": float(np.mean(recalls)), "p50": float(np.median(took))}
    return made


def _held(home: Path) -> Vectors:
    """`(n, dim)`: every vector in the database, in the order of the passages' rows, which is that of positions."""
    spec = describe("bundled")
    db = database.open_for_reading(Paths(home).database)
    newest = documents.newest_change(db)
    held = vectors.visible(db, spec.fingerprint, spec.dim, after=0, until=newest, removed_after=newest)
    db.close()
    return held


def _masks(held: Vectors) -> Iterator[tuple[str, Mask]]:
    count, chance = len(held), np.random.default_rng(SEED)
    yield "all", np.ones(count, bool)
    shuffled = chance.permutation(count)
    nearest = np.argsort(-(held @ held[count // 2]), kind="stable")
    for share in (0.01, 0.10):
        for name, order in (("random", shuffled), ("nearest", nearest)):
            mask = np.zeros(count, bool)
            mask[order[: max(K, round(share * count))]] = True
            yield f"{name} {share:.0%}", mask


def _tenth(held: Vectors, queries: Vectors, mask: Mask) -> NDArray[np.float32]:
    """Each query's cosine to its tenth nearest row of a mask, by exact search."""
    rows = np.flatnonzero(mask)
    best = np.full((len(queries), K), -2.0, np.float32)
    for start in range(0, len(rows), CHUNK):
        cosines = queries @ held[rows[start : start + CHUNK]].T
        best = np.partition(np.concatenate([best, cosines], axis=1), -K, axis=1)[:, -K:]
    tenth: NDArray[np.float32] = best.min(axis=1)
    return tenth


def _memory(home: Path, asked: Sequence[str]) -> dict[str, float]:
    """Megabytes of one server, and of each further worker."""
    say("  memory")
    with serving(home) as served:
        settled(served)
        _exercise(served, 1, asked)
        alone, ready = sum(served.memory().values()), served.seconds
    with serving(home, "--workers", str(WORKERS)) as served:
        settled(served)
        _exercise(served, WORKERS, asked)
        by_process = served.memory()
    workers = sum(by_process.values()) - by_process[served.pid]
    return {"memory": alone, "further": (workers - alone) / (WORKERS - 1), "ready": ready}


def _exercise(served: Served, workers: int, asked: Sequence[str]) -> None:
    """Puts fifty questions to each worker, so that what it reads only when asked is in memory."""
    connections = served.connections(workers).values()
    with ThreadPoolExecutor(workers) as threads:  # at once: a server closes a connection that is idle for seconds
        for _ in threads.map(_ask, connections, repeat(asked[:50])):
            pass


def _ask(connection: HTTPConnection, asked: Sequence[str]) -> None:
    for question in asked:
        connection.request("GET", f"/api/search?q={quote(question)}&k=10")
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise RuntimeError(f"{question!r}: status {response.status}")


def _print_sizes(made: dict[int, dict[str, Any]]) -> None:
    print("| passages | search p50 ms | p95 ms | memory MB | each further worker MB | ready s | index build s |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for one in made.values():
        memory = [f"{one[name]:.{digits}f}" if name in one else "–" for name, digits in _MEMORY]
        print(
            f"| {one['passages']:,} | {one['p50']:.1f} | {one['p95']:.1f} | {' | '.join(memory)} | {one['build']:.1f} |"
        )
    for one in made.values():
        if one["filtered"]:
            listed = ", ".join(f"{name} {ms:.1f}" for name, ms in one["filtered"].items())
            print(f"\nSearch at {one['passages']:,} under a product's filter, p50 ms: {listed}.")


def _print_filters(made: dict[int, dict[str, Any]]) -> None:
    names = list(next(iter(made.values()))["lists"])
    print(f"\n| vector list: recall@10 · p50 ms | {' | '.join(names)} |\n|---:|{'---:|' * len(names)}")
    for one in made.values():
        cells = (f"{one['lists'][name]['recall']:.3f} · {one['lists'][name]['p50']:.2f}" for name in names)
        print(f"| {one['passages']:,} | {' | '.join(cells)} |", flush=True)


_MEMORY = (("memory", 0), ("further", 0), ("ready", 1))

if __name__ == "__main__":
    main()

"""Measures `kb serve` over HTTP with 50,000 passages: latency, throughput, edits and rebuilds under load, starting.

A real server on a real port of the loopback interface; its clients are one lean process (client.py) on the same
hardware threads, and what they take of them is said. scaled.py says how passages and questions are made.

- One client: the same questions over HTTP, in this process, and embedded alone, in turn.
- 1 to 64 clients, each asking its next question when it has its answer; for 64, in turn with the model alone embedding
  the same questions, 32 a call, by as many threads: the ratio is of each pair of runs.
- Questions that arrive at random (Poisson) at half of what 64 clients reached; time counts from when one was due.
- Edits and full rebuilds while questions arrive: changes.py says how.
- Starting, with `kb search` beside a server and without.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from asking import opened
from centre import seconds
from changes import edits, rebuilds
from crowd import Clients, Fresh, clients
from results import keep, kept
from scaled import QUESTIONS, scaled
from serving import serving, settled
from sets import end_in_order, kb, say

from kb.results import Ask
from kb.search.embedding import Embedder, describe

PARTS = ("latency", "throughput", "open", "edits", "rebuilds", "starting")
BATCH = 32


def main() -> None:
    """Prints one table a part, and keeps the figures for plots."""
    chosen = _chosen()
    end_in_order()
    made: dict[str, Any] = {"passages": chosen.passages}
    with tempfile.TemporaryDirectory() as temporary:
        home = scaled(chosen.homes or Path(temporary), chosen.passages)
        print(f"## `kb serve` under load, {chosen.passages:,} passages\n\n{QUESTIONS}\n")
        fresh, rate = Fresh(), chosen.rate
        if rate is None or not {"edits", "starting"}.issuperset(chosen.parts):
            rate = _of_one_server(home, fresh, chosen, made)
        for workers in (1, 2) if "edits" in chosen.parts else ():
            made[f"edits-{workers}"] = edits(home, workers, fresh, 0.3 * rate, chosen.edits)
        if "starting" in chosen.parts:
            made["starting"] = _starting(home, chosen.starts)
    known = kept("load", chosen.results) or {}
    keep("load", (known if known.get("passages") == chosen.passages else {}) | made, chosen.results)


def _of_one_server(home: Path, fresh: Fresh, chosen: argparse.Namespace, made: dict[str, Any]) -> float:
    """The parts that share a server; returns how many answers a second 64 clients reach."""
    with serving(home) as served, clients(served.port, fresh, served.key) as crowd:
        settled(served)
        if "latency" in chosen.parts:
            made["latency"] = _latency(home, crowd, chosen.questions)
        if "throughput" in chosen.parts:
            made["throughput"] = _throughput(crowd, chosen)
        rate: float = chosen.rate or made.get("throughput", {}).get("saturation") or _saturation(crowd, chosen.seconds)
        if "open" in chosen.parts:
            made["open"] = _open(crowd, rate, chosen)
        if "rebuilds" in chosen.parts:
            made["rebuilds"] = rebuilds(served, crowd, 0.3 * rate, chosen.repeats, chosen.quiet)
    return rate


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--results", type=Path, help="where the figures for plots go")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--passages", type=int, default=50_000)
    parser.add_argument("--questions", type=int, default=300, help="for one client")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=5, help="of the clients and the model alone, in turn")
    parser.add_argument("--rate", type=float, help="answers a second to take for saturation; default: measured")
    parser.add_argument("--edits", type=int, default=10, help="for each number of workers")
    parser.add_argument("--repeats", type=int, default=3, help="of a full rebuild")
    parser.add_argument("--quiet", type=float, default=20.0, help="seconds before each rebuild")
    parser.add_argument("--starts", type=int, default=5)
    return parser.parse_args()


def _latency(home: Path, crowd: Clients, count: int) -> dict[str, Any]:
    """One question at a time, the three ways in turn, the first of them another one each time."""
    say(f"one client, {count} questions")
    base = opened(home)
    base.warm()
    crowd.closed(1, 1.0)
    ways: dict[str, Callable[[str], float]] = {
        "over HTTP": crowd.one,
        "in process": lambda question: _timed(lambda: base.search(Ask(question))),
        "embedding alone": lambda question: _timed(lambda: base._embedder.queries([question])),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number, question in enumerate(crowd.fresh.take(count)):
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            took[name].append(ways[name](question))
    print(f"| one client, {count} questions, ms | p50 | p95 |\n|---|---:|---:|")
    for name, values in took.items():
        print(f"| {name} | {np.percentile(values, 50):.1f} | {np.percentile(values, 95):.1f} |")
    more = np.percentile(took["over HTTP"], 50) - np.percentile(took["in process"], 50)
    pairs = np.median(np.subtract(took["over HTTP"], took["in process"]))
    print(f"\nHTTP adds **{more:.2f} ms** at p50; the median of the differences by question is {pairs:.2f} ms.\n")
    return {name: list(np.percentile(values, (50, 95))) for name, values in took.items()} | {"added": float(more)}


def _throughput(crowd: Clients, chosen: argparse.Namespace) -> dict[str, Any]:
    """More and more clients, then the most of them in turn with the model alone."""
    print("| clients | answers/s | p50 ms | p99 ms | 2·clients/rate, ms | failed | the clients' own processor time |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    by_clients = {}
    for count in chosen.clients[:-1]:
        by_clients[count] = _crowd(crowd, count, chosen.seconds)
    most = chosen.clients[-1]
    model = Embedder(describe("bundled"))
    model.warm()
    served, alone = [], []
    for _ in range(chosen.rounds):
        coming = crowd.fresh.coming(int(chosen.seconds * 1_000))
        served.append(_crowd(crowd, most, chosen.seconds))
        asked = coming[: max(BATCH, int(served[-1]["rate"] * chosen.seconds))]
        alone.append(_batches(model, asked, chosen.seconds))
    by_clients[most] = {name: statistics.median(one[name] for one in served) for name in served[0]}
    ratios = [one["rate"] / rate for one, rate in zip(served, alone, strict=True)]
    ratio, spread = statistics.median(ratios), f"{min(ratios):.2f}–{max(ratios):.2f}"
    middle = statistics.median(alone)
    print(f"\nThe model alone, {BATCH} of the same questions a call: {middle:.0f} a second, median of")
    print(f"{chosen.rounds} runs. **{most} clients reach {ratio:.2f} of that** ({spread}).\n", flush=True)
    return {"clients": by_clients, "saturation": by_clients[most]["rate"], "alone": alone, "ratios": ratios}


def _crowd(crowd: Clients, count: int, length: float) -> dict[str, float]:
    say(f"{count} clients")
    replies = crowd.closed(count, length)
    rate, (p50, p99) = replies.rate(length), replies.at(50, 99)
    twice = 2_000 * count / max(rate, 1e-9)
    cells = f"{rate:.0f} | {p50:.1f} | {p99:.1f}{'' if p99 < twice else ' ✗'} | {twice:.0f} | {replies.failed}"
    print(f"| {count} | {cells} | {replies.share():.2f} of a thread |", flush=True)
    return {"rate": rate, "p50": p50, "p99": p99, "failed": replies.failed, "client": replies.share()}


def _batches(model: Embedder, questions: Sequence[str], length: float) -> float:
    """Questions a second that the model alone embeds, for at most `length` seconds."""
    started, done = time.perf_counter(), 0
    while done + BATCH <= len(questions) and time.perf_counter() - started < length:
        model.queries(questions[done : done + BATCH])
        done += BATCH
    return done / (time.perf_counter() - started)


def _saturation(crowd: Clients, length: float) -> float:
    say("finding what 64 clients reach")
    return crowd.closed(64, length).rate(length)


def _open(crowd: Clients, rate: float, chosen: argparse.Namespace) -> dict[str, Any]:
    say(f"{rate / 2:.0f} questions a second")
    runs = [crowd.open(rate / 2, chosen.seconds, seed) for seed in range(1, chosen.rounds + 1)]
    ends = [statistics.median(values) for values in zip(*(run.at(50, 99) for run in runs), strict=True)]
    each = ", ".join(f"{run.at(99)[0]:.0f}" for run in runs)
    print(f"{rate / 2:.0f} questions a second arriving at random, half of what 64 clients reach, {len(runs)} runs of")
    print(f"{chosen.seconds:.0f} s: p50 **{ends[0]:.1f} ms**, p99 **{ends[1]:.1f} ms** (medians; p99 of each {each});")
    print(f"{sum(run.failed for run in runs)} failed.\n", flush=True)
    return {"rate": rate / 2, "p50": ends[0], "p99": ends[1]}


def _starting(home: Path, count: int) -> dict[str, Any]:
    say("starting")
    ready, beside, alone = [], [], []
    for _ in range(count):
        alone.append(seconds(lambda: kb(home, "search", "洗衣机不进水怎么办")))
        with serving(home) as served:
            ready.append(served.seconds)
            settled(served)
            beside.append(seconds(lambda: kb(home, "search", "洗衣机不进水怎么办")))
    rows = {
        "`kb serve`: from its start until /health/ready says ok": ready,
        "`kb search`, a server running": beside,
        "`kb search`, no server": alone,
    }
    print(f"| seconds, {count} times | median | min–max |\n|---|---:|---:|")
    for name, values in rows.items():
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f}–{max(values):.2f} |", flush=True)
    return {name: statistics.median(values) for name, values in rows.items()}


def _timed(work: Any) -> float:
    return 1_000 * seconds(work)


if __name__ == "__main__":
    main()

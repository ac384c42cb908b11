"""Races kb against other ways to search the same 50,000 passages with the same model: latency, and recall@10.

kb in process, txtai hybrid, Chroma (vectors only), LlamaIndex's fusion, and the floor: the model by
sentence-transformers and exact inner products (FAISS). Each is a process of its own, one thread, in an environment of
its own where it is another's; scaled.py says how the passages are made, all of them public. The peers embed questions
with sentence-transformers as it comes (torch, 32 bits), kb with its own runtime; each question is also put with its
vector handed over, so that the embedding costs nobody anything. The systems take turns, lap by lap, in another order
each time; the figures are medians of the laps' medians.

A passage is taken as right where it was made of a document that the golden file expects: recall@10 is the share of
questions with such a record among the first ten. kb shows near-duplicates once, which leaves it room for others.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from environments import PEERS, environment
from results import keep
from scaled import MADE_OF, SEED, golden_files, scaled
from sets import end_in_order, say

from kb.config import Paths
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.search.embedding import Embedder, describe

SYSTEMS = {
    "kb": "kb, default",
    "txtai": "txtai hybrid",
    "chroma": "Chroma, vectors only",
    "llamaindex": "LlamaIndex fusion",
    "floor": "sentence-transformers and IndexFlatIP",
}
SLOW = {"llamaindex": 20}
"""Systems that get only one in so many of the questions: a lap would take minutes."""
TARGETS = {"txtai": 0.4, "chroma": 0.5}
"""What kb may take at p50, embedding included, as a share of what another takes."""
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
Lap = list[tuple[float, list[int]]]
"""Milliseconds and record numbers of each question."""


class Runner:
    """A system's process."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name, self._process = name, process

    def lap(self, questions: Sequence[int], *, handed: bool) -> Lap:
        """Puts questions by their position."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"questions": list(questions), "handed": handed}) + "\n")
        self._process.stdin.flush()
        answered: Lap = self.said()
        return answered

    def said(self) -> Any:
        """Its next line. Raises RuntimeError where it has ended."""
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"{self.name} ended with exit code {self._process.wait()}")
        return json.loads(line)


def main() -> None:
    """Prints a table, one row a system, and how kb stands to the targets."""
    chosen = _chosen()
    end_in_order()
    with tempfile.TemporaryDirectory() as temporary:
        home = scaled(chosen.homes or Path(temporary), chosen.passages, public=True)
        golden = _golden(chosen.questions * chosen.laps)
        folder = Path(temporary) / "course"
        passages = _write_course(folder, home, golden)
        with _runners(chosen.systems, folder) as runners:
            laps = _race(runners, chosen.questions, chosen.laps)
    print(f"## A race over {passages:,} passages, one thread\n")
    print(f"{chosen.laps} laps of {chosen.questions} questions each ({_few(chosen)}), none put twice. In brackets the")
    print(f"fastest and the slowest lap. {', '.join(dict.fromkeys(p for ps in PEERS.values() for p in ps))}.\n")
    made = _table(laps, golden, json.loads((home / MADE_OF).read_text("utf-8")))
    keep("race", {"passages": passages, "systems": made}, chosen.results)


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--results", type=Path, help="where the figures for plots go")
    parser.add_argument("--passages", type=int, default=50_000)
    parser.add_argument("--questions", type=int, default=100, help="a lap")
    parser.add_argument("--laps", type=int, default=7)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    return parser.parse_args()


def _few(chosen: argparse.Namespace) -> str:
    slow = [f"{SYSTEMS[name]} {len(_share(name, range(chosen.questions)))}" for name in SLOW if name in chosen.systems]
    return ", ".join(slow) or "all systems the same"


def _share(name: str, questions: Sequence[int]) -> Sequence[int]:
    return questions[:: SLOW.get(name, 1)]


def _golden(count: int) -> list[GoldenQuestion]:
    """Questions that an article answers and that stand alone, as many from each file as it has."""
    usable = {g.question: g for file in golden_files() for g in read_golden(file) if g.expected and not g.conversation}
    drawn = np.random.default_rng(SEED).permutation(len(usable))[:count]
    listed = list(usable.values())
    return [listed[at] for at in drawn]


def _write_course(folder: Path, home: Path, golden: Sequence[GoldenQuestion]) -> int:
    """What each system reads; returns how many passages there are."""
    folder.mkdir()
    spec = describe("bundled")
    with closing(sqlite3.connect(Paths(home).database)) as db:
        rows = db.execute(
            "SELECT document_id, embedded, vector FROM passages JOIN vectors USING (hash)"
            " WHERE fingerprint = ? AND removed IS NULL ORDER BY passages.id",
            [spec.fingerprint],
        ).fetchall()
    documents, passages, vectors = zip(*rows, strict=True)
    questions = [one.question for one in golden]
    np.save(folder / "passages.npy", np.frombuffer(b"".join(vectors), np.float32).reshape(len(rows), -1))
    np.save(folder / "questions.npy", Embedder(spec).queries(questions))
    texts = {
        "passages": passages,
        "numbers": [int(document[1:]) for document in documents],
        "questions": questions,
        "model": str(spec.files()),
        "home": str(home),
    }
    (folder / "texts.json").write_text(json.dumps(texts), "utf-8")
    return len(rows)


@contextmanager
def _runners(names: Collection[str], folder: Path) -> Iterator[list[Runner]]:
    """The systems, ready, one after the other; ended with the block."""
    started: list[subprocess.Popen[str]] = []
    try:
        runners = []
        for name in names:
            say(f"building {SYSTEMS[name]}")
            started.append(_start(name, folder))
            runners.append(Runner(name, started[-1]))
            runners[-1].said()
        yield runners
    finally:
        for process in started:
            process.kill()
            process.wait()


def _start(name: str, folder: Path) -> subprocess.Popen[str]:
    python = environment(name) if name in PEERS else Path(sys.executable)
    quiet = {"HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "false"}
    kept = {k: v for k, v in os.environ.items() if name == "kb" or k != "PYTHONPATH"}
    return subprocess.Popen(
        [python, Path(__file__).with_name(f"rival_{name}.py"), folder],
        env={**kept, **quiet, **dict.fromkeys(_ONE_THREAD, "1")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def _race(runners: Sequence[Runner], questions: int, laps: int) -> dict[tuple[str, bool], list[tuple[range, Lap]]]:
    """Every lap of every system, with its questions' positions; by name, and whether vectors were handed over."""
    run: dict[tuple[str, bool], list[tuple[Any, Lap]]] = {(r.name, h): [] for r in runners for h in (False, True)}
    for lap in range(laps):
        say(f"lap {lap + 1} of {laps}")
        put = range(lap * questions, (lap + 1) * questions)
        for place in range(len(runners)):
            runner = runners[(lap + place) % len(runners)]
            mine = _share(runner.name, put)
            for handed in (False, True):
                run[runner.name, handed].append((mine, runner.lap(mine, handed=handed)))
    return run


def _table(
    laps: dict[tuple[str, bool], list[tuple[range, Lap]]], golden: Sequence[GoldenQuestion], made_of: Sequence[str]
) -> dict[str, dict[str, Any]]:
    print("| system | p50 ms, embedding included | p50 ms, vectors handed over | questions | recall@10 |")
    print("|---|---:|---:|---:|---:|")
    made = {}
    for name in dict.fromkeys(name for name, _ in laps):
        whole, rest = ([_median(lap) for _, lap in laps[name, handed]] for handed in (False, True))
        recall = _recall(laps[name, False], golden, made_of)
        count = sum(len(put) for put, _ in laps[name, False])
        print(f"| {SYSTEMS[name]} | {_spread(whole)} | {_spread(rest)} | {count} | {recall:.3f} |", flush=True)
        made[SYSTEMS[name]] = {"p50": statistics.median(whole), "handed": statistics.median(rest), "recall": recall}
    if "kb" in {name for name, _ in laps}:
        _print_targets(laps)
    return made


def _print_targets(laps: dict[tuple[str, bool], list[tuple[range, Lap]]]) -> None:
    print()
    for name, most in TARGETS.items():
        if (name, False) in laps:
            pairs = zip(laps["kb", False], laps[name, False], strict=True)
            ratio = statistics.median(_median(ours) / _median(theirs) for (_, ours), (_, theirs) in pairs)
            print(f"- kb takes **{ratio:.2f}** of {SYSTEMS[name]}; target {most}{'' if ratio <= most else ' ✗'}")


def _median(lap: Lap) -> float:
    return statistics.median(took for took, _ in lap)


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"


def _recall(laps: Sequence[tuple[range, Lap]], golden: Sequence[GoldenQuestion], made_of: Sequence[str]) -> float:
    """The share of questions with a record made of an expected document among those found."""
    found = [
        any(made_of[number % len(made_of)] in golden[at].expected for number in numbers)
        for put, lap in laps
        for at, (_, numbers) in zip(put, lap, strict=True)
    ]
    return statistics.mean(found)


if __name__ == "__main__":
    main()

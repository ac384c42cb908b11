"""Measures how fast passages are indexed, beside `SentenceTransformer.encode` of the same passages on plain torch.

`kb` is a whole import into a fresh home: records parsed, redacted, split, embedded, stored, and both indexes built.
torch is sentence-transformers with its own defaults (float32, batches of 32) and the passages ready made: those that
`kb` made, in their order. Each runs in a process of its own with its model loaded, in turn, never both at once. Texts
are Chinese and English in turn, made of sentences of the evaluation sets, or of the sample where they are absent.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sets import DATA, ROOT, say

from kb.config import Paths, load_settings
from kb.progress import silent
from kb.search.embedding import Embedder, describe
from kb.search.tokens import Tokens
from kb.writer import Writer, writer_lock

SIZES = {"short": (160, 128), "long": (500, 32)}
"""Characters of a text, about, and how many texts."""
ROUNDS = 5
_ENDS = re.compile(r"(?<=[。！？])|(?<=[.!?])\s|\n")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def main() -> None:
    """Prints a table, one row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", default=[*SIZES], help=f"of {', '.join(SIZES)}; default all")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--side", choices=("kb", "torch"), help="be one of the two processes")
    chosen = parser.parse_args()
    if chosen.side:
        {"kb": _serve_kb, "torch": _serve_torch}[chosen.side]()
        return
    with tempfile.TemporaryDirectory() as temporary, _side("kb") as ours, _side("torch") as theirs:
        print("## Indexing against plain torch\n")
        print("| passages | tokens each | torch /s | kb /s | kb / torch | cosine: least · mean |")
        print("|---|---:|---:|---:|---:|---:|")
        for name in chosen.sizes:
            characters, count = SIZES[name]
            folder = Path(temporary) / name
            folder.mkdir()
            _write_records(folder / "records.jsonl", characters, count)
            _row(name, folder, ours, theirs, chosen.rounds)


def _row(name: str, folder: Path, ours: _Side, theirs: _Side, rounds: int) -> None:
    ours.seconds(folder)
    texts, stored, tokens = _stored(folder)
    (folder / "passages.json").write_text(json.dumps(texts), "utf-8")
    theirs.seconds(folder)
    cosines = (np.load(folder / "torch.npy") * stored).sum(axis=1)
    rates: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for side, rate in zip((theirs, ours), rates, strict=True):
            rate.append(len(texts) / side.seconds(folder))
        say(f"{name}, round {number + 1} of {rounds}: torch {rates[0][-1]:.1f}/s, kb {rates[1][-1]:.1f}/s")
    ratios = [our / their for their, our in zip(*rates, strict=True)]
    cells = [*map(_spread, rates), _spread(ratios, 2), f"{cosines.min():.5f} · {cosines.mean():.5f}"]
    print(f"| {len(texts)} {name} | {tokens:.0f} | {' | '.join(cells)} |", flush=True)


def _spread(values: Sequence[float], digits: int = 1) -> str:
    """The median, and the least and the most."""
    middle, *ends = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({'–'.join(ends)})"


class _Side:
    """One of the two processes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def seconds(self, folder: Path) -> float:
        """What it needed for the texts in a folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextmanager
def _side(name: str) -> Iterator[_Side]:
    command = [sys.executable, __file__, "--side", name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _Side(process)
        finally:
            process.terminate()


def _serve_kb() -> None:
    """For each folder that it is told, imports its records into a fresh home."""
    embedder = Embedder(describe("bundled"))
    embedder.warm()
    for line in sys.stdin:
        home = Path(line.strip()) / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        paths, settings = Paths(home), load_settings(home, {}, {})
        started = time.perf_counter()
        with writer_lock(paths):
            writer = Writer(paths, settings, embedder=embedder)
            summary = writer.import_files([home.parent / "records.jsonl"], silent)
            writer.close()
        print(time.perf_counter() - started, flush=True)
        assert not summary.refused


def _serve_torch() -> None:
    """For each folder that it is told, encodes its passages."""
    from sentence_transformers import SentenceTransformer

    spec = describe("bundled")
    model: Any = SentenceTransformer(str(spec.files()), device="cpu")
    for line in sys.stdin:
        folder = Path(line.strip())
        texts = json.loads((folder / "passages.json").read_text("utf-8"))
        started = time.perf_counter()
        vectors = model.encode_document(texts, show_progress_bar=False)
        print(time.perf_counter() - started, flush=True)
        np.save(folder / "torch.npy", vectors)


def _stored(folder: Path) -> tuple[list[str], NDArray[np.float32], float]:
    """The passages that an import made, their vectors, and their tokens' mean."""
    with closing(sqlite3.connect(Paths(folder / "home").database)) as db:
        query = "SELECT embedded, vector FROM passages JOIN vectors USING (hash) GROUP BY hash ORDER BY passages.id"
        rows = db.execute(query).fetchall()
    texts = [text for text, _ in rows]
    vectors = np.array([np.frombuffer(vector, np.float32) for _, vector in rows])
    return texts, vectors, statistics.mean(Tokens(describe("bundled")).counts(texts))


def _write_records(file: Path, characters: int, count: int) -> None:
    chinese, english = (cycle(sentences) for sentences in _sentences())
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            text = _text(english if number % 2 else chinese, characters)
            record = {"kind": "article", "id": f"a{number}", "title": f"No. {number}", "body": text}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def _text(sentences: Iterator[str], characters: int) -> str:
    """Sentences that together have about as many characters."""
    text = next(sentences)
    while len(text) < characters - 20:
        text += f" {next(sentences)}"
    return text


def _sentences() -> tuple[list[str], list[str]]:
    """Chinese and English ones, none very long."""
    files = [DATA / name / "records.jsonl" for name in ("zh-wiki", "en-faq")]
    if all(file.exists() for file in files):
        records = [json.loads(line) for file in files for line in islice(file.open(encoding="utf-8"), 200)]
        bodies = [record["body"] for record in records]
    else:
        say(f"ABSENT: {DATA}; the texts are made of the sample's")
        bodies = [file.read_text("utf-8") for file in sorted((ROOT / "articles").rglob("*.md"))]
    found = [part.strip() for body in bodies for part in _ENDS.split(body) if part.strip()[:1].isalpha()]
    found = [part for part in dict.fromkeys(found) if 10 <= len(part) <= 100]
    return [s for s in found if _CHINESE.search(s)], [s for s in found if not _CHINESE.search(s)]


if __name__ == "__main__":
    main()

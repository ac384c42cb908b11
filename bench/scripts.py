"""Measures what traditional characters cost: zh-wiki with its questions, its records, or both converted.

OpenCC converts character by character where words allow (s2t), or to the words of Taiwan (s2twp: 软件 becomes 軟體). A
loss is that of the same questions against simplified questions over simplified records, in points of recall@1; in
brackets its 95% interval (bootstrap over the questions).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import opencc
from asking import asked, interval, opened, rank
from numpy.typing import NDArray
from sets import DATA, SHARED, TRADITIONAL, converted, evaluation_sets, imported, say

from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.search.embedding import Embedder, describe
from kb.search.remembered import Remembered

SET = SHARED[0]
MOST_LOST = 1.0
SCRIPTS = ("s2t", "s2twp")
AS_IT_IS = "simplified"


def main() -> None:
    """Prints a row for each script of the records, a column for each of the questions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    chosen = parser.parse_args()
    if not (DATA / SET).is_dir():
        raise SystemExit(f"ABSENT: {DATA / SET}; nothing is measured")
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.homes or Path(temporary)
        golden = [question for question in read_golden(DATA / SET / "golden.jsonl") if question.expected]
        asked_in = {AS_IT_IS: [question.question for question in golden]}
        asked_in |= {name: _converted(asked_in[AS_IT_IS], name) for name in SCRIPTS}
        print(f"## Traditional characters: {SET}, {len(golden)} answerable questions\n")
        print("Recall@1, and the points lost (95% interval) against simplified questions and records.")
        print(f"✗: more than {MOST_LOST:.0f} point lost.\n")
        print(f"| records | {' | '.join(f'questions {name}' for name in asked_in)} |\n|---|{'---:|' * len(asked_in)}")
        embedder = Embedder(describe("bundled"))
        vectors = Remembered(embedder.queries, 1)
        base: NDArray[np.float64] | None = None
        for records, home in _homes(folder).items():
            cells = []
            for name, questions in asked_in.items():
                say(f"asking {name} of {records}")
                first = _found(home, golden, questions, embedder, vectors)
                base = first if base is None else base
                cells.append(_cell(first, base))
            print(f"| {records} | {' | '.join(cells)} |", flush=True)


def _converted(texts: Sequence[str], script: str) -> list[str]:
    converter = opencc.OpenCC(script)
    return [converter.convert(text) for text in texts]


def _homes(folder: Path) -> dict[str, Path]:
    (as_it_is,) = evaluation_sets(folder, traditional=False, names=(SET,))
    homes = {AS_IT_IS: as_it_is.home}
    for script in SCRIPTS:
        name = TRADITIONAL if script == "s2t" else f"{SET}, {script}"
        homes[script] = imported(folder, name, converted(folder / f"converted-{script}", script)).home
    return homes


def _found(
    home: Path, golden: Sequence[GoldenQuestion], questions: Sequence[str], embedder: Embedder, vectors: Remembered
) -> NDArray[np.float64]:
    """1.0 for each question that an expected document is first for."""
    kb = opened(home, embedder, vectors)
    asks = [asked(one, question=text) for one, text in zip(golden, questions, strict=True)]
    kb.embed_ahead(asks)
    return np.array([rank(kb, ask, one.expected, 1) <= 1 for ask, one in zip(asks, golden, strict=True)], np.float64)


def _cell(first: NDArray[np.float64], base: NDArray[np.float64]) -> str:
    lost = 100 * float((base - first).mean())
    if first is base:
        return f"{first.mean():.4f}"
    low, high = (100 * end for end in interval(base - first))
    return f"{first.mean():.4f}, {lost:+.2f} ({low:+.2f} to {high:+.2f}){' ✗' if lost > MOST_LOST else ''}"


if __name__ == "__main__":
    main()

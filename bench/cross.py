"""Measures whether a question in one language finds the article that only the other language has.

The benchmark's `cross` questions, each asked of the articles of the other language alone. In brackets the 95% interval
(bootstrap over the questions).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from asking import asked, interval, opened, rank
from fit_shipped import ONLY
from sets import ROOT, SAMPLE, evaluation_sets, say

from kb.evaluation.golden import read_golden

AT_LEAST = {5: 0.90}
DIRECTIONS = {"cross.zh": "Chinese questions, English articles", "cross.en": "English questions, Chinese articles"}


def main() -> None:
    """Prints a row a direction."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    chosen = parser.parse_args()
    print("## Across languages\n")
    print(
        "In brackets the 95% interval. ✗ marks what misses the target of step 2. In-sample: these questions are among"
    )
    print("those that the shipped weights were fitted on.\n")
    print("| | questions | recall@1 | recall@5 |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        (sample,) = evaluation_sets(chosen.homes or Path(temporary), traditional=False, names=(SAMPLE,))
        kb = opened(sample.home)
        for name, title in DIRECTIONS.items():
            say(f"asking {name}")
            golden = [g for g in read_golden(ROOT / "sample" / "benchmark" / f"{name}.jsonl") if g.expected]
            asks = [asked(question, language=ONLY[name]) for question in golden]
            kb.embed_ahead(asks)
            ranks = np.array([rank(kb, ask, g.expected, 5) for ask, g in zip(asks, golden, strict=True)])
            print(f"| {title} | {len(golden)} | {_cell(ranks, 1)} | {_cell(ranks, 5)} |", flush=True)


def _cell(ranks: np.ndarray, k: int) -> str:
    share = float((ranks <= k).mean())
    low, high = interval((ranks <= k).astype(np.float64))
    return f"{share:.3f} ({low:.3f}–{high:.3f}){' ✗' if share < AT_LEAST.get(k, 0) else ''}"


if __name__ == "__main__":
    main()

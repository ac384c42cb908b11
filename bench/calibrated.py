"""Measures what `kb calibrate` gives: both models refitted on a set's own questions, each fold judged by the others.

Five folds by question, `max_wrong = 0.05`, the threshold read off all held-out questions together. This is what a
centre gets that calibrates on its own golden file; `heldout.py` says what it gets before it does.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sets import ROOT, SAMPLE, EvaluationSet, evaluation_sets, kb, say

MAX_WRONG = 0.05
OWN = ("zh", "en")
HEADS = (
    "recall@1", "recall@5", "AUROC", "refused rightly at 5% false refusals", "ECE (≤ if calibrated)",
    "wrong, of answered", "answered, of answerable",
)  # fmt: skip
COLUMNS = ("recall@1", "recall@5", "auroc", "refusal_recall_at_5", "ece", "wrong", "false_refusals")


def main() -> None:
    """Prints a row a golden file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    chosen = parser.parse_args()
    print("## Calibrated on a set's own questions, five folds\n")
    print(f"In brackets the 95% interval. `wrong` and what is answered are at `max_wrong = {MAX_WRONG}`.\n")
    print(f"| set | questions | {' | '.join(HEADS)} |\n|---|{'---:|' * (len(HEADS) + 1)}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for one in evaluation_sets(chosen.homes or Path(temporary), traditional=False):
            for name, golden in _files(one):
                say(f"calibrating on {name}")
                settings = ("--set", f"max_wrong={MAX_WRONG}")
                done = kb(one.home, *settings, "calibrate", golden, "--dry-run", "--json")
                print(_row(name, json.loads(done.stdout)), flush=True)


def _files(one: EvaluationSet) -> Iterator[tuple[str, Path]]:
    if one.name != SAMPLE:
        yield one.name, one.golden
        return
    for name in OWN:
        yield f"benchmark {name}", ROOT / "sample" / "benchmark" / f"{name}.jsonl"


def _row(name: str, figures: dict[str, Any]) -> str:
    ends: dict[str, list[float]] = figures["intervals"]
    shown = {key: f"{figures[key]:.3f} ({ends[key][0]:.3f}–{ends[key][1]:.3f})" for key in COLUMNS}
    low, high = (1 - end for end in reversed(ends["false_refusals"]))
    cells = [shown[key] for key in ("recall@1", "recall@5", "auroc", "refusal_recall_at_5")]
    cells += [f"{shown['ece']} (≤ {figures['ece_band']:.3f})", shown["wrong"]]
    cells.append(f"{1 - figures['false_refusals']:.3f} ({low:.3f}–{high:.3f})")
    return f"| {name} | {figures['questions']} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

"""Measures what is found, answered, refused and wrong, on every evaluation set: `kb import`, then `kb eval --json`.

The sets are Chinese and English, with and without earlier turns; the Chinese one also in traditional characters. A
quarter or more of the questions have no answer in the records and must be refused. `--homes DIR` keeps the homes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from sets import EvaluationSet, evaluation_sets, kb, say

COLUMNS = {
    "recall@1": "recall@1",
    "recall@5": "recall@5",
    "recall@10": "recall@10",
    "mrr@10": "MRR@10",
    "ndcg@10": "nDCG@10",
    "auroc": "AUROC",
    "coverage": "answered",
    "wrong": "wrong",
    "answer_contains": "answer text",
    "citation_precision": "citations right",
    "false_refusals": "false refusals",
    "refusal_recall": "refused rightly",
    "refusal_recall_at_5": "… at 5%",
    "ece": "ECE",
}


def main() -> None:
    """Prints a table, one row a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    chosen = parser.parse_args()
    print("## Retrieval, answers and refusals\n")
    print("Shares of the questions each figure is about; `kb eval` defines them. Bundled model, default threshold.\n")
    print(f"| set | questions | {' | '.join(COLUMNS.values())} | p50 | p95 |")
    print("|---|" + "---:|" * (len(COLUMNS) + 3))
    with tempfile.TemporaryDirectory() as temporary:
        for one in evaluation_sets(chosen.homes or Path(temporary)):
            print(_row(one.name, _figures(one)), flush=True)


def _figures(one: EvaluationSet) -> dict[str, Any]:
    say(f"asking {one.name}")
    figures: dict[str, Any] = json.loads(kb(one.home, "eval", one.golden, "--json").stdout)
    return figures


def _row(name: str, figures: dict[str, Any]) -> str:
    cells = ["–" if figures[key] is None else f"{figures[key]:.3f}" for key in COLUMNS]
    latency = [f"{figures['latency_ms'][key]:.0f} ms" for key in ("p50", "p95")]
    return f"| {name} | {figures['questions']} | {' | '.join([*cells, *latency])} |"


if __name__ == "__main__":
    main()

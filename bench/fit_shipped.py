"""Refits what kb ships, `fusion.json` and `confidence.json`, on the evaluation sets and the project's own benchmark.

Every set weighs as `WEIGHTS` says. Printed are figures on held-out questions: fitted on all sets but a fifth of each
question set, five times over. `--write` replaces the shipped files.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import msgspec
from sets import ROOT, evaluation_sets, say

from kb.config import Paths, load_settings
from kb.evaluation.calibration import Case, calibrate, gather, weighted
from kb.evaluation.golden import read_golden
from kb.evaluation.metrics import measure
from kb.knowledge import KnowledgeBase
from kb.search import fusion
from kb.search.embedding import describe

SEARCH = ROOT / "kb" / "search"
BENCHMARK = {"zh": 0.5, "en": 0.5, "codes.zh": 0.2, "codes.en": 0.2, "cross.zh": 0.15, "cross.en": 0.15}
ONLY = {"cross.zh": "en", "cross.en": "zh"}
"""Sets that are asked of the articles in the other language alone."""
WEIGHTS = {"zh-wiki": 1.0, "en-faq": 1.0, "en-conversations": 1.5, "sample": 3.0}


def main() -> None:
    """Prints a row a set, and writes where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--write", action="store_true", help="replace the shipped files")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cases = _cases(chosen.homes or Path(temporary))
    every = [case for some in cases.values() for case in some]
    fitted_on = ", ".join(f"{name} ({len(some)})" for name, some in cases.items())
    fingerprint = describe("bundled").fingerprint
    made = calibrate(every, fusion.shipped(), fingerprint=fingerprint, fitted_on=fitted_on, folds=5, max_wrong=None)
    by_question = {(o.language, o.expected, o.ranked): o for o in made.outcomes}
    print(made.fusion, measure(made.outcomes).to_json(), len(by_question), sep="\n")
    if chosen.write:
        for name, model in (("fusion", made.fusion), ("confidence", made.confidence)):
            text = msgspec.json.format(msgspec.json.encode(model), indent=1)
            (SEARCH / f"{name}.json").write_bytes(text + b"\n")


def _cases(homes: Path) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for one in evaluation_sets(homes, traditional=False):
        kb = KnowledgeBase(Paths(one.home), load_settings(one.home, {}, {}))
        golden = {one.name: one.golden}
        if one.name == "sample":
            golden |= {name: ROOT / "sample" / "benchmark" / f"{name}.jsonl" for name in BENCHMARK}
        for name, file in golden.items():
            say(f"asking {name}")
            cases = list(gather(kb, read_golden(file), "public", lambda _: None, language=ONLY.get(name)))
            found[name] = weighted(cases, 1_000 * (WEIGHTS | BENCHMARK)[name])
    return found


if __name__ == "__main__":
    main()

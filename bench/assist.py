"""Assist on the written calls of sample/calls, beside each other: those it was tuned on, and those it was not.

    python -m bench.assist HOME

HOME holds the sample's articles, indexed. The model is warm; no vector is at hand from an earlier replay. Measure on a
quiet machine: the load average is told with the figures.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from kb.assist.transcripts import Judged, judged, read, replay
from kb.assisting import assistant
from kb.config import Paths, load_settings
from kb.ingest.redaction import Redactor, redacted_after
from kb.knowledge import KnowledgeBase
from kb.model import AGENT, PUBLIC

CALLS = Path(__file__).parent.parent / "sample" / "calls"


def measure(kb: KnowledgeBase, files: list[Path]) -> tuple[list[Judged], list[float]]:
    """Each call judged, and the milliseconds of each suggestion."""
    redactor, marks, took = Redactor(keep=kb.settings.keep), [], []
    for file in files:
        engine = assistant(lambda: kb, frozenset({PUBLIC, AGENT}), kb.settings.assist_ms)
        shown = replay(read(file), engine, lambda before, text: redacted_after(redactor, before, text))
        marks.append(judged(shown))
        took += [one.told.took_ms for one in shown if one.told]
    return marks, took


def main(home: Path) -> None:
    """Prints one line a set."""
    kb = KnowledgeBase(Paths(home), load_settings(home, {}))
    kb.warm()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    measure(kb, sorted(CALLS.glob("*.jsonl"))[:1])  # what is read once for all
    files = sorted(CALLS.glob("*.jsonl"))
    for name, blind in (("tuned", False), ("blind", True)):
        marks, took = measure(kb, [file for file in files if file.name.startswith("blind-") == blind])
        helped, due = sum(m.helped for m in marks), sum(m.due for m in marks)
        useless, (p50, p95) = [m.useless for m in marks], np.percentile(took, [50, 95])
        print(
            f"{name}: {len(marks)} calls; help at {helped} of {due} moments ({helped / due:.1%}); useless interruptions"
            f" at most {max(useless)}, mean {sum(useless) / len(useless):.2f}; p50 {p50:.0f} ms, p95 {p95:.0f} ms"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

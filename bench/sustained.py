"""Measures five minutes of two hundred sessions at 0.7 of what the service can do, and a `kill -9` in the middle of it.

Searches (0.5), answers (0.3) and feedback (0.2) over the sample's golden questions, due at random (Poisson); time
counts from when a request was due. Saturation is what 64 of the sessions reach when each asks its next as it has its
answer.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from serving import pss, serving
from sets import ROOT, SAMPLE, end_in_order, evaluation_sets, say

sys.path.insert(0, str(ROOT / "tests"))

from sample_files import read_lines
from sessions import SESSIONS, Report, Sessions

from kb.access.keys import create_key
from kb.config import Paths

QUESTIONS = [golden["question"] for golden in read_lines(ROOT / "sample" / "golden.jsonl")]
SHARE, SATURATING, CLIENTS = 0.7, 20.0, 64


def main() -> None:
    """Prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--homes", type=Path, help="keep the indexed home here, and use one that is here")
    parser.add_argument("--seconds", type=float, default=300.0)
    chosen = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory() as temporary:
        (sample,) = evaluation_sets(chosen.homes or Path(temporary), traditional=False, names=(SAMPLE,))
        home = sample.home
        headers = {"Authorization": f"Bearer {create_key(Paths(home), 'agent').key}"}
        print(f"## {SESSIONS} sessions\n")
        _sustained(home, headers, chosen.seconds)
        _killed(home, headers)


def _sustained(home: Path, headers: dict[str, str], seconds: float) -> None:
    with serving(home) as served:
        sessions = Sessions(f"http://127.0.0.1:{served.port}", headers, QUESTIONS)
        most = sessions.closed(SATURATING, CLIENTS)
        rate = SHARE * most.rate
        sessions.open(rate, 30)
        before = pss(served.pid)
        say(f"{seconds:.0f} s at {rate:.0f} requests a second")
        report, after = sessions.open(rate, seconds), pss(served.pid)
    print("| saturation /s | load /s | requests | failed | p50 ms | p95 ms | p99 ms | memory MB | growth |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    times = " | ".join(f"{report.percentile(share):.1f}" for share in (0.5, 0.95, 0.99))
    failed = sum(report.failures.values())
    sizes = f"{after:.0f} | {after / before - 1:+.1%}"
    print(f"| {most.rate:.1f} | {report.rate:.1f} | {len(report.ms)} | {failed} | {times} | {sizes} |\n", flush=True)


def _killed(home: Path, headers: dict[str, str]) -> None:
    found: list[Report] = []
    with serving(home) as served:
        sessions = Sessions(f"http://127.0.0.1:{served.port}", headers, QUESTIONS)
        load = threading.Thread(target=lambda: found.append(sessions.closed(10, CLIENTS)))
        load.start()
        time.sleep(5)
        os.kill(served.pid, signal.SIGKILL)
        load.join()
    acknowledged = set(found[0].acknowledged)
    with serving(home) as again, closing(sqlite3.connect(Paths(home).journal)) as db:
        kept = {row[0] for row in db.execute("SELECT id FROM signals")}
        print("| `kill -9` under load | feedback acknowledged | of it lost | ready again after s |")
        print("|---|---:|---:|---:|")
        print(f"| | {len(acknowledged)} | {len(acknowledged - kept)} | {again.seconds:.1f} |\n", flush=True)


if __name__ == "__main__":
    main()

"""Runs the measurements and keeps the last result of each in docs/benchmarks.md.

`bench/run.py` runs all of them, `bench/run.py reindex kill` only those; a failed one leaves its last result and ends
the run with exit code 1. Not run from here: fit_shipped.py, which changes what is shipped.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
MEASUREMENTS = (
    "calibrated", "heldout", "retrieval", "peers", "answers", "slips", "scripts", "cross", "identifiers", "latency",
    "indexing", "load", "race", "scale", "plots", "reindex", "kill", "sustained", "assist", "gate",
    "pages",
)  # fmt: skip
OWN_HOMES = frozenset({"identifiers", "indexing", "reindex", "kill", "pages"})
"""Those that make homes of their own; the others share what is indexed."""
HEAD = """# Benchmarks

Written by `make bench`; each section is one script in `bench/`, whose docstring says what it measures. Times are wall
clock on whatever machine ran them, beside whatever else ran there: compare figures of one section with each other, and
take differences below a fifth for noise. The load average before each run says how quiet it was. Plots are drawn
from `docs/plots/*.json`, which the measurements leave, and again by `bench/run.py plots`.
"""


def main() -> None:
    """Runs, and rewrites the document after each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MEASUREMENTS)}; default all")
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    chosen = parser.parse_args()
    names = chosen.names or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(MEASUREMENTS)}")
    with tempfile.TemporaryDirectory() as temporary:
        failed = [name for name in names if not _run(name, chosen.homes or Path(temporary))]
    if failed:
        sys.exit(f"failed, last results kept: {', '.join(failed)}")


def _run(name: str, homes: Path) -> bool:
    print(f"{name} …", file=sys.stderr, flush=True)
    load, started = os.getloadavg()[0], time.monotonic()
    shared = [] if name in OWN_HOMES else ["--homes", str(homes)]
    done = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py"), *shared],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode == 0:
        _keep(name, done.stdout, note(load, time.monotonic() - started))
    return done.returncode == 0


def note(load: float, seconds: float) -> str:
    """When and where a section was measured."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{now} · {_processor()}, {os.cpu_count()} cores · load average {load:.1f} before · took {seconds:.0f} s"


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", listed.read_text()) if listed.exists() else None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _keep(name: str, section: str, where: str) -> None:
    """Replaces the section of one measurement, and leaves the others."""
    text = DOCUMENT.read_text("utf-8") if DOCUMENT.exists() else ""
    kept = dict(re.findall(r"<!-- (\w+) -->\n(.*?)\n<!-- end -->", text, re.DOTALL))
    kept[name] = f"{section.strip()}\n\n{where}"
    sections = (f"<!-- {n} -->\n{kept[n]}\n<!-- end -->\n" for n in MEASUREMENTS if n in kept)
    DOCUMENT.write_text("\n".join([HEAD, *sections]), "utf-8")


if __name__ == "__main__":
    main()

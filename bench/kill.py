"""Measures what `kill -9` does to a `kb reindex` that changes 200 articles of 240: thirty times, in every stage.

While it runs and after it, a reader keeps asking; every look must show all 200 articles at the old edition, or all at
the new, in the vector list and the keyword list alike. The next reindex must complete, and no revision that was
reported may be missing. A round that breaks any of this ends the run with an error. `--seed` repeats one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import astuple
from pathlib import Path
from types import SimpleNamespace

from sets import ROOT, say

sys.path.insert(0, str(ROOT / "tests"))

from conftest import Centre, tiny_model, tiny_settings
from kill import STAGES, Kills

from kb.search.embedding import Embedder, describe


def main() -> None:
    """Prints a table, one row a kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=20260930)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        kills = Kills(_centre(Path(temporary)), chosen.seed)
        print(f"## `kill -9` while reindexing, {chosen.rounds} times\n\nSeed {chosen.seed}; a tiny model, so that all")
        print("stages are short. No look was mixed, every query worked, every next reindex completed.\n")
        print("| killed while | after s | `--full` | ended | published | looks | next reindex s |")
        print("|---|---:|---|---|---|---:|---:|")
        for number in range(chosen.rounds):
            say(f"round {number + 1} of {chosen.rounds}")
            one = kills.round(STAGES[number % 3], full=number % 2 == 1)
            print(f"| {' | '.join(map(str, astuple(one)))} |", flush=True)


def _centre(folder: Path) -> Centre:
    home = folder / "home"
    (home / "articles").mkdir(parents=True)
    made = tiny_model.__wrapped__(SimpleNamespace(mktemp=lambda _: folder))  # the fixture's own function
    settings = tiny_settings(made)
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    return Centre(home, settings, Embedder(spec))


if __name__ == "__main__":
    main()

"""Measures reindexing of 1,000 generated articles, and how long an edited one takes to be found.

- The second `kb reindex`, which finds nothing to do, beside a process that only imports the same modules, beside
  `kb --help`, `kb doctor` and `kb search`: medians of whole processes.
- One edited article: seconds until `kb reindex` reported it, and until a reader that follows the home found it.
- Under a server that watches `articles/`: seconds from saving a file until a search over HTTP finds it, 20 edits.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from centre import seconds, watching_server, write_article, write_articles
from sets import kb, say

from kb.config import Paths, load_settings
from kb.reader import Reader
from kb.search.embedding import describe

ARTICLES, REPEATS, EDITS = 1_000, 7, 20
_IMPORTS = "import kb.cli, kb.handing, kb.presentation, kb.writer"


def main() -> None:
    """Prints a table, one row a measurement."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        write_articles(home, ARTICLES)
        say(f"indexing {ARTICLES:,} articles")
        print(f"## Reindexing {ARTICLES:,} short articles, and one edited\n\n| what | seconds |\n|---|---:|")
        row("first `kb reindex`: read, split, embed, build", seconds(lambda: kb(home, "reindex")))
        _processes(home)
        _edited(home)
        _served(home)


def row(what: str, *figures: float) -> None:
    """One line of the table."""
    print(f"| {what} | {' · '.join(f'{figure:.2f}' for figure in figures)} |", flush=True)


def _processes(home: Path) -> None:
    say("comparing processes")
    again = _median(lambda: kb(home, "reindex"))
    imports = _median(lambda: subprocess.run([sys.executable, "-c", _IMPORTS], check=True))
    row(f"second `kb reindex`, nothing changed (median of {REPEATS})", again)
    row("a process that only imports the same modules", imports)
    row("**the second reindex beyond process start**", again - imports)
    row("`kb --help`", _median(lambda: kb(home, "--help")))
    row("`kb doctor` (loads the model)", _median(lambda: kb(home, "doctor")))
    row("`kb search` (loads the model)", _median(lambda: kb(home, "search", "X0007")))


def _median(work: object) -> float:
    return statistics.median(seconds(work) for _ in range(REPEATS))  # type: ignore[arg-type]


def _edited(home: Path) -> None:
    """A reader follows the home as a service does, while `kb reindex` publishes one edit."""
    say("editing one article")
    settings = load_settings(home, {}, {})
    reader = Reader(Paths(home), describe(settings.model))
    before, found = reader.view.change, [0.0]
    write_article(home, 7, "edited")
    started = time.perf_counter()

    def follow() -> None:
        while reader.refresh().change == before:
            time.sleep(0.05)
        found[0] = time.perf_counter() - started

    following = threading.Thread(target=follow)
    following.start()
    reported = seconds(lambda: kb(home, "reindex"))
    following.join()
    row("one edited article: until `kb reindex` reported it", reported)
    row("one edited article: until a running reader found it", found[0])


def _served(home: Path) -> None:
    say(f"saving {EDITS} edits under a watching server")
    with watching_server(home) as client:
        taken = []
        for number in range(EDITS):
            word = f"served{number:04d}"
            write_article(home, number, word)
            started = time.perf_counter()
            while word not in client.get("/api/search", params={"q": f"X{number:04d} {word}", "k": 3}).text:
                time.sleep(0.01)
            taken.append(time.perf_counter() - started)
            time.sleep(0.3)
    row(
        f"saved under a watching server until searchable, {EDITS} edits: median · max",
        statistics.median(taken),
        max(taken),
    )


if __name__ == "__main__":
    main()

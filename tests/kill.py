"""`kill -9` of a real `kb reindex` at chosen moments, while a reader keeps asking; used by tests and by `make bench`.

A centre holds 240 short articles, Chinese and English in turn. An edit moves 200 of them to the next edition, a word
that each of them holds, so that one look tells whether what is published is whole: all 200 at one edition.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from conftest import Centre, clean_environment, plain, write_article
from kb_process import KbProcess

from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search.catalogue import Scope
from kb.search.fields import PUBLIC_LANE

ARTICLES, EDITED = 240, 200
STAGES = ("starting and reading", "embedding and storing", "indexing")
"""Up to the first stored vector; then up to the commit of the documents; then up to the end."""


def text(number: int, edition: int) -> str:
    """An article that says its number and its edition, in one of two languages."""
    if number % 2:
        return (
            f"# Device K{number:04d}\n\nDevice K{number:04d} runs {word(edition)}. Hold the button {number} seconds.\n"
        )
    return f"# 设备 K{number:04d}\n\n设备 K{number:04d} 使用 {word(edition)}。长按电源键 {number} 秒。\n"


def word(edition: int) -> str:
    return f"edition{edition:04d}"


def write_edition(home: Path, edition: int) -> None:
    for number in range(1, (EDITED if edition else ARTICLES) + 1):
        write_article(home, f"k{number:04d}.md", text(number, edition))


def write_import(file: Path, edition: int) -> Path:
    """The same edit as records of an import."""
    records = [
        {"kind": "article", "id": f"k{n:04d}", "title": f"K{n:04d}", "body": text(n, edition)}
        for n in range(1, (EDITED if edition else ARTICLES) + 1)
    ]
    file.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), "utf-8")
    return file


def published_edition(kb: KnowledgeBase) -> int:
    """The one edition that every list shows. Raises AssertionError where what is published is mixed or not whole."""
    view = kb.reader.refresh()
    scope = Scope(frozenset({"public"}), time.time())
    rows = [int(row) for row in view.catalogue.ids[view.allowed(scope, "article")]]
    texts = {p.document_id: p.embedded for p in kb.reader.fetch(rows).values()}
    assert len(rows) == len(texts) == ARTICLES, f"{len(rows)} rows, {len(texts)} articles are visible"
    editions = {int(text.split("edition")[1][:4]) for id_, text in texts.items() if int(id_[1:]) <= EDITED}
    assert len(editions) == 1, f"mixed editions: {sorted(editions)}"
    edition = editions.pop()
    by_word, _ = view.keywords.lanes[PUBLIC_LANE].search(plain(word(edition)), 2 * ARTICLES)
    expected = {row for row, p in kb.reader.fetch(rows).items() if word(edition) in p.embedded}
    assert set(map(int, by_word)) == expected, "the keyword list shows other rows than the vector list"
    for number in (1, 2, EDITED // 2, EDITED):
        found = kb.search(Ask(f"K{number:04d} {word(edition)}"), 3).hits
        assert found[0].document_id == f"k{number:04d}", f"K{number:04d} found {found[0].document_id}"
        assert word(edition) in found[0].text
    return edition


Running = subprocess.Popen[str] | KbProcess


def start(centre: Centre, *arguments: str, preloaded: bool = True) -> Running:
    """A `kb` process of its own, as a person starts it unless `preloaded` (see kb_process)."""
    command = ("--home", str(centre.home), *arguments)
    settings = centre.settings
    environment = clean_environment(
        KB_MODEL=settings.model,
        KB_RUNTIME=settings.runtime,
        KB_QUERY_PROMPT=settings.query_prompt or "",
        KB_PASSAGE_PROMPT=settings.passage_prompt or "",
        KB_TIMEZONE="UTC",
    )
    if preloaded:
        return KbProcess(command, environment)
    whole = [sys.executable, "-m", "kb", *command]
    return subprocess.Popen(
        whole, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def marks(centre: Centre) -> tuple[int, int]:
    """How many vectors and how many changes are stored: they grow as the second and the third stage begin."""
    with closing(sqlite3.connect(f"file:{centre.paths.database}?mode=ro", uri=True)) as db:
        vectors, changes = db.execute(
            "SELECT (SELECT count(*) FROM vectors), (SELECT max(seq) FROM changes)"
        ).fetchone()
    return int(vectors), int(changes)


def wait_for(centre: Centre, stage: str, before: tuple[int, int], running: Running) -> float:
    """Returns the time when a stage begins, or when the process ended; `before` are the marks before its start."""
    number = STAGES.index(stage)
    while number and marks(centre)[number - 1] == before[number - 1] and running.poll() is None:
        time.sleep(0.002)
    return time.monotonic()


class Reader(threading.Thread):
    """Keeps asking a knowledge base of its own until stopped; remembers the editions it saw and what went wrong."""

    def __init__(self, kb: KnowledgeBase) -> None:
        super().__init__(daemon=True)
        self._kb, self._enough = kb, threading.Event()
        self.seen: list[int] = []
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._enough.wait(0.2):
            try:
                self.seen.append(published_edition(self._kb))
            except Exception as error:  # noqa: BLE001 - whatever a caller would have met is a finding
                self.failures.append(repr(error))

    def __enter__(self) -> Reader:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()


@dataclass(frozen=True)
class Round:
    """One killed reindex: when it was killed, what was published then, and that the next one mended it."""

    stage: str
    seconds: float
    full: bool
    ended: str
    published: str
    looks: int
    mended_seconds: float


class Kills:
    """Rounds of editing, killing and mending one centre; `preloaded` as in `start`."""

    def __init__(self, centre: Centre, seed: int, *, preloaded: bool = False) -> None:
        self.centre, self._random, self._edition = centre, random.Random(seed), 0
        self._start = partial(start, centre, preloaded=preloaded)
        write_edition(centre.home, 0)
        centre.reindex()
        self.spans = self._measured()

    def _measured(self) -> dict[str, float]:
        """How long each stage takes where nobody interferes."""
        self._edition += 1
        write_edition(self.centre.home, self._edition)
        before, running = marks(self.centre), self._start("reindex", "--json")
        times = [time.monotonic(), *(wait_for(self.centre, stage, before, running) for stage in STAGES[1:])]
        self._report(running)
        times.append(time.monotonic())
        return {stage: times[number + 1] - times[number] for number, stage in enumerate(STAGES)}

    def round(self, stage: str, *, full: bool = False) -> Round:
        """Edits, kills the reindex at a random moment of `stage`, looks, and reindexes again."""
        before, self._edition = self._edition, self._edition + 1
        kb = self.centre.open()
        with Reader(kb) as reader:
            write_edition(self.centre.home, self._edition)
            marked, started = marks(self.centre), time.monotonic()
            running = self._start("reindex", *(["--full"] if full else []))
            wait_for(self.centre, stage, marked, running)
            time.sleep(self._random.uniform(0, self.spans[stage]))
            running.kill()
            running.communicate()
            seconds = time.monotonic() - started
            published = published_edition(self.centre.open())
            assert published in (before, self._edition)
            mending = time.monotonic()
            self._report(self._start("reindex", "--json"))
            mended = time.monotonic() - mending
            assert published_edition(self.centre.open()) == self._edition
        assert not reader.failures, reader.failures[:3]
        assert set(reader.seen) <= {before, self._edition}, set(reader.seen)
        assert reader.seen == sorted(reader.seen)
        return Round(
            stage, round(seconds, 2), full, "killed" if running.returncode == -9 else "ended before",
            "new" if published == self._edition else "old", len(reader.seen), round(mended, 2),
        )  # fmt: skip

    def _report(self, running: Running) -> dict[str, Any]:
        """The summary of a reindex that must go well, after which nothing that it reported may be missing."""
        out, problems = running.communicate(timeout=120)
        assert running.returncode == 0, problems
        summary: dict[str, Any] = json.loads(out)
        assert summary["added"] + summary["changed"] + summary["unchanged"] == ARTICLES, summary
        self.assert_every_revision_is_there()
        return summary

    def assert_every_revision_is_there(self) -> None:
        """Every article holds one revision for each edition, numbered without a gap, whatever was killed."""
        rows = self.centre.rows("SELECT document_id, revision, content FROM revisions ORDER BY document_id, revision")
        held = [(id_, revision, int(content.split("edition")[1][:4])) for id_, revision, content in rows]
        whole = [
            (f"k{n:04d}", e + 1, e)
            for n in range(1, ARTICLES + 1)
            for e in range(self._edition + 1 if n <= EDITED else 1)
        ]
        assert held == whole

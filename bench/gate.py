"""The publish gate: how long it takes to replay 300 questions against an edit, over 10,000 passages, in this process.

scaled.py says how the passages are made. The questions are golden ones of the sets, half of them written into the
home's golden file, half into its journal as answers that were told. One article is edited, each time otherwise.

- `first`: the gate knows nothing yet, but the model is loaded: the questions are embedded too.
- `warm`: the vectors of the questions are known, and both sides are asked, as after each publication.
- `asked again`: what is told before the edit is known too, as whenever nothing was published since the last look.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from asking import SEED, opened
from scaled import golden_files, scaled
from sets import say

from kb.config import Paths
from kb.editing.gating import Change, Report
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.evaluation.replay import asked_as
from kb.gate.opening import OpenGate, open_gate
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.model import PUBLIC, Article
from kb.recording import answer
from kb.search.embedding import Embedder, describe

PASSAGES, QUESTIONS, TIMES = 10_000, 300, 5


def main() -> None:
    """Prints a table: median and spread of five reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    parser.add_argument("--passages", type=int, default=PASSAGES)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = scaled(chosen.homes or Path(temporary), chosen.passages)
        embedder = Embedder(describe("bundled"))
        kb = opened(home, embedder)
        kb.warm()
        article = _article(kb)
        _pose(home, kb, _questions())
        load = os.getloadavg()[0]
        gate = open_gate(Paths(home), kb.settings, lambda: kb, lambda: embedder)
        first = [_asked(gate, article, 0)]
        warm = []
        for n in range(1, TIMES + 1):
            assert gate._memory is not None
            gate._memory._before.clear()  # as after a publication
            warm.append(_asked(gate, article, n))
        again = [_asked(gate, article, TIMES + 1 + n) for n in range(TIMES)]
    print(f"## The publish gate, {len(kb.reader.view.catalogue):,} passages, {QUESTIONS} questions\n")
    print(f"Both sides of each question; load average {load:.1f} at the start. Seconds:\n")
    print("| | median of 5 | least | most | processor time, median | replayed |\n|---|---:|---:|---:|---:|---:|")
    for name, measured in (("**warm**", warm), ("asked again", again), ("first, once", first)):
        print(f"| {name} | {_row(measured)} |", flush=True)


def _row(measured: Sequence[tuple[Report, float]]) -> str:
    took = [report.took_ms / 1000 for report, _ in measured]
    spent = statistics.median(cpu for _, cpu in measured)
    replayed = measured[0][0].replayed
    return f"{statistics.median(took):.2f} | {min(took):.2f} | {max(took):.2f} | {spent:.2f} | {replayed}"


def _questions() -> list[GoldenQuestion]:
    every = list({g.question: g for file in golden_files() for g in read_golden(file) if not g.conversation}.values())
    return random.Random(SEED).sample(every, QUESTIONS)


def _pose(home: Path, kb: KnowledgeBase, questions: Sequence[GoldenQuestion]) -> None:
    """Writes the first half as golden questions, and has the others asked."""
    say("asking the questions")
    paths, half = Paths(home), QUESTIONS // 2
    lines = [json.dumps({"question": g.question, "expected": ["a1"]}, ensure_ascii=False) for g in questions[:half]]
    (home / "golden.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    paths.journal.unlink(missing_ok=True)
    journal = Journal(paths, kb.settings)
    for golden in questions[half:]:
        answer(kb, journal, asked_as(golden, PUBLIC), Origin())
    journal.close()


def _article(kb: KnowledgeBase) -> Article:
    view = kb.reader.view
    place = next(p for p, entry in enumerate(view.catalogue.terms) if view.catalogue.distinct[entry].kind == "article")
    row = int(view.catalogue.ids[place])
    passage = kb.reader.fetch([row])[row]
    found = kb.reader.document(passage.document_id, passage.revision)
    assert isinstance(found, Article)
    return found


def _asked(gate: OpenGate, article: Article, number: int) -> tuple[Report, float]:
    """What the gate says of an edit, and the processor time that it took, in seconds."""
    head = f"id: {article.id}\nlanguage: {article.language}\ntitle: {json.dumps(article.title, ensure_ascii=False)}"
    change = Change(article.id, f"---\n{head}\n---\n{article.body}\n\nEdition {number}.\n")
    started = time.process_time()
    return gate.report([change]), time.process_time() - started


if __name__ == "__main__":
    main()

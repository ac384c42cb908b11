"""Compares our default with plain lists, plain fusion and two peers, on the evaluation sets.

All use the bundled embedding model and our passages of running text that the public may see. The peers, txtai (hybrid)
and LlamaIndex (QueryFusionRetriever over vectors and BM25Retriever), run at the settings of their documentation, each
in an environment of its own below the user's cache, made by the first run. They are handed our vectors, of
passages and of questions, in place of a model: so theirs is the same, and nothing is embedded twice. A question of a
conversation is put to all with the turn before it; what our default makes of the earlier turns and of an article's
curated questions is part of it. Recall is over the answerable questions, by distinct documents.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from environments import PEERS, environment
from numpy.typing import NDArray
from sets import ROOT, SAMPLE, EvaluationSet, evaluation_sets, say
from tantivy import Document, Index, Occur, Query, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from kb.config import Paths, load_settings
from kb.evaluation.golden import GoldenQuestion, read_golden
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search.embedding import Embedder, describe
from kb.search.fusion import shipped
from kb.search.terms import question_terms, terms

DEPTH = 50
"""Passages that each list gives, before they become distinct documents."""
RRF_K = 60
"""Cormack, Clarke and Büttcher, SIGIR 2009."""
COMPARED = ("txtai", "llamaindex")
"""The peers; what their environments hold is said in environments.py."""
NAMES = {
    "kb": "kb, default",
    "dense": "dense",
    "bm25": "BM25",
    "rrf": "equal RRF",
    "txtai": "txtai hybrid",
    "llamaindex": "LlamaIndex fusion",
}
CROSS = {"cross.en": "zh", "cross.zh": "en"}
"""Questions in one language that only documents of another may answer."""
NOTES = """Recall by distinct documents. {packages}.

kb's column is in-sample wherever a set is among those that its fusion weights were fitted on: {fitted_on}. Nothing
else here was fitted on any of them. LlamaIndex's BM25Retriever takes a run of Chinese for one word and fills its list
with passages that match nothing, which its fusion then counts."""
Ranking = list[list[str]]
"""For each question the passages' documents, best first, each at least once."""


@dataclass(frozen=True)
class Task:
    """Passages with `(n, dim)` and questions with `(m, dim)` unit vectors; the home that the passages are of."""

    name: str
    home: Path
    language: str | None
    golden: tuple[GoldenQuestion, ...]
    documents: tuple[str, ...]
    passages: tuple[str, ...]
    questions: tuple[str, ...]
    passage_vectors: NDArray[np.float32]
    question_vectors: NDArray[np.float32]


def main() -> None:
    """Prints a table of recall@1 and one of recall@5, one row a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=Path, help="keep the indexed homes here, and use those that are here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        homes = evaluation_sets(chosen.homes or Path(temporary), traditional=False)
        tasks = (task for one in homes for task in _tasks(one))
        ranked = [(task, _rankings(task)) for task in tasks]
    print("## Beside other ways to search\n")
    packages = dict.fromkeys(package for name in COMPARED for package in PEERS[name])
    print(NOTES.format(packages=", ".join(packages), fitted_on=shipped().fitted_on))
    for k in (1, 5):
        print(f"\n| recall@{k} | questions | {' | '.join(NAMES.values())} |\n|---|{'---:|' * (len(NAMES) + 1)}")
        for task, rankings in ranked:
            cells = [f"{recall(rankings[name], task.golden, k):.3f}" for name in NAMES]
            print(f"| {task.name} | {len(task.golden)} | {' | '.join(cells)} |")


def recall(ranking: Ranking, golden: Sequence[GoldenQuestion], k: int) -> float:
    """The share of questions that have an expected document among their first k distinct ones."""
    pairs = zip(ranking, golden, strict=True)
    return sum(not set(list(dict.fromkeys(documents))[:k]).isdisjoint(g.expected) for documents, g in pairs) / len(
        golden
    )


def _tasks(one: EvaluationSet) -> Iterator[Task]:
    """The tasks of a set's home: itself, or the sample's benchmark files."""
    files = {one.name: one.golden}
    if one.name == SAMPLE:
        files = {f"{SAMPLE} {name}": _benchmark(name) for name in ("zh", "en", *CROSS)}
    for name, file in files.items():
        yield _task(name, one.home, file)


def _benchmark(name: str) -> Path:
    return ROOT / "sample" / "benchmark" / f"{name}.jsonl"


def _task(name: str, home: Path, file: Path) -> Task:
    say(f"embedding the questions of {name}")
    spec, language = describe("bundled"), CROSS.get(file.stem)
    golden = tuple(g for g in read_golden(file) if g.expected)
    questions = tuple("\n".join([*g.conversation[-1:], g.question]) for g in golden)
    with closing(sqlite3.connect(Paths(home).database)) as db:
        rows = db.execute(
            "SELECT document_id, embedded, vector FROM passages JOIN vectors USING (hash)"
            " WHERE fingerprint = ? AND language LIKE ? AND removed IS NULL AND role = 'text' AND kind = 'article'"
            " AND EXISTS (SELECT 1 FROM json_each(audience) AS held WHERE held.value = 'public')"
            " AND ifnull(valid_from, 0) <= unixepoch() AND ifnull(valid_to, 1e12) > unixepoch() ORDER BY passages.id",
            [spec.fingerprint, f"{language or ''}%"],
        ).fetchall()
    documents, passages, vectors = zip(*rows, strict=True)
    held = np.frombuffer(b"".join(vectors), np.float32).reshape(len(vectors), -1)
    return Task(name, home, language, golden, documents, passages, questions, held, Embedder(spec).queries(questions))


def _rankings(task: Task) -> dict[str, Ranking]:
    """What each way to search finds, by the keys of `NAMES`."""
    dense, bm25 = _dense(task), _bm25(task)
    fused = [_fused(lists) for lists in zip(dense, bm25, strict=True)]
    ours = {"dense": dense, "bm25": bm25, "rrf": fused}
    found = {name: [[task.documents[i] for i in row] for row in ranking] for name, ranking in ours.items()}
    return {"kb": _default(task), **found, **{name: _peer(name, task) for name in COMPARED}}


def _default(task: Task) -> Ranking:
    say(f"asking kb: {task.name}")
    kb = KnowledgeBase(Paths(task.home), load_settings(task.home, {}, {}))
    asks = (Ask(g.question, g.conversation, language=task.language) for g in task.golden)
    return [[hit.document_id for hit in kb.search(ask).hits] for ask in asks]


def _dense(task: Task) -> list[list[int]]:
    cosines = task.question_vectors @ task.passage_vectors.T
    order: list[list[int]] = np.argsort(-cosines, axis=1, kind="stable")[:, :DEPTH].tolist()
    return order


def _bm25(task: Task) -> list[list[int]]:
    schema = SchemaBuilder().add_text_field("terms", tokenizer_name="split", index_option="freq")
    built = schema.add_integer_field("at", fast=True).build()
    index = Index(built)
    index.register_tokenizer("split", TextAnalyzerBuilder(Tokenizer.whitespace()).build())
    writer = index.writer(num_threads=1)
    for at, passage in enumerate(task.passages):
        writer.add_document(Document.from_dict({"terms": " ".join(terms(passage)), "at": at}, built))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(question: str) -> list[int]:
        words = [(Occur.Should, Query.term_query(built, "terms", w, "freq")) for w in question_terms(question)]
        hits = searcher.search(Query.boolean_query(words), DEPTH).hits
        return [int(at or 0) for at in searcher.fast_field_values("at", [address for _, address in hits])]

    return [ask(question) for question in task.questions]


def _fused(lists: Sequence[Sequence[int]]) -> list[int]:
    """Reciprocal rank fusion, all lists with equal weight."""
    scores: dict[int, float] = {}
    for ranked in lists:
        for rank, row in enumerate(ranked, 1):
            scores[row] = scores.get(row, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores, key=lambda row: (-scores[row], row))


def _peer(name: str, task: Task) -> Ranking:
    """What a peer finds, run as a script of its own environment."""
    python = environment(name)
    say(f"asking {name}: {task.name}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        texts = {"passages": task.passages, "questions": task.questions, "depth": DEPTH}
        (folder / "texts.json").write_text(json.dumps(texts), "utf-8")
        np.save(folder / "passages.npy", task.passage_vectors)
        np.save(folder / "questions.npy", task.question_vectors)
        script = Path(__file__).with_name(f"peer_{name}.py")
        done = subprocess.run([python, script, folder], check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    rows: list[list[int]] = json.loads(done.stdout)
    return [[task.documents[at] for at in row] for row in rows]


if __name__ == "__main__":
    main()

"""kb in process at its own settings, everything that a search gives included; run by race.py."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from asking import opened
from rival import K, read, run

from kb.results import Ask
from kb.search.embedding import Embedder, describe
from kb.search.remembered import Remembered


def main() -> None:
    """Opens and runs."""
    faiss.omp_set_num_threads(1)
    course = read()
    embedder = Embedder(describe("bundled"), threads=1)
    base = opened(Path(course.home), embedder)
    base.embed_ahead([Ask(question) for question in course.questions])
    knowing = base._vectors
    places = {number: place for place, number in enumerate(course.numbers)}

    def search(question: str, vector: np.ndarray | None) -> list[int]:
        base._vectors = Remembered(embedder.queries, 8) if vector is None else knowing
        return [places[int(hit.document_id[1:])] for hit in base.search(Ask(question), K).hits]

    run(course, search)


if __name__ == "__main__":
    main()

"""The least that dense search takes: the model, then exact inner products (FAISS); run by race.py."""

from __future__ import annotations

import faiss
import numpy as np
from rival import K, read, run, sentence_transformer


def main() -> None:
    """Builds and runs."""
    faiss.omp_set_num_threads(1)
    course = read()
    encode = sentence_transformer(course)
    index = faiss.IndexFlatIP(course.passage_vectors.shape[1])
    index.add(course.passage_vectors)

    def search(question: str, vector: np.ndarray | None) -> list[int]:
        _, places = index.search((encode(question) if vector is None else vector)[None, :], K)
        return places[0].tolist()

    run(course, search)


if __name__ == "__main__":
    main()

"""txtai's hybrid index at its own settings; run by race.py."""

from __future__ import annotations

import numpy as np
from rival import K, read, run, sentence_transformer
from txtai import Embeddings


def main() -> None:
    """Builds and runs."""
    course = read()
    encode = sentence_transformer(course)
    vectors = dict(zip(course.passages, course.passage_vectors, strict=True))
    handed: list[np.ndarray] = []

    def transform(texts: list[str]) -> np.ndarray:
        if vectors:
            return np.stack([vectors[text] for text in texts])
        return np.stack(handed or [encode(text) for text in texts])

    index = Embeddings(method="external", transform=transform, hybrid=True)
    index.index((at, text, None) for at, text in enumerate(course.passages))
    vectors.clear()  # after indexing: from now on texts are questions

    def search(question: str, vector: np.ndarray | None) -> list[int]:
        handed[:] = [] if vector is None else [vector]
        return [int(at) for at, _ in index.search(question, K)]

    run(course, search)


if __name__ == "__main__":
    main()

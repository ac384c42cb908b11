"""Chroma in process, vectors only, at its own settings but for inner product; run by race.py."""

from __future__ import annotations

import chromadb
import numpy as np
from chromadb.config import Settings
from rival import K, read, run, sentence_transformer

BATCH = 5_000


def main() -> None:
    """Builds and runs."""
    course = read()
    encode = sentence_transformer(course)
    client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
    passages = client.create_collection("passages", embedding_function=None, configuration={"hnsw": {"space": "ip"}})
    for start in range(0, len(course.passages), BATCH):
        part = slice(start, start + BATCH)
        ids = [str(place) for place in range(len(course.passages))[part]]
        passages.add(ids=ids, embeddings=course.passage_vectors[part], documents=course.passages[part])

    def search(question: str, vector: np.ndarray | None) -> list[int]:
        found = passages.query(query_embeddings=[encode(question) if vector is None else vector], n_results=K)
        return [int(id_) for id_ in found["ids"][0]]

    run(course, search)


if __name__ == "__main__":
    main()

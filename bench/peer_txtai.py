"""Ranks passages for questions with txtai's hybrid index; run by peers.py in txtai's own environment.

`peer_txtai.py FOLDER` reads texts.json, passages.npy and questions.npy, and prints passage positions, best first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from txtai import Embeddings


def main() -> None:
    """Indexes, searches, prints a JSON list of lists."""
    folder = Path(sys.argv[1])
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    passages = dict(zip(texts["passages"], np.load(folder / "passages.npy"), strict=True))
    questions = dict(zip(texts["questions"], np.load(folder / "questions.npy"), strict=True))
    vectors = dict(passages)

    def transform(batch: list[str]) -> np.ndarray:
        return np.stack([vectors[text] for text in batch])

    embeddings = Embeddings(method="external", transform=transform, hybrid=True)
    embeddings.index((at, text, None) for at, text in enumerate(texts["passages"]))
    vectors.update(questions)  # after indexing: a question may read like a passage, but its vector is another
    found = [[int(at) for at, _ in embeddings.search(q, texts["depth"])] for q in texts["questions"]]
    print(json.dumps(found))


if __name__ == "__main__":
    main()

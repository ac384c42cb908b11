"""What every system in a race does: builds its index, then is timed question by question on orders from race.py.

`RIVAL.py FOLDER` reads from FOLDER texts.json (passages, questions, the record number of each passage, the model's
folder), passages.npy and questions.npy. Each line of standard input orders a lap: which questions, and whether their
vectors are handed over or made from the text. The answer is a line with milliseconds and record numbers, best first.
Only what is in all environments is imported here.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

K = 10
Search = Callable[[str, "np.ndarray | None"], "list[int]"]
"""Positions of the `K` best passages for a question, whose `(dim,)` vector may be handed over."""


@dataclass(frozen=True)
class Course:
    """Passages with `(n, dim)` and questions with `(m, dim)` unit vectors; `numbers` are the passages' records."""

    passages: list[str]
    numbers: list[int]
    questions: list[str]
    passage_vectors: np.ndarray
    question_vectors: np.ndarray
    model: str
    home: str


def read() -> Course:
    """The course in the folder that the command line names."""
    folder = Path(sys.argv[1])
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    return Course(
        **texts,
        passage_vectors=np.load(folder / "passages.npy"),
        question_vectors=np.load(folder / "questions.npy"),
    )


def sentence_transformer(course: Course) -> Callable[[str], np.ndarray]:
    """The model as its users load it: torch, 32 bits, here on one thread."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(course.model, device="cpu")
    return lambda text: model.encode(text, prompt_name="query", show_progress_bar=False)


def run(course: Course, search: Search) -> None:
    """Runs laps until the input ends."""
    search(course.questions[0], None)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        laps = [_timed(course, search, at, handed=order["handed"]) for at in order["questions"]]
        print(json.dumps(laps), flush=True)


def _timed(course: Course, search: Search, at: int, *, handed: bool) -> tuple[float, list[int]]:
    question, vector = course.questions[at], course.question_vectors[at] if handed else None
    started = time.perf_counter()
    found = search(question, vector)
    return 1000 * (time.perf_counter() - started), [course.numbers[place] for place in found]

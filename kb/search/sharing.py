"""One model between many threads: it is used in turn, and questions that arrive while it is busy share the next run."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kb.slots import lent

Vectors = NDArray[np.float32]


class Turns:
    """A lock that is taken in turn: with a plain one, a thread that lets go and asks again at once is served first."""

    def __init__(self) -> None:
        self._next = threading.Lock()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._next:  # held while waiting, so that whoever just let go has to queue behind
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Call:
    """The texts of one thread, and what became of them; the thread sleeps until it is `woken`."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.vectors: list[Vectors | None] = [None] * len(texts)
        self.open = len(texts)
        self.error: Exception | None = None
        self.leads = False
        self.woken = threading.Event()

    def keep(self, index: int, vector: Vectors) -> None:
        self.vectors[index] = vector
        self.open -= 1
        if not self.open:
            self.woken.set()

    def fail(self, error: Exception) -> None:
        self.open, self.error = 0, error
        self.woken.set()

    def result(self) -> Vectors:
        if self.error is not None:
            raise self.error
        return np.stack([vector for vector in self.vectors if vector is not None])


class Shared:
    """Gives `(n, dim)` vectors of texts by `encode`, of several threads' texts at once, `most` in a run.

    Nobody waits for company: a thread that finds no one before it runs its own texts at once. Those that arrive
    meanwhile queue, and the first of them leads the next run, with the oldest texts that wait; so no thread works for
    others once its own are done. Where a run fails, all whose texts were in it get its error. `sizes` counts the runs
    by how many texts they had.
    """

    def __init__(self, encode: Callable[[Sequence[str]], Vectors], turns: Turns, most: int) -> None:
        """`turns` is held during a run: what else uses the model takes it too."""
        self._encode, self._turns, self._most = encode, turns, most
        self._lock = threading.Lock()
        self._led = False
        self.sizes: Counter[int] = Counter()
        self._waiting: dict[tuple[_Call, int], None] = {}  # oldest first

    def __call__(self, texts: Sequence[str]) -> Vectors:
        call = _Call(texts)
        with lent():
            try:
                if not self._enter(call):
                    call.woken.wait()
                while call.leads and call.open:
                    with self._turns:
                        self._run()
            finally:
                self._leave(call)
        return call.result()

    def _enter(self, call: _Call) -> bool:
        """Queues the texts of a call; whether it leads, as nobody else does."""
        with self._lock:
            self._waiting.update(((call, index), None) for index in range(len(call.texts)))
            if not self._led:
                self._led = call.leads = True
            return call.leads

    def _run(self) -> None:
        """Encodes the oldest texts. They wait until they are done, so that an interrupted run loses nobody's."""
        with self._lock:
            batch = list(islice((key for key in self._waiting if key[0].error is None), self._most))
            self.sizes[len(batch)] += 1
        try:
            vectors = self._encode([call.texts[index] for call, index in batch])
        except Exception as error:  # noqa: BLE001 - raised by each thread that asked
            self._forget(batch)
            for call, _ in batch:
                call.fail(error)
        else:
            self._forget(batch)
            for (call, index), vector in zip(batch, vectors, strict=True):
                call.keep(index, vector)

    def _forget(self, keys: Sequence[tuple[_Call, int]]) -> None:
        with self._lock:
            for key in keys:
                self._waiting.pop(key, None)

    def _leave(self, call: _Call) -> None:
        """Withdraws what still waits, where a thread was interrupted; the lead goes to who waits longest."""
        self._forget([(call, index) for index in range(len(call.texts))])
        with self._lock:
            if not call.leads:
                return
            following = next(iter(self._waiting), None)
            self._led = following is not None
            if following is not None:
                following[0].leads = True
                following[0].woken.set()

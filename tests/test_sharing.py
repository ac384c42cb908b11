"""One model between many threads: what waits is embedded together, in turn, and an error reaches all it concerns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from kb.search.remembered import Remembered
from kb.search.sharing import Shared, Turns, Vectors

SECONDS = 30


class Lengths:
    """An "embedding" of one number, the text's length, whose runs a test holds up and lets go one by one."""

    def __init__(self, *, held: bool = True) -> None:
        self.runs: list[list[str]] = []
        self.begun, self.allowed = threading.Semaphore(0), threading.Semaphore(0 if held else 1_000)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.runs.append(list(texts))
        self.begun.release()
        assert self.allowed.acquire(timeout=SECONDS)
        if "bad" in texts:
            raise ValueError("bad text")
        return np.array([[len(text)] for text in texts], np.float32)


class Asking:
    """A thread that asks for texts; `value` is what it got, or the error."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self.value: object = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.value = self._ask()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - tests look at it
            self.value = error

    def end(self) -> object:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        return self.value


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def queued(shared: Shared, texts: Sequence[Sequence[str]]) -> Iterator[Asking]:
    """Threads that ask while a run is held up, each queued before the next begins."""
    for each in texts:
        before = len(shared._waiting)
        yield Asking(lambda each=each: shared(each).ravel().tolist())  # type: ignore[misc]
        until(lambda before=before, each=each: len(shared._waiting) == before + len(each))  # type: ignore[misc]


def busy(model: Lengths, most: int = 32, turns: Turns | None = None) -> tuple[Shared, Asking]:
    """A model in the middle of a run for one text."""
    shared = Shared(model, turns or Turns(), most)
    first = Asking(lambda: shared(["first"]).ravel().tolist())
    assert model.begun.acquire(timeout=SECONDS)
    return shared, first


def test_a_lone_thread_runs_its_texts_at_once_and_by_itself() -> None:
    threads: list[threading.Thread] = []

    def encode(texts: Sequence[str]) -> Vectors:
        threads.append(threading.current_thread())
        return np.array([[len(text)] for text in texts], np.float32)

    shared = Shared(encode, Turns(), 32)
    assert shared(["one"]).tolist() == [[3]]
    assert shared(["a", "three"]).tolist() == [[1], [5]]
    assert threads == [threading.current_thread()] * 2


def test_what_arrives_while_the_model_is_busy_shares_the_next_run() -> None:
    model = Lengths()
    shared, first = busy(model)
    others = list(queued(shared, [["aa"], ["bbb", "b"], ["cccc"]]))
    model.allowed.release(2)
    assert first.end() == [5]
    assert [other.end() for other in others] == [[2], [3, 1], [4]]
    assert model.runs == [["first"], ["aa", "bbb", "b", "cccc"]]


def test_a_run_takes_the_oldest_texts_and_at_most_as_many_as_allowed() -> None:
    model = Lengths()
    shared, first = busy(model, most=3)
    others = list(queued(shared, [[str(number)] for number in range(8)]))
    model.allowed.release(4)
    for asking in (first, *others):
        asking.end()
    assert model.runs == [["first"], ["0", "1", "2"], ["3", "4", "5"], ["6", "7"]]


def test_a_thread_with_many_texts_does_not_keep_the_others_waiting_for_all_of_them() -> None:
    model = Lengths()
    shared, first = busy(model, most=2)
    many, one = queued(shared, [["a", "b", "c"], ["d"]])
    model.allowed.release(2)
    first.end()
    model.begun.acquire(timeout=SECONDS)
    model.allowed.release()
    assert (many.end(), one.end()) == ([1, 1, 1], [1])
    assert model.runs[1:] == [["a", "b"], ["c", "d"]]


def test_an_error_reaches_all_who_were_in_the_run_and_nobody_else() -> None:
    model = Lengths()
    shared, first = busy(model, most=2)
    others = list(queued(shared, [["bad"], ["with it"], ["after"]]))
    model.allowed.release(3)
    assert first.end() == [5]
    failed = [other.end() for other in others[:2]]
    assert [str(error) for error in failed] == ["bad text", "bad text"]
    assert others[2].end() == [5]
    model.allowed.release()
    assert shared(["again"]).tolist() == [[5]]


def test_a_leader_that_is_interrupted_leaves_the_others_their_answers() -> None:
    calls: list[list[str]] = []
    begun, go = threading.Event(), threading.Event()

    def encode(texts: Sequence[str]) -> Vectors:
        calls.append(list(texts))
        if len(calls) == 1:
            begun.set()
            assert go.wait(SECONDS)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return np.array([[len(text)] for text in texts], np.float32)

    shared = Shared(encode, Turns(), 32)
    first = Asking(lambda: shared(["first"]).ravel().tolist())
    assert begun.wait(SECONDS)
    leader, follower = queued(shared, [["leader"], ["follower"]])
    go.set()
    assert first.end() == [5]
    assert isinstance(leader.end(), KeyboardInterrupt)
    assert follower.end() == [8]
    assert calls == [["first"], ["leader", "follower"], ["follower"]]


def test_a_question_waits_for_no_more_than_the_bulk_batch_that_runs() -> None:
    turns, order = Turns(), []
    begun, go = threading.Event(), threading.Event()

    def bulk() -> None:
        for number in range(4):
            with turns:
                order.append(f"batch {number}")
                begun.set()
                assert go.wait(SECONDS)

    def encode(texts: Sequence[str]) -> Vectors:
        order.append("question")
        return np.zeros((len(texts), 1), np.float32)

    shared = Shared(encode, turns, 32)
    indexing = Asking(bulk)
    assert begun.wait(SECONDS)
    question = Asking(lambda: shared(["question"]))
    until(turns._next.locked)
    go.set()
    indexing.end()
    question.end()
    assert order.index("question") == 1


def test_many_threads_all_get_the_vectors_of_their_own_texts() -> None:
    model = Lengths(held=False)
    shared = Shared(model, Turns(), 7)
    asking = [
        Asking(lambda number=number: [shared(["x" * n]).item() for n in range(number, number + 20)])  # type: ignore[misc]
        for number in range(1, 40)
    ]
    assert [thread.end() for thread in asking] == [list(range(number, number + 20)) for number in range(1, 40)]
    assert sum(map(len, model.runs)) == 39 * 20
    assert max(map(len, model.runs)) <= 7
    assert not shared._waiting


# Remembered


def test_a_text_that_two_threads_ask_for_at_once_is_embedded_once() -> None:
    model = Lengths()
    vectors = Remembered(model, 10)
    asking = [Asking(lambda: vectors("same").tolist()) for _ in range(8)]
    assert model.begun.acquire(timeout=SECONDS)
    model.allowed.release()
    assert [thread.end() for thread in asking] == [[4]] * 8
    assert model.runs == [["same"]]


def test_an_error_is_raised_by_all_who_waited_for_the_text_and_is_not_remembered() -> None:
    model = Lengths()
    vectors = Remembered(model, 10)
    asking = [Asking(lambda: vectors("bad"))]
    assert model.begun.acquire(timeout=SECONDS)
    coming = vectors._coming["bad"]
    asking.append(Asking(lambda: vectors("bad")))
    until(lambda: coming._condition._waiters != [])  # type: ignore[attr-defined]
    model.allowed.release()
    assert [str(thread.end()) for thread in asking] == ["bad text"] * 2
    model.allowed.release()
    with pytest.raises(ValueError, match="bad text"):
        vectors("bad")
    assert len(model.runs) == 2


def test_who_waits_for_a_thread_that_is_interrupted_embeds_the_text_itself() -> None:
    begun, go = threading.Event(), threading.Event()
    runs: list[int] = []

    def embed(texts: Sequence[str]) -> Vectors:
        runs.append(len(texts))
        if len(runs) == 1:
            begun.set()
            assert go.wait(SECONDS)
            raise KeyboardInterrupt
        return np.ones((1, 1), np.float32)

    vectors = Remembered(embed, 10)
    first = Asking(lambda: vectors("text"))
    assert begun.wait(SECONDS)
    second = Asking(lambda: vectors("text").tolist())
    until(lambda: vectors._coming["text"]._condition._waiters != [])  # type: ignore[attr-defined]
    go.set()
    assert isinstance(first.end(), KeyboardInterrupt)
    assert second.end() == [1]
    assert runs == [1, 1]

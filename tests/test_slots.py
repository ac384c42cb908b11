"""Few threads at work at once; one that waits for something else is in nobody's way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kb.search.remembered import Remembered
from kb.search.sharing import Shared, Turns
from kb.slots import Slots, lent


class Counting:
    """How many threads are inside at once, at most."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1


def test_no_more_work_at_once_than_there_are_slots() -> None:
    slots, counting, pause = Slots(2), Counting(), threading.Event()

    def work(_: int) -> None:
        with slots.one(), counting:
            pause.wait(0.002)
            with lent():
                pause.wait(0.001)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(60)))
    assert counting.most > 2  # those that had lent theirs are counted too
    counting.most = 0

    def plain(_: int) -> None:
        with slots.one(), counting:
            pause.wait(0.002)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(plain, range(60)))
    assert counting.most == 2


def test_who_comes_back_goes_before_who_has_not_begun() -> None:
    slots, order = Slots(1), list[str]()
    begun, come_back = threading.Event(), threading.Event()

    def returning() -> None:
        with slots.one():
            with lent():
                begun.set()
                come_back.wait()
            order.append("returning")

    def beginning() -> None:
        with slots.one():
            order.append("beginning")

    first = threading.Thread(target=returning)
    first.start()
    begun.wait()
    with slots.one():
        second = threading.Thread(target=beginning)
        second.start()
        while len(slots._waiting) < 1:
            threading.Event().wait(0.001)
        come_back.set()
        while len(slots._returning) < 1:
            threading.Event().wait(0.001)
    first.join()
    second.join()
    assert order == ["returning", "beginning"]


def test_a_slot_comes_back_from_an_error_and_is_held_once_by_a_thread() -> None:
    slots = Slots(1)
    with pytest.raises(ValueError, match="inside"), slots.one(), slots.one(), lent():
        raise ValueError("inside")
    with slots.one():
        assert slots._free == 0
    assert slots._free == 1


def test_questions_that_wait_for_one_vector_or_one_run_do_not_keep_the_slots() -> None:
    """With one slot: the run, the thread that makes a vector, and all who wait for it have to get past each other."""
    slots = Slots(1)
    shared = Shared(lambda texts: np.ones((len(texts), 2), np.float32), Turns(), 4)
    remembered = Remembered(shared, 2)

    def ask(number: int) -> float:
        with slots.one():
            return float(remembered(f"question {number % 5}").sum())

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(400), timeout=60)) == [2.0] * 400
    assert slots._free == 1

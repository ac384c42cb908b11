"""Terms are the same in whatever thread they are made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kb.search import terms

WORDS = tuple(
    f"{start}{middle}{end}"
    for start in ("rel", "nation", "gener", "hope", "con", "sk", "adjust", "formal", "trouble", "form")
    for middle in ("", "a", "ation", "iv", "ful", "iz")
    for end in ("ing", "ally", "ness", "ed", "ities", "ement", "fulness", "izer", "s", "iveness")
)


@pytest.fixture
def often_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    terms._stem.cache_clear()
    yield
    sys.setswitchinterval(before)
    terms._stem.cache_clear()  # no stem made here may stay


def test_threads_that_stem_at_once_get_the_stems_of_one_alone(often_switching: None) -> None:
    stem = terms._stem.__wrapped__  # without the cache, which would keep the first thread's stem for all
    alone = [stem(word) for word in WORDS]
    with ThreadPoolExecutor(8) as threads:
        rounds = list(threads.map(lambda _: [stem(word) for word in WORDS], range(8)))
    assert all(stems == alone for stems in rounds)

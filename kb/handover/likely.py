"""How likely somebody wants a person, by what they mean: a kernel machine over the question's vector, and its letters.

The parameters stand in `likely.json` beside this module; `bench/fit_wanting.py` fits them.
"""

from __future__ import annotations

import base64
import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.resources import files

import msgspec
import numpy as np
from numpy.typing import NDArray

from kb.search.terms import all_simplified

BUCKETS = 2**15
"""Into so many the pieces of a text are hashed."""
_LONGEST = 240
"""Characters whose pieces are looked at, from the end."""
_WORD = re.compile(r"[a-z0-9']+|[㐀-鿿]|[^\sa-z0-9㐀-鿿]")
_SPACE = re.compile(r"\s+")
_SIZES = (2, 3, 4)
_WORDS = (1, 2, 3)

Numbers = NDArray[np.float32]


class Packed(msgspec.Struct, frozen=True):
    """A matrix of numbers in one byte each, base64; `scale` times a byte is the number."""

    shape: tuple[int, ...]
    scale: float
    data: str

    @staticmethod
    def of(numbers: Numbers) -> Packed:
        """Rounded to 255 steps."""
        scale = float(np.abs(numbers).max() / 127)
        rounded = np.round(numbers / scale).astype(np.int8)
        return Packed(numbers.shape, scale, base64.b64encode(rounded.tobytes()).decode())

    def numbers(self) -> Numbers:
        """As they are reckoned with."""
        found = np.frombuffer(base64.b64decode(self.data), np.int8).reshape(self.shape)
        return (found * np.float32(self.scale)).astype(np.float32)


class Likely(msgspec.Struct, frozen=True, dict=True):
    """`score = Σ weights · exp(-gamma |projected - support|²) + intercept + letters_share · letters`.

    `fingerprint` is the embedding model's. A person is wanted from `bound` on, by `worded` less where the wordings of
    the rules are met.
    """

    fitted_on: str
    fingerprint: str
    mean: Packed
    projection: Packed
    support: Packed
    weights: Packed
    intercept: float
    gamma: float
    letters: Packed
    letters_intercept: float
    letters_share: float
    bound: float
    worded: float

    def wants(self, text: str, vector: Numbers, *, worded: bool) -> bool:
        """Whether a person is wanted, of a question, its `(dim,)` vector of unit length, and what the rules say."""
        return self.score(text, vector) + self.worded * worded >= self.bound

    def score(self, text: str, vector: Numbers) -> float:
        """Without bounds; higher is likelier."""
        mean, projection, support, weights, letters = self._numbers
        point = (vector - mean) @ projection
        point /= max(float(np.linalg.norm(point)), 1e-9)
        near: Numbers = np.exp(self.gamma * (2.0 * (support @ point) - 2.0))
        by_meaning: float = float(near @ weights) + self.intercept
        held = pieces(text)
        by_letters: float = float(letters[held].sum()) / max(len(held), 1) ** 0.5 + self.letters_intercept
        return by_meaning + self.letters_share * by_letters

    @cached_property
    def _numbers(self) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
        packed = (self.mean, self.projection, self.support, self.weights, self.letters)
        mean, projection, support, weights, letters = (one.numbers() for one in packed)
        support /= np.maximum(np.linalg.norm(support, axis=1, keepdims=True), 1e-9)
        return mean, projection, support, weights, letters


def pieces(text: str) -> list[int]:
    """The buckets of a text's runs of letters and of words, each once."""
    said = _SPACE.sub(" ", all_simplified(unicodedata.normalize("NFKC", text[-_LONGEST:])).lower().strip())
    marked = f"^{said}$"
    runs = {f"c{marked[at : at + size]}" for size in _SIZES for at in range(len(marked) - size + 1)}
    words = ["^", *_WORD.findall(said), "$"]
    runs |= {f"w{_joined(words, at, size)}" for size in _WORDS for at in range(len(words) - size + 1)}
    return sorted({zlib.crc32(run.encode("utf-8", "surrogatepass")) % BUCKETS for run in runs})


def _joined(words: Sequence[str], at: int, size: int) -> str:
    return " ".join(words[at : at + size])


@lru_cache(maxsize=1)
def shipped() -> Likely:
    """The parameters shipped with kb."""
    return msgspec.json.decode((files("kb.handover") / "likely.json").read_bytes(), type=Likely)

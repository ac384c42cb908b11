"""A model's tokens by its tokenizer.json alone; never loads torch: importing sentence-transformers takes 4-6 s."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Encoding, Tokenizer

from kb.errors import ModelMissing
from kb.search.model_folder import modules

if TYPE_CHECKING:
    from kb.search.embedding import ModelSpec


class Tokens:
    """Counts a model's tokens; loaded at first use, safe between threads."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec

    def count(self, text: str) -> int:
        """The number of tokens in `text` alone: without prompt, special tokens or truncation."""
        return len(self.tokenizer.encode(text, add_special_tokens=False))

    def counts(self, texts: Sequence[str]) -> list[int]:
        """`count` of each text."""
        encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def room(self) -> int:
        """How many tokens of its own a passage may have before the model cuts it: less prompt and special tokens."""
        whole = len(self.tokenizer.encode(self._spec.passage_prompt + "x"))
        return self._spec.max_tokens - (whole - self.count("x"))

    @property
    def tokenizer(self) -> Tokenizer:
        """The one that all of this process share. Raises ModelMissing."""
        folder = self._spec.files()
        places = [folder / module / "tokenizer.json" for module in ("", *modules(folder))]
        if (path := next((place for place in places if place.is_file()), None)) is None:
            raise ModelMissing(
                f"{self._spec.name}: no tokenizer.json in {folder}; save the model's fast tokenizer there, "
                "or name another model with KB_MODEL"
            )
        return tokenizer_in(path.parent)


def tokenizer_in(folder: Path) -> Tokenizer:
    """The one that all of this process share of a folder's; it neither cuts nor pads."""
    file = folder / "tokenizer.json"
    return _read(file, file.stat().st_mtime_ns)


def no_tokenizer_threads() -> None:
    """Without this, a fork after the first batch (multiprocessing, a web worker) makes `tokenizers` write a warning."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@lru_cache(maxsize=2)  # the live model's, and that of one which takes its place: 280 MB each for 250,000 pieces
def _read(file: Path, _written: int) -> Tokenizer:
    no_tokenizer_threads()
    loaded: Tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def cut(encoding: Encoding, most: int) -> list[int]:
    """The ids of at most `most` tokens: the text is cut at its end, special tokens stay."""
    ids: list[int] = encoding.ids
    if (over := len(ids) - most) <= 0:
        return ids
    end = len(ids) - next(n for n, special in enumerate(reversed(encoding.special_tokens_mask)) if not special)
    return ids[: end - over] + ids[end:]

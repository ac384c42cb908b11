"""A model on OpenVINO without torch: tokens by its tokenizer.json, the transformer, mean pooling in numpy.

sentence-transformers gives the same vectors, but importing it costs 8 s of processor time, several times what a shell
command does otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kb.search.model_folder import read_json
from kb.search.tokens import cut

if TYPE_CHECKING:
    from openvino import CompiledModel

INPUTS = ("input_ids", "attention_mask")
RUN_TOKENS = 48
"""What a run of its own costs, beyond its tokens' share, in tokens. Of 32 questions, such runs took 0.6 of the time."""
# The tokenizers of transformers that are tokenizer.json and nothing more.
_PLAIN_TOKENIZERS = frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"})
_MEAN = frozenset({"mean", "pooling_mode_mean_tokens"})


class Encoder:
    """Encodes for one thread at a time."""

    def __init__(
        self, compiled: CompiledModel, tokenizer: Tokenizer, *, prompts: Mapping[str, str], max_tokens: int
    ) -> None:
        """`prompts` hold `query` and `document`; longer texts are cut at `max_tokens`."""
        self._request = compiled.create_infer_request()
        self._prompts = prompts
        self.dim = int(compiled.output(0).partial_shape[2].get_length())
        self._tokenizer, self._most = tokenizer, max_tokens

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) float32, unit length."""
        return self._encode(self._prompts["query"], texts)

    def encode_document(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) float32, unit length."""
        return self._encode(self._prompts["document"], texts)

    def _encode(self, prompt: str, texts: Sequence[str]) -> NDArray[np.float32]:
        encoded = self._tokenizer.encode_batch_fast([prompt + text for text in texts])
        tokens = [cut(encoding, self._most) for encoding in encoded]
        vectors = np.empty((len(tokens), self.dim), np.float32)
        for group in groups([len(ids) for ids in tokens]):
            vectors[group] = self._infer([tokens[index] for index in group])
        return vectors

    def _infer(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """One run: `(n, dim)` of `n` lists of ids, padded to the longest."""
        lengths = np.array([len(ids) for ids in tokens])
        mask = (np.arange(lengths.max()) < lengths[:, np.newaxis]).astype(np.int64)
        ids = np.zeros_like(mask)  # what stands in place of padding changes nothing: it is masked
        ids[mask.astype(bool)] = np.concatenate(tokens)
        states = self._request.infer(dict(zip(INPUTS, (ids, mask), strict=True)))[0]
        sums = np.matmul(mask[:, np.newaxis].astype(np.float32), states)[:, 0]  # a mean's direction is the sum's
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(norms, np.finfo(np.float32).tiny), np.float32)


def groups(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of texts of about the same length, given their tokens: one run for each costs less than the padding."""
    group: list[int] = []
    waste = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (waste := waste + len(group) * (lengths[index] - lengths[group[-1]])) > RUN_TOKENS:
            yield group
            group, waste = [], 0
        group.append(index)
    if group:
        yield group


def suits(folder: Path, modules: Sequence[Mapping[str, str]]) -> bool:
    """Whether an `Encoder` gives what sentence-transformers would; `modules` as in modules.json, the kinds known."""
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    transformer, pooling = (folder / module["path"] for module in modules[:2])
    named = (read_json(transformer / "tokenizer_config.json") or {}).get("tokenizer_class")
    has_tokenizer = named in _PLAIN_TOKENIZERS and (transformer / "tokenizer.json").is_file()
    return has_tokenizer and _pools_mean(read_json(pooling / "config.json") or {})


def _pools_mean(config: Mapping[str, Any]) -> bool:
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else mode
    modes = modes or [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    return len(modes) == 1 and modes[0] in _MEAN

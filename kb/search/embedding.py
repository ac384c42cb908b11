"""Texts to vectors: which model (`describe`), and the vectors themselves (`Embedder`).

Describing a model never loads torch: importing sentence-transformers takes 4-6 s.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelMissing
from kb.search import bundled, runtime
from kb.search.model_folder import modules, read_json
from kb.search.runtime import Model
from kb.search.sharing import Shared, Turns
from kb.search.terms import one_script
from kb.search.tokens import Tokens

BUNDLED = "bundled"
QUERIES = 32
"""The most questions of one run: more are no faster, and each waits for all."""
_BATCH_TOKENS = 512
"""About what keeps a batch's activations in a processor's cache: 32 texts of 100 tokens go 1.7 times slower than 4."""

# sentence-transformers' own order of names for the prompt of a passage.
_PASSAGE_PROMPTS = ("document", "passage", "corpus")
# What decides the vectors, beside prompts and max tokens. Other runtimes' copies (onnx/, openvino/) do not.
_IDENTITY_SUFFIXES = frozenset({".json", ".txt", ".model", ".safetensors", ".bin"})
_NOT_IDENTITY = frozenset({"config_sentence_transformers.json", "model.safetensors.index.json", "README.md"})
_POOLING_MODES = frozenset(
    {
        "pooling_mode_cls_token",
        "pooling_mode_mean_tokens",
        "pooling_mode_max_tokens",
        "pooling_mode_mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens",
        "pooling_mode_lasttoken",
    }
)
_READING = "one script"  # what is done to a text before the model reads it: part of what its vectors mean
_UNBOUNDED = 1_000_000  # transformers writes 1e30 for "the tokenizer knows no limit"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """An embedding model by name, files and prompts, known without loading it.

    `folder` is None for the bundled model, which is unpacked at first use. `fingerprint` is 16 hex digits over the
    weights, the prompts and `max_tokens`: vectors of equal fingerprints may share an index. The runtime is no part
    of it. `identity` is a hash over the model's files alone.
    """

    name: str
    folder: Path | None
    query_prompt: str
    passage_prompt: str
    max_tokens: int
    dim: int
    fingerprint: str
    identity: str

    def files(self) -> Path:
        """The model's folder, unpacked now if it is the bundled one. Raises ModelMissing."""
        return bundled.unpack() if self.folder is None else self.folder


def describe(name: str, *, query_prompt: str | None = None, passage_prompt: str | None = None) -> ModelSpec:
    """What `name` means: `bundled`, a sentence-transformers folder, or a hub name such as `BAAI/bge-m3`.

    A prompt that is None is the model's own. A hub name is looked for in the local Hugging Face cache, then online.
    Reads and hashes a folder's weights. Raises ModelMissing when there is no such model.
    """
    folder = None if name == BUNDLED else _resolve(name)
    if folder is None:
        own_query, own_passage = bundled.QUERY_PROMPT, bundled.PASSAGE_PROMPT
        max_tokens, dim, identity = bundled.MAX_TOKENS, bundled.DIM, bundled.IDENTITY
    else:
        own_query, own_passage = _own_prompts(folder)
        max_tokens, dim, identity = _max_tokens(folder), _dim(folder), _identity(folder)
    query = own_query if query_prompt is None else query_prompt
    passage = own_passage if passage_prompt is None else passage_prompt
    whole = json.dumps([identity, query, passage, max_tokens, _READING])
    return ModelSpec(
        name=name,
        folder=folder,
        query_prompt=query,
        passage_prompt=passage,
        max_tokens=max_tokens,
        dim=dim,
        fingerprint=hashlib.sha256(whole.encode()).hexdigest()[:16],
        identity=identity,
    )


def size(text: str) -> int:
    """About how long a text is for a model, in whatever script: its bytes, four of which make a token."""
    return len(text.encode("utf-8", "surrogatepass"))


class Embeds(Protocol):
    """Makes the vectors of questions: a model, or another process that has it."""

    @property
    def spec(self) -> ModelSpec:
        """Which model."""

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) float32, unit length, in the order of `texts`."""

    def warm(self) -> None:
        """Makes ready for the first question."""


class Embedder:
    """A model's vectors; loads the weights at first use, and is shared by threads.

    Texts are brought to one script first: the model places a traditional text farther from its simplified twin than
    from an unrelated English one.

    `threads` is the number of CPU threads, torch's for the whole process; None leaves the choice to the runtime.
    `runtime` is `torch`, `openvino`, or `auto`: OpenVINO where it is installed and can run the model, else torch.
    """

    def __init__(self, spec: ModelSpec, *, threads: int | None = None, runtime: str = "auto") -> None:
        self.spec = spec
        self._threads, self._runtime = threads, runtime
        self._turns = Turns()
        self._asked = Shared(lambda texts: self._loaded().encode_query(texts), self._turns, QUERIES)
        self._tokens = Tokens(spec)
        self._model: Model | None = None

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) float32, unit length, in the order of `texts`. Raises ModelMissing.

        At once where the model is idle; else with what other threads asked meanwhile.
        """
        if not texts:
            return self._empty(0)
        return self._asked([one_script(text) for text in texts])

    def passages(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None, batch_size: int = 32
    ) -> NDArray[np.float32]:
        """(n, dim) float32, unit length, in the order of `texts`. Raises ModelMissing.

        `progress` is told after each batch how many are done so far.
        """
        vectors, done = self._empty(len(texts)), 0
        read = [one_script(text) for text in texts]
        for batch in _batches(self._tokens.counts(read), batch_size):
            # A turn for each batch, so that a query waits for one batch, not for a whole index.
            with self._turns:
                vectors[batch] = self._loaded().encode_document([read[index] for index in batch])
            done += len(batch)
            if progress is not None:
                progress(done)
        return vectors

    @property
    def batches(self) -> Counter[int]:
        """How many runs there were for questions, by how many texts they had."""
        return self._asked.sizes

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._model is not None

    def warm(self) -> None:
        """Load the model and run it once, so that the first question does not wait for it. Raises ModelMissing."""
        self.queries(["warm"])

    @property
    def runtime(self) -> str:
        """What the loaded model runs on, with its precision: `OpenVINO bf16`, `OpenVINO f32` or `torch f32`."""
        with self._turns:
            self._loaded()
            return self._runtime

    def _empty(self, count: int) -> NDArray[np.float32]:
        return np.zeros((count, self.spec.dim), dtype=np.float32)

    def _loaded(self) -> Model:
        """The model. The turn is the caller's."""
        if self._model is None:
            self._model, self._runtime = runtime.load(self.spec, threads=self._threads, runtime=self._runtime)
        return self._model


def _batches(tokens: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices of texts in batches of at most `most`, and of about `_BATCH_TOKENS` tokens, given those of each text.

    Longest first: a batch is padded to its longest text, and one too big for memory fails at once.
    """
    order = sorted(range(len(tokens)), key=lambda index: -tokens[index])
    while order:
        count = min(most, max(1, _BATCH_TOKENS // max(1, tokens[order[0]])))
        yield order[:count]
        order = order[count:]


def _resolve(name: str) -> Path:
    folder = Path(name).expanduser()
    if name and folder.is_dir():  # Path("") would be the current folder
        if not _has_weights(folder):
            raise ModelMissing(f"{folder} holds no weights (*.safetensors or *.bin); name another model with KB_MODEL")
        return folder.absolute()
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) is None:
        raise ModelMissing(
            f"{name!r} is no embedding model: expected {BUNDLED!r}, an existing sentence-transformers folder, "
            "or a hub name such as 'intfloat/multilingual-e5-small'; set KB_MODEL"
        )
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    # Not at the top: the bundled model and folders never need the hub.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        if _has_weights(cached):  # an interrupted download leaves a snapshot too
            return cached
    except LocalEntryNotFoundError:
        pass
    return _download(name)


def _download(name: str) -> Path:
    import httpx
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        files = HfApi().list_repo_files(name)
        # One copy of the weights: not the pickles beside safetensors, nor those for other runtimes.
        pickles = [] if any(file.endswith(".safetensors") for file in files) else ["*.bin"]
        wanted = ["*.json", "*.txt", "*.model", "*.safetensors", *pickles]
        folder = Path(snapshot_download(name, allow_patterns=wanted, ignore_patterns=["onnx/*", "openvino/*"]))
    except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
        raise ModelMissing(
            f"{name}: neither in the local Hugging Face cache nor to be had from the hub: {error}; "
            f"name a folder with KB_MODEL, or KB_MODEL={BUNDLED}"
        ) from error
    if not _has_weights(folder):
        raise ModelMissing(f"{name}: the hub has no safetensors or PyTorch weights for it; name another with KB_MODEL")
    return folder


def _has_weights(folder: Path) -> bool:
    return any(path.suffix in {".safetensors", ".bin"} for path in _identity_files(folder))


def _own_prompts(folder: Path) -> tuple[str, str]:
    prompts = (read_json(folder / "config_sentence_transformers.json") or {}).get("prompts") or {}
    passage = next((prompts[key] for key in _PASSAGE_PROMPTS if prompts.get(key)), "")
    return prompts.get("query") or "", passage


def _max_tokens(folder: Path) -> int:
    """The longest input in tokens, as sentence-transformers would set it: the least of the limits that are known."""
    first = folder / modules(folder)[0]
    stated = (read_json(first / "sentence_bert_config.json") or {}).get("max_seq_length")
    if stated:
        return int(stated)
    limits = [
        (read_json(first / "tokenizer_config.json") or {}).get("model_max_length"),
        (read_json(first / "config.json") or {}).get("max_position_embeddings"),
    ]
    known = [int(limit) for limit in limits if limit and limit < _UNBOUNDED]
    if not known:
        raise ModelMissing(f"{folder} names no longest input; set max_seq_length in sentence_bert_config.json")
    return min(known)


def _dim(folder: Path) -> int:
    """The vectors' length: the last module's that states one, else the transformer's hidden size."""
    for module in reversed(modules(folder)):
        config = read_json(folder / module / "config.json") or {}
        if "out_features" in config:  # Dense
            return int(config["out_features"])
        width = config.get("embedding_dimension", config.get("word_embedding_dimension"))
        if width is not None:  # Pooling; several modes are concatenated
            modes = config.get("pooling_mode")
            several = len(modes) if isinstance(modes, list) else sum(bool(config.get(mode)) for mode in _POOLING_MODES)
            return int(width) * max(1, several)
        if "hidden_size" in config:
            return int(config["hidden_size"])
    raise ModelMissing(f"{folder} is no sentence-transformers folder: no config.json names a dimension; set KB_MODEL")


def _identity_files(folder: Path) -> list[Path]:
    """The files that decide the vectors, in the model's folder and its modules' own, without a second copy."""
    found: list[Path] = []
    for place in sorted({folder, *(folder / module for module in modules(folder))}):
        files = [path for path in sorted(place.iterdir()) if path.is_file()] if place.is_dir() else []
        files = [path for path in files if path.suffix in _IDENTITY_SUFFIXES and path.name not in _NOT_IDENTITY]
        if any(path.suffix == ".safetensors" for path in files):
            files = [path for path in files if path.suffix != ".bin"]  # pickles of the same weights, never loaded
        found += files
    return found


def _identity(folder: Path) -> str:
    """A hash over the names and contents of the files that decide the vectors; where the folder lies is no part."""
    digest = hashlib.sha256()
    for path in _identity_files(folder):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()

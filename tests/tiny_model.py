"""A real sentence-transformers folder with one small layer and fixed random weights: fast, and knows nothing.

Written file by file, so that who needs it imports neither torch nor sentence-transformers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH, LENGTH = 32, 512
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(chr(c) for c in range(33, 127))]
_CLASSES = "sentence_transformers"
FILES: dict[str, Any] = {
    "config.json": {
        "architectures": ["BertModel"], "model_type": "bert", "dtype": "float32", "hidden_act": "gelu",
        "hidden_size": WIDTH, "intermediate_size": WIDTH, "layer_norm_eps": 1e-12, "max_position_embeddings": LENGTH,
        "num_attention_heads": 2, "num_hidden_layers": 1, "pad_token_id": 0, "type_vocab_size": 2,
        "vocab_size": len(PIECES),
    },
    "tokenizer_config.json": {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LENGTH, "pad_token": "[PAD]",
        "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
    },
    "sentence_bert_config.json": {
        "transformer_task": "feature-extraction",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        "module_output_name": "token_embeddings",
    },
    "config_sentence_transformers.json": {
        "model_type": "SentenceTransformer", "prompts": {"query": "q: ", "document": "p: "},
        "default_prompt_name": None, "similarity_fn_name": "cosine",
    },
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": f"{_CLASSES}.base.modules.transformer.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling",
         "type": f"{_CLASSES}.sentence_transformer.modules.pooling.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{_CLASSES}.base.modules.normalize.Normalize"},
    ],
    "1_Pooling/config.json": {"embedding_dimension": WIDTH, "pooling_mode": "mean", "include_prompt": True},
}  # fmt: skip


def write_tiny_model(folder: Path, seed: int = 8) -> Path:
    """Writes the model; equal weights each time for one `seed`."""
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "2_Normalize").mkdir()
    for name, value in FILES.items():
        (folder / name).write_text(json.dumps(value, indent=2), "utf-8")
    _tokenizer().save(str(folder / "tokenizer.json"))
    save_file(_weights(seed), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _tokenizer() -> Tokenizer:
    """One piece a printable ASCII character; anything else is unknown."""
    tokenizer = Tokenizer(models.WordLevel({piece: n for n, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Split("", "isolated")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(PIECES[:4])
    return tokenizer


def _weights(seed: int) -> dict[str, NDArray[np.float32]]:
    """Those of a BertModel, spread as transformers would begin a training with them."""
    chance = np.random.default_rng(seed)

    def spread(*shape: int) -> NDArray[np.float32]:
        return chance.normal(0, 0.02, shape).astype(np.float32)

    embeddings = {"word": len(PIECES), "position": LENGTH, "token_type": 2}
    dense = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
             "intermediate.dense", "output.dense")  # fmt: skip
    norms = ("embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output")
    held = {f"embeddings.{name}_embeddings.weight": spread(count, WIDTH) for name, count in embeddings.items()}
    held |= {f"encoder.layer.0.{name}.weight": spread(WIDTH, WIDTH) for name in dense}
    held |= {f"encoder.layer.0.{name}.bias": np.zeros(WIDTH, np.float32) for name in dense}
    held |= {f"{name}.LayerNorm.weight": np.ones(WIDTH, np.float32) for name in norms}
    held |= {f"{name}.LayerNorm.bias": np.zeros(WIDTH, np.float32) for name in norms}
    # Mean pooling never reads BertModel's pooler, but without weights for it transformers reports them missing.
    return held | {"pooler.dense.weight": spread(WIDTH, WIDTH), "pooler.dense.bias": np.zeros(WIDTH, np.float32)}

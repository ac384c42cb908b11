"""A model made ready to encode: on OpenVINO where that is asked for and can be, else on torch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from kb.errors import ModelMissing
from kb.search import openvino_runtime
from kb.search.pipeline import Pipeline, quiet_loading
from kb.search.tokens import no_tokenizer_threads

if TYPE_CHECKING:
    from kb.search.embedding import ModelSpec

# What transformers and sentence-transformers raise about a folder that they cannot load.
_NOT_LOADED = (OSError, ValueError, KeyError, RuntimeError, ImportError)
log = logging.getLogger("kb")


class Model(Protocol):
    """Texts to `(n, dim)` float32 of unit length, in their order; for one thread at a time."""

    @property
    def dim(self) -> int: ...

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def encode_document(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


def load(spec: ModelSpec, *, threads: int | None, runtime: str) -> tuple[Model, str]:
    """The model, and what it runs on, with the precision. Takes seconds. Raises ModelMissing."""
    folder = spec.files()
    no_tokenizer_threads()
    model, used = _on_openvino(spec, folder, threads, runtime) or (_on_torch(spec, folder, threads), "torch f32")
    if model.dim != spec.dim:
        raise ModelMissing(f"{spec.name}: the model gives {model.dim} dimensions, its files in {folder} say {spec.dim}")
    return model, used


def _on_openvino(spec: ModelSpec, folder: Path, threads: int | None, runtime: str) -> tuple[Model, str] | None:
    """None where torch is asked for, or where `auto` finds that OpenVINO cannot run the model."""
    if runtime == "torch":
        return None
    obstacle = openvino_runtime.obstacle(folder)
    if obstacle is None:
        try:
            source = openvino_runtime.Source(folder, spec.identity, spec.max_tokens)
            model, precision = openvino_runtime.load(source, prompts=_prompts(spec), threads=threads)
        except _NOT_LOADED as error:
            obstacle = str(error)
            log.warning("%s runs on torch, two to three times slower than on OpenVINO: %s", spec.name, error)
        else:
            return model, f"OpenVINO {precision}"
    if runtime == "openvino":
        raise ModelMissing(f"{spec.name} cannot run on OpenVINO: {obstacle}; set KB_RUNTIME=auto or KB_RUNTIME=torch")
    return None


def _on_torch(spec: ModelSpec, folder: Path, threads: int | None) -> Pipeline:
    import torch
    from sentence_transformers import SentenceTransformer

    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with quiet_loading():
            model = SentenceTransformer(
                str(folder),
                local_files_only=True,
                prompts=_prompts(spec),
                model_kwargs={"dtype": torch.float32},  # what a checkpoint was stored in is not what CPUs are fast at
            )
        return Pipeline(model, spec.max_tokens)
    except _NOT_LOADED as error:
        raise ModelMissing(
            f"{spec.name}: {folder} does not load as a sentence-transformers model: {error}; "
            "complete the folder, or name another model with KB_MODEL"
        ) from error


def _prompts(spec: ModelSpec) -> dict[str, str]:
    return {"query": spec.query_prompt, "document": spec.passage_prompt}

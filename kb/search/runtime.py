"""A model made ready to encode: on OpenVINO where that is asked for and can be, else on torch."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import ModelMissing
from kb.search import openvino_runtime

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from kb.search.embedding import ModelSpec

# What transformers and sentence-transformers raise about a folder that they cannot load.
_NOT_LOADED = (OSError, ValueError, KeyError, RuntimeError, ImportError)
log = logging.getLogger("kb")


def load(spec: ModelSpec, *, threads: int | None, runtime: str) -> tuple[SentenceTransformer, str]:
    """The model, and what it runs on, with the precision. Takes seconds. Raises ModelMissing."""
    folder = spec.files()
    no_tokenizer_threads()
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    with _quiet_loading():
        model, used = _on_openvino(spec, folder, threads, runtime) or (_on_torch(spec, folder), "torch f32")
    model.max_seq_length = spec.max_tokens
    found = model.get_embedding_dimension()
    if found != spec.dim:
        raise ModelMissing(f"{spec.name}: the model gives {found} dimensions, its files in {folder} say {spec.dim}")
    return model, used


def _on_openvino(
    spec: ModelSpec, folder: Path, threads: int | None, runtime: str
) -> tuple[SentenceTransformer, str] | None:
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
            log.warning("%s runs on torch, about three times slower than on OpenVINO: %s", spec.name, error)
        else:
            return model, f"OpenVINO {precision}"
    if runtime == "openvino":
        raise ModelMissing(f"{spec.name} cannot run on OpenVINO: {obstacle}; set KB_RUNTIME=auto or KB_RUNTIME=torch")
    return None


def _on_torch(spec: ModelSpec, folder: Path) -> SentenceTransformer:
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(
            str(folder),
            local_files_only=True,
            prompts=_prompts(spec),
            model_kwargs={"dtype": torch.float32},  # what a checkpoint was stored in is not what CPUs are fast at
        )
    except _NOT_LOADED as error:
        raise ModelMissing(
            f"{spec.name}: {folder} does not load as a sentence-transformers model: {error}; "
            "complete the folder, or name another model with KB_MODEL"
        ) from error


def _prompts(spec: ModelSpec) -> dict[str, str]:
    return {"query": spec.query_prompt, "document": spec.passage_prompt}


def no_tokenizer_threads() -> None:
    """Without this, a fork after the first batch (multiprocessing, a web worker) makes `tokenizers` write a warning."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """No progress bar and no advice from transformers on stderr while a model loads; both are put back after."""
    from transformers.utils import logging

    # The three ignores: transformers leaves these functions without annotations.
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]

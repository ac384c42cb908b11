"""A model's transformer on OpenVINO: torch's vectors, in about a third of the time where the CPU has bfloat16 units.

It is converted once (seconds), into the folder where the bundled model is unpacked; later starts read only the
converted copy, never torch's weights. OpenVINO is imported at first use; torch only for converting, and for a model
that an `Encoder` does not suit.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from kb.search import bundled
from kb.search.encoder import INPUTS, Encoder, suits
from kb.search.model_folder import read_json
from kb.search.pipeline import Pipeline, quiet_loading
from kb.search.tokens import tokenizer_in

if TYPE_CHECKING:
    from openvino import CompiledModel, Model

# Raise it whenever the same model would be converted otherwise.
_LAYOUT = 1
_PARTIAL = "converting-"
_LOCK_SECONDS = 300.0
# Transformers whose last hidden states follow from those two inputs alone.
_ENCODERS = frozenset({"bert", "camembert", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta"})
_LATER_MODULES = frozenset({"Dense", "Normalize", "Pooling"})


@dataclass(frozen=True, slots=True)
class Source:
    """A model that `obstacle` found none for: its folder, a hash over what decides its vectors, its longest input."""

    folder: Path
    identity: str
    max_tokens: int


def obstacle(folder: Path) -> str | None:
    """Why the model in `folder` cannot run on OpenVINO here; None if it can. Imports neither OpenVINO nor torch."""
    if importlib.util.find_spec("openvino") is None:
        return "the package openvino is not installed"
    modules = read_json(folder / "modules.json") or []
    kinds = [_kind(module) for module in modules]
    if kinds[:1] != ["Transformer"] or not set(kinds[1:]) <= _LATER_MODULES:
        return f"its modules are {kinds}, not a Transformer followed by {', '.join(sorted(_LATER_MODULES))}"
    return _transformer_obstacle(folder / modules[0]["path"]) or _pooling_obstacle(folder, modules[1:])


def load(source: Source, *, prompts: Mapping[str, str], threads: int | None) -> tuple[Encoder | Pipeline, str]:
    """The whole model, without torch where an `Encoder` suits it, and the precision it runs in: `bf16` or `f32`.

    Its inference is for one thread at a time. `threads` is OpenVINO's number of CPU threads; None is what
    OMP_NUM_THREADS says, else OpenVINO's choice. Raises OSError or RuntimeError.
    """
    compiled, precision = _compiled(source, threads)
    modules = read_json(source.folder / "modules.json") or []
    if suits(source.folder, modules):
        shared = tokenizer_in(source.folder / modules[0]["path"])
        return Encoder(compiled, shared, prompts=prompts, max_tokens=source.max_tokens), precision
    return _pipeline(compiled, source, modules, prompts), precision


def _pipeline(
    compiled: CompiledModel, source: Source, listed: Sequence[Mapping[str, str]], prompts: Mapping[str, str]
) -> Pipeline:
    """The compiled transformer followed by sentence-transformers' own modules."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    first, *later = listed
    with quiet_loading():
        pipeline = [_transformer(compiled, source.folder / first["path"], source.max_tokens)]
        for module in later:
            kind = getattr(modules, _kind(module))
            pipeline.append(kind.load(str(source.folder), subfolder=module["path"], local_files_only=True))
    return Pipeline(SentenceTransformer(modules=pipeline, prompts=dict(prompts), device="cpu"), source.max_tokens)


def _transformer_obstacle(folder: Path) -> str | None:
    config = read_json(folder / "config.json") or {}
    if config.get("model_type") not in _ENCODERS or "auto_map" in config:
        return f"it is a {config.get('model_type')} transformer, and none of {', '.join(sorted(_ENCODERS))}"
    own = read_json(folder / "sentence_bert_config.json") or {}
    text = own.get("modality_config", {}).get("text", {})
    usual = text.get("method_output_name", "last_hidden_state") == "last_hidden_state"
    if own.get("do_lower_case") or own.get("query_expansion") or not usual:
        return f"{folder / 'sentence_bert_config.json'} asks for more than the last hidden states of the text"
    return None


def _pooling_obstacle(folder: Path, modules: Sequence[Mapping[str, str]]) -> str | None:
    configs = [read_json(folder / module["path"] / "config.json") or {} for module in modules]
    if not all(config.get("include_prompt", True) for config in configs):
        return "its pooling leaves the prompt out"
    return None


def _kind(module: Mapping[str, str]) -> str:
    """`Pooling` for a class of that name of sentence-transformers, the whole name for anybody else's."""
    whole = module.get("type", "")
    return whole.rpartition(".")[2] if whole.startswith("sentence_transformers.") else whole


def _import_openvino() -> Any:
    """The package. Its telemetry, which reports every import to Google unless someone opted out, is kept out."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # None: its import fails, as if absent
    import openvino

    return openvino


def _compiled(source: Source, threads: int | None) -> tuple[CompiledModel, str]:
    """The transformer, ready to infer. A converted copy that OpenVINO cannot read is made anew, once."""
    core = _import_openvino().Core()
    precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
    bound = threads or int(os.environ.get("OMP_NUM_THREADS") or 0)
    if bound:
        options["INFERENCE_NUM_THREADS"] = bound
    folder = _converted(source, damaged=None)
    try:
        return core.compile_model(folder / "model.xml", "CPU", options), precision
    except RuntimeError:
        folder = _converted(source, damaged=_stamp(folder))
        return core.compile_model(folder / "model.xml", "CPU", options), precision


def _converted(source: Source, *, damaged: tuple[int, ...] | None) -> Path:
    """The folder of the converted transformer, made by the first call, and anew where it is the `damaged` one.

    Safe between processes, and a kill at any point leaves nothing that a later call would take for whole.
    """
    name = hashlib.sha256(source.identity.encode()).hexdigest()[:16]
    folder = bundled._cache() / f"openvino-{version('openvino')}-{name}-{_LAYOUT}"
    if bundled._is_complete(folder) and _stamp(folder) != damaged:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / "convert.lock", timeout=_LOCK_SECONDS):
        if not bundled._is_complete(folder) or _stamp(folder) == damaged:
            _convert_into(folder, source)
    return folder


def _stamp(folder: Path) -> tuple[int, ...]:
    """Differs between two conversions, so that of two processes that met damage only the first converts."""
    stat = (folder / "model.xml").stat()
    return stat.st_ino, stat.st_mtime_ns


def _convert_into(folder: Path, source: Source) -> None:
    """Write beside the target, make it durable, then rename: the target is whole or absent. The lock is held."""
    for leftover in folder.parent.glob(f"{_PARTIAL}*"):  # of a process that was killed: nobody else holds the lock
        shutil.rmtree(leftover)
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder.parent))
    try:
        partial.chmod(0o755)  # mkdtemp's 0700 would hide a shared cache from other users
        modules = read_json(source.folder / "modules.json")
        _import_openvino().save_model(_conversion(source.folder / modules[0]["path"]), partial / "model.xml")
        bundled._seal(partial)
        if folder.exists():
            folder.rename(partial.with_name(f"{partial.name}-damaged"))
        partial.replace(folder)
    finally:
        for leftover in folder.parent.glob(f"{_PARTIAL}*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _conversion(folder: Path) -> Model:
    """The transformers model in `folder` as OpenVINO's: token ids and mask → last hidden states, any batch and length.

    Raises RuntimeError.
    """
    import torch
    from transformers import AutoModel

    class LastHiddenStates(torch.nn.Module):  # type: ignore[misc] # mypy does not read torch
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask)[0]
            return states

    example = {name: torch.ones(2, 8, dtype=torch.int64) for name in INPUTS}
    example["attention_mask"][1, 4:] = 0  # without padding in the example, the mask would be traced away
    shapes = [(name, [-1, -1]) for name in INPUTS]
    with warnings.catch_warnings(), torch.no_grad(), quiet_loading():
        warnings.simplefilter("ignore")  # tracing warns of each Python number that it takes for a constant
        try:
            return _import_openvino().convert_model(LastHiddenStates(), example_input=example, input=shapes)
        except Exception as error:
            raise RuntimeError(f"OpenVINO does not convert {folder}: {error}") from error


def _transformer(compiled: CompiledModel, folder: Path, max_tokens: int) -> Any:
    """The first module of the pipeline. Its class is made here: its base class would import torch with this file."""
    import torch
    from transformers import AutoTokenizer

    class Transformer(torch.nn.Module):  # type: ignore[misc] # mypy does not read torch
        def __init__(self) -> None:
            super().__init__()
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.max_seq_length = max_tokens
            self._request = compiled.create_infer_request()

        def preprocess(self, texts: list[str], prompt: str | None = None, **_: Any) -> dict[str, Any]:
            whole = [(prompt or "") + text for text in texts]
            encoded = self.tokenizer(
                whole, padding=True, truncation=True, max_length=self.max_seq_length, return_tensors="pt"
            )
            return {name: encoded[name] for name in INPUTS}

        def forward(self, features: dict[str, Any]) -> dict[str, Any]:
            states = self._request.infer({name: features[name].numpy() for name in INPUTS})[0]
            return features | {"token_embeddings": torch.from_numpy(states)}

    return Transformer()

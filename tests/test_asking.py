"""`kb search` and `kb ask` beside a running server: its answer, which is the one that the shell would have given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Centre, Shell, clean_environment, tiny_settings, write_article
from server_process import Server, serving, until

from kb import asking
from kb.asking import answer_running, search_running
from kb.config import Paths, load_settings
from kb.errors import IndexMissing, UsageError
from kb.jobs import server_file
from kb.results import Ask
from kb.search.embedding import Embedder
from kb.service import Service
from kb.writer import Writer

TICKET = {
    "kind": "ticket", "id": "T-1", "subject": "Kettle leaks", "status": "solved",
    "messages": [{"author": "customer", "text": "My kettle leaks.", "at": "2026-10-01T09:00:00Z"}],
    "resolution": "Replaced the kettle seal.", "closed_at": "2026-10-02T09:00:00Z",
}  # fmt: skip
OWN = {"query_id", "answer_id", "took_ms", "at"}
"""What differs between two askings of one question."""
HEAVY = ("numpy", "faiss", "openvino", "torch", "sentence_transformers", "litestar", "tantivy")
QUESTIONS = [
    ("search", "how does the kettle stop"), ("search", "kettle", "-k", "1", "--language", "en"),
    ("search", "fraud signs", "--audience", "agent", "--explain"), ("search", "水壶怎么除垢", "--explain"),
    ("ask", "how does the kettle stop"), ("ask", "fraud signs", "--audience", "agent", "--explain"),
    ("ask", "what is the weather"),
]  # fmt: skip


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Path:
    """An indexed home: a public article, an internal one, and a ticket."""
    home = tmp_path_factory.mktemp("asking") / "home"
    write_article(
        home, "kettle.md", "# Kettle\n\nThe kettle stops when the lid is open.\n\n## 除垢\n\n用柠檬酸煮一次。\n"
    )
    write_article(home, "fraud.md", "---\naudience: agent\n---\n# Kettle fraud signs\n\nThree claims a month.\n")
    (home / "kb.toml").write_text("min_confidence = 0.0\nbudget_ms = 0\n", "utf-8")  # a loaded machine skips nothing
    (home / "tickets.jsonl").write_text(json.dumps(TICKET), "utf-8")
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.reindex()
    centre.import_(home / "tickets.jsonl")
    return home


@pytest.fixture(scope="module")
def server(content: Path, tiny_model: Path) -> Iterator[Server]:
    """That home, served."""
    with serving(content, tiny_model) as running:
        until(server_file(Paths(content).index).exists)
        yield running


def without_own(value: Any) -> Any:
    """A JSON value without what differs each time."""
    if isinstance(value, dict):
        return {key: without_own(inner) for key, inner in value.items() if key not in OWN}
    return [without_own(inner) for inner in value] if isinstance(value, list) else value


def lines(text: str) -> list[str]:
    """What a shell shows, without the time that it took."""
    return [line for line in text.splitlines() if not line.endswith(" ms")]


def alone(server: Server, shell: Shell, *command: str) -> subprocess.CompletedProcess[str]:
    """A command run as if no server ran: its file is put aside meanwhile."""
    file = server_file(Paths(server.home).index)
    aside = file.rename(file.with_name("aside.json"))
    try:
        return shell(server.home, *command)
    finally:
        aside.rename(file)


@pytest.mark.parametrize("command", QUESTIONS, ids=" ".join)
def test_the_servers_answer_is_the_one_that_the_shell_gives_alone(
    command: tuple[str, ...], server: Server, shell: Shell
) -> None:
    with_server, by_itself = shell(server.home, *command, "--json"), alone(server, shell, *command, "--json")
    assert with_server.returncode == by_itself.returncode == 0, with_server.stderr
    told = json.loads(with_server.stdout)
    assert without_own(told) == without_own(json.loads(by_itself.stdout))
    assert with_server.stdout.count("\n") == by_itself.stdout.count("\n")
    shown = shell(server.home, *command)
    assert lines(shown.stdout) == lines(alone(server, shell, *command).stdout)
    assert lines(shown.stdout)


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_question_that_the_server_answers_loads_neither_index_nor_model(
    command: str, server: Server, tiny_model: Path
) -> None:
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in HEAVY)  # importing such a one raises
    code = f"import sys; {blocked}; from kb.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--home", str(server.home), command, "how does the kettle stop", "--json"],
        env=clean_environment(KB_MODEL=str(tiny_model)), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["hits"][0]["document_id"] == "kettle" if command == "search" else body["outcome"] == "answered"


def test_a_wrong_question_is_refused_alike(server: Server, shell: Shell) -> None:
    for question in ("  ", "x" * 2001, "half \udcff"):
        with_server, by_itself = shell(server.home, "ask", question), alone(server, shell, "ask", question)
        assert with_server.returncode == by_itself.returncode == 2
        assert with_server.stderr.splitlines()[-1] == by_itself.stderr.splitlines()[-1]


def test_a_shell_with_other_settings_answers_by_itself_and_says_so(server: Server, shell: Shell) -> None:
    strict = shell(server.home, "--set", "min_confidence=1", "ask", "how does the kettle stop", "--json")
    assert json.loads(strict.stdout)["outcome"] == "abstained"
    assert "the running server has min_confidence 0.0, this command 1.0: answered without it" in strict.stderr
    other = shell(server.home, "search", "kettle", environment={"KB_QUERY_PROMPT": "other: "})
    assert other.returncode == 1, "the index is one of another prompt"
    assert "kb reindex" in other.stderr


def test_synonyms_that_the_server_has_not_read_are_no_part_of_its_answer(server: Server, shell: Shell) -> None:
    file = Paths(server.home).synonyms
    file.write_text("cauldron = kettle\n", "utf-8")
    try:
        done = shell(server.home, "search", "cauldron", "--explain", "--json")
    finally:
        file.unlink()
    assert json.loads(done.stdout)["explain"]["alternatives"] == {"cauldron": ["kettl"]}
    assert "has not read synonyms.txt as it is now: answered without it" in done.stderr


def test_what_a_refusal_withheld_is_told_in_the_servers_log(server: Server, shell: Shell) -> None:
    assert json.loads(shell(server.home, "ask", "Kettle fraud signs", "--json").stdout)
    (server.home / "articles" / "kettle.md").rename(server.home / "kettle.aside")
    try:
        until(lambda: not server.finds("kettle", "kettle"))
        done = shell(server.home, "ask", "Kettle fraud signs", "--json")
    finally:
        (server.home / "kettle.aside").rename(server.home / "articles" / "kettle.md")
    answer = json.loads(done.stdout)
    assert answer["outcome"] == "abstained"
    assert done.stderr == ""
    until(lambda: f"answer {answer['answer_id']} was refused" in server.log.read_text("utf-8"))
    assert "fraud would answer it" in server.log.read_text("utf-8")
    until(lambda: server.finds("kettle", "kettle"))


def test_a_server_that_hangs_is_done_without(server: Server, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.jobs._GREETING_SECONDS", 0.2)
    settings = load_settings(server.home, {"model": str(tiny_model)}, {})
    os.kill(server.pid, signal.SIGSTOP)
    try:
        assert search_running(Paths(server.home), settings, Ask("kettle"), 5, explain=False) is None
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert search_running(Paths(server.home), settings, Ask("kettle"), 5, explain=False)


def test_a_question_is_answered_while_a_reindex_runs(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer stands still in the middle of its job for as long as the test wants."""
    centre.article("a.md", "# Lamp\n\nThe lamp is green.\n")
    centre.reindex()
    service = Service(centre.paths, centre.settings, "http://127.0.0.1:1")
    inside, may_end = threading.Event(), threading.Event()
    reindex = Writer.reindex

    def standing(writer: Writer, *arguments: Any, **others: Any) -> Any:
        inside.set()
        assert may_end.wait(60)
        return reindex(writer, *arguments, **others)

    monkeypatch.setattr(Writer, "reindex", standing)
    service.start()
    try:
        assert inside.wait(60)
        found = search_running(centre.paths, centre.settings, Ask("lamp"), 5, explain=False)
        answer = answer_running(centre.paths, centre.settings, Ask("lamp"), explain=True)
        assert not may_end.is_set()
    finally:
        may_end.set()
        service.stop()
    assert found is not None
    assert [hit.document_id for hit in found.hits] == ["a"]
    assert answer is not None
    assert answer.explain is not None


def test_a_server_that_has_nothing_to_answer_from_leaves_the_question_to_the_shell(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = threading.Event()
    monkeypatch.setattr(Service, "_follow_once", lambda _: None)
    monkeypatch.setattr(Writer, "warm", lambda _: inside.set())
    service = Service(centre.paths, centre.settings, "http://127.0.0.1:1")
    service.start()
    try:
        assert inside.wait(60)
        assert answer_running(centre.paths, centre.settings, Ask("lamp"), explain=False) is None
        with pytest.raises(IndexMissing):
            _ = service.knowledge
    finally:
        service.stop()


def test_a_server_that_ends_amid_a_question_leaves_it_to_the_shell(
    server: Server, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(server.home, {"model": str(tiny_model)}, {})
    monkeypatch.setattr(asking, "_PATIENCE_SECONDS", 0.0)  # it is given up before it can say anything
    assert search_running(Paths(server.home), settings, Ask("kettle"), 5, explain=False) is None


def test_what_the_server_says_is_wrong_with_a_question_is_raised(server: Server, tiny_model: Path) -> None:
    settings = load_settings(server.home, {"model": str(tiny_model)}, {})
    with pytest.raises(UsageError, match="k: found 101"):
        search_running(Paths(server.home), settings, Ask("kettle"), 101, explain=False)

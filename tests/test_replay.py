"""An answer of the past comes out the same from what was written down of it, whatever was edited since."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import SAMPLE, Centre, Remembering, tiny_settings
from sample_files import read_lines

from kb import preparation, recording
from kb.answer.composition import compose
from kb.cli import main
from kb.config import Paths, load_settings
from kb.errors import UsageError
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.model import AGENT, PUBLIC
from kb.progress import silent
from kb.replaying import replay_answer
from kb.results import Answer, Ask
from kb.search.embedding import Embedder
from kb.writer import Writer, writer_lock

AUDIENCES = (frozenset({PUBLIC}), frozenset({PUBLIC, AGENT}))
GOLDEN = read_lines(SAMPLE / "golden.jsonl")


def answered(kb: KnowledgeBase, journal: Journal) -> Iterator[Answer]:
    """Extractive answers to the golden questions, as the public and as agents in turn."""
    asks = [Ask(g["question"], tuple(g.get("conversation", [])), AUDIENCES[n % 2]) for n, g in enumerate(GOLDEN)]
    kb.embed_ahead(asks)
    for ask in asks:
        answer = recording.answer(kb, journal, ask, Origin())
        if answer.outcome == "answered":
            yield answer


def edit(home: Path, count: int) -> None:
    """Edits articles: a sentence in front, a section at the end, taken away, made internal, made a draft, in turn."""
    for number, file in enumerate(sorted((home / "articles").rglob("*.md"))[:count]):
        text = file.read_text("utf-8")
        head, front, body = text.split("---\n", 2)
        if number % 5 == 0:
            text = f"{head}---\n{front}---\nEdit {number}.\n\n{body}"
        elif number % 5 == 1:
            text = f"{text}\n\n## More\n\nEdit {number}.\n"
        elif number % 5 == 2:
            file.unlink()
            continue
        elif number % 5 == 3:
            text = f"{head}---\n{front.replace('audience:', 'category:')}audience: agent\n---\n{body}"
        else:
            text = f"{head}---\n{front.replace('status:', 'category:')}status: draft\n---\n{body}"
        file.write_text(text, "utf-8")


def test_two_hundred_answers_come_out_the_same_after_fifty_edits_and_reindexes_by_another_splitter_and_model(
    sample_copy: Path,
    bundled_embedder: Embedder,
    remembering: Remembering,
    tiny_model: Path,
    tiny_embedder: Embedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths, settings = Paths(sample_copy), load_settings(sample_copy, {"min_confidence": "0.0"}, {})
    kb = KnowledgeBase(paths, settings, embedder=remembering)
    with closing(Journal(paths, settings)) as journal:
        told = list(answered(kb, journal))
    assert len(told) >= 200
    assert {answer.language for answer in told} >= {"zh", "zh-Hant", "en"}
    edit(sample_copy, 50)
    with writer_lock(paths):
        writer = Writer(paths, settings, embedder=bundled_embedder)
        assert writer.reindex(silent).changed >= 30
        writer.close()
        monkeypatch.setattr(preparation, "SPLITTER", preparation.SPLITTER + 1)
        monkeypatch.setattr(preparation, "BUDGET", 100)
        writer = Writer(paths, tiny_settings(tiny_model), embedder=tiny_embedder)
        assert writer.reindex(silent, full=True, force=True).passages > 500
        writer.close()
    replayed = [replay_answer(paths, settings, answer.answer_id) for answer in told]
    assert [found.trouble for found in replayed if not found.reproduced] == []
    changed = [found for found in replayed if found.since.revision != found.answer["revision"]]
    assert len(changed) > 50
    assert {found.since.status for found in replayed} >= {"published", "retired", "draft"}
    assert {found.since.generation for found in replayed} != {found.answer["generation"] for found in replayed}


@pytest.fixture
def told(two: Centre) -> Answer:
    """The one answer of a home with two articles."""
    settings = tiny_settings(Path(two.settings.model), min_confidence=0.0)
    kb = KnowledgeBase(two.paths, settings, embedder=two.embedder)
    return recording.answer_alone(kb, two.paths, Ask("When are refunds?"))


def change(two: Centre, statement: str) -> None:
    with closing(sqlite3.connect(two.paths.journal)) as db, db:
        assert db.execute(statement).rowcount == 1


@pytest.mark.parametrize(
    ("statement", "trouble"),
    [
        ("UPDATE answers SET told = replace(told, 'five days', 'nine days')", "citation 1 quotes what does not stand"),
        ("UPDATE answers SET told = json_set(told, '$.text', 'Refunds')", "the text is another"),
        ("UPDATE answers SET told = json_set(told, '$.citations[0].title', 'Other')", "the citations are others"),
        ("UPDATE answers SET basis = json_set(basis, '$.revision', 7)", "revision 7 is not in the store"),
        ("UPDATE layouts SET passages = json_set(passages, '$[0].end', 999)", "no span"),
    ],
)
def test_an_answer_that_does_not_come_out_the_same_is_told_with_what_differs(
    two: Centre, told: Answer, statement: str, trouble: str
) -> None:
    assert replay_answer(two.paths, two.settings, told.answer_id).reproduced is True
    change(two, statement)
    found = replay_answer(two.paths, two.settings, told.answer_id)
    assert found.reproduced is False
    assert trouble in (found.trouble or "")
    runner = CliRunner()
    arguments = ["--home", str(two.home), "--model", two.settings.model, "replay", told.answer_id]
    shown = runner.invoke(main, arguments)
    assert shown.exit_code == 1
    assert "reproduced: false" in shown.output


def test_the_shell_shows_an_answer_and_what_changed_since(two: Centre, told: Answer) -> None:
    two.article("refund.md", "---\nlanguage: en\n---\n# Refunds\n\nRefunds take nine days.\n")
    two.reindex()
    arguments = ["--home", str(two.home), "--model", two.settings.model, "replay", told.answer_id]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 0
    assert told.text in shown.output
    assert "refund: revision then 1, now 2 (published)" in shown.output
    assert "reproduced: true" in shown.output
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).output)
    assert found["reproduced"] is True
    assert found["answer"]["told"]["text"] == told.text
    assert found["since"]["revision"] == 2


def test_an_answer_from_a_ticket_comes_out_the_same_after_another_import(centre: Centre, tmp_path: Path) -> None:
    file = tmp_path / "tickets.jsonl"
    ticket = {
        "kind": "ticket", "id": "T-1", "subject": "Kettle leaks", "status": "solved",
        "messages": [
            {"author": "customer", "text": "My kettle leaks.", "at": "2026-10-01T09:00:00Z"},
            {"author": "agent", "text": "Turn the seal over. It leaks no more.", "at": "2026-10-01T10:00:00Z"},
        ],
        "resolution": "Turn the seal over. It leaks no more.", "closed_at": "2026-10-02T10:00:00Z",
    }  # fmt: skip
    file.write_text(json.dumps(ticket), "utf-8")
    assert centre.import_(file).added == 1
    settings = tiny_settings(Path(centre.settings.model), min_confidence=0.0)
    kb = KnowledgeBase(centre.paths, settings, embedder=centre.embedder)
    answer = recording.answer_alone(kb, centre.paths, Ask("kettle leaks", (), AUDIENCES[1]))
    assert [citation.url for citation in answer.citations] == [None] * len(answer.citations) != []
    file.write_text(json.dumps(ticket | {"resolution": "Buy another kettle."}), "utf-8")
    assert centre.import_(file).changed == 1
    found = replay_answer(centre.paths, settings, answer.answer_id)
    assert (found.reproduced, found.since.revision) == (True, 2)


def test_a_refusal_has_nothing_to_reproduce(two: Centre) -> None:
    settings = tiny_settings(Path(two.settings.model), min_confidence=1.0)
    kb = KnowledgeBase(two.paths, settings, embedder=two.embedder)
    refused = recording.answer_alone(kb, two.paths, Ask("What is the weather?"))
    found = replay_answer(two.paths, settings, refused.answer_id)
    assert (refused.outcome, found.reproduced, found.answer["reason"]) == ("abstained", None, refused.reason)
    assert found.since.threshold == 1.0


def test_an_unknown_answer_is_said_to_be_unknown(two: Centre, told: Answer) -> None:
    with pytest.raises(UsageError, match="no such answer"):
        replay_answer(two.paths, two.settings, "0" * 32)


def test_the_same_basis_gives_the_same_answer_twice(two: Centre) -> None:
    settings = tiny_settings(Path(two.settings.model), min_confidence=0.0)
    kb = KnowledgeBase(two.paths, settings, embedder=two.embedder)
    account = kb.answered(Ask("When are refunds?"))
    assert account.basis is not None
    document = kb.reader.document(account.basis.document_id, account.basis.revision)
    made = compose(document, account.basis)
    assert (made.text, made.citations) == (account.answer.text, account.answer.citations)

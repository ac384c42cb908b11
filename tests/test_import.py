"""Claims about imports and exports: what goes in, what is refused, and what comes out again."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Centre, Shell, found

from kb.config import Paths
from kb.errors import InputError, UsageError
from kb.exporting import export_articles
from kb.model import Article
from kb.search.embedding import Embedder
from kb.store import database, documents


def article(id_: str, body: str = "It is blue.", **keys: object) -> dict[str, object]:
    return {"kind": "article", "id": id_, "title": id_.title(), "language": "en", "body": body} | keys


def ticket(id_: str, status: str = "solved", **keys: object) -> dict[str, object]:
    messages = [{"author": "customer", "text": "The drum is loud. My mail is zw@mail.example."}]
    record = {"kind": "ticket", "id": id_, "subject": "Loud drum", "status": status, "messages": messages}
    return record | {"language": "en", "resolution": "Level the feet."} | keys


@pytest.fixture
def export(tmp_path: Path) -> Any:
    """Writes records as JSON Lines: one file a name."""

    def write(*records: object, name: str = "desk.jsonl") -> Path:
        file = tmp_path / name
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return file

    return write


def sources(centre: Centre) -> dict[str, tuple[str, str, str]]:
    return {row[0]: row[1:] for row in centre.rows("SELECT id, kind, source, status FROM documents")}


def test_articles_go_to_their_audience_and_resolved_tickets_to_agents(centre: Centre, export: Any) -> None:
    summary = centre.import_(export(article("colour"), article("margin", audience="agent"), ticket("T-1")))
    assert (summary.added, summary.refused, summary.skipped) == (3, 0, 0)
    assert summary.embedded == 3
    kb = centre.open()
    assert set(found(kb)) == {"colour"}
    assert set(found(kb, "agent")) == {"colour", "margin", "T-1"}
    assert found(kb, "agent")["T-1"].endswith("Level the feet.")


def test_a_tickets_personal_data_is_counted_and_not_stored(centre: Centre, export: Any) -> None:
    summary = centre.import_(export(ticket("T-1")))
    assert sum(summary.redacted.values()) == 1
    assert b"zw@mail" not in b"".join(file.read_bytes() for file in centre.paths.database.parent.iterdir())
    assert centre.rows("SELECT count(*) FROM revisions WHERE content LIKE '%drum is loud%'") == [(1,)]


def test_unresolved_tickets_are_skipped_and_counted_without_being_refused(centre: Centre, export: Any) -> None:
    file = export(ticket("T-1"), ticket("T-2", "open"), ticket("T-3", "closed", resolution=""))
    summary = centre.import_(file)
    assert (summary.added, summary.skipped, summary.refused, summary.problems) == (1, 2, 0, ())
    assert set(sources(centre)) == {"T-1"}


def test_the_source_is_the_files_stem_unless_it_is_named(centre: Centre, export: Any) -> None:
    centre.import_(export(article("a"), name="old-help-centre.jsonl"))
    centre.import_(export(article("b"), name="x.jsonl"), source="crm")
    assert sources(centre) == {
        "a": ("article", "old-help-centre", "published"),
        "b": ("article", "crm", "published"),
    }


@pytest.mark.parametrize("name", ["articles/", "a/b", "x" * 201])
def test_a_source_cannot_be_named_like_the_folder_of_articles(centre: Centre, export: Any, name: str) -> None:
    with pytest.raises(UsageError, match="without a slash"):
        centre.import_(export(article("a")), source=name)


def test_an_id_of_another_source_is_refused_and_its_owner_stays(centre: Centre, export: Any) -> None:
    centre.article("filed.md", "---\nlanguage: en\n---\n# Filed\n\nFrom a file.\n")
    centre.reindex()
    centre.import_(export(article("colour"), name="first.jsonl"))
    second = export(article("colour", "It is red."), article("filed", "No."), article("new"), name="second.jsonl")
    summary = centre.import_(second)
    assert (summary.added, summary.refused) == (1, 2)
    assert summary.problems == (
        f"{second}:1: id: 'colour' belongs to 'first': choose another id, or retire that one",
        f"{second}:2: id: 'filed' belongs to 'articles/': choose another id, or retire that one",
    )
    assert found(centre.open()) == {"colour": "It is blue.", "filed": "From a file.", "new": "It is blue."}


def test_a_file_with_an_imported_id_is_refused_at_every_reindex_until_the_id_is_free(
    centre: Centre, export: Any
) -> None:
    centre.import_(export(article("colour"), article("other")))
    centre.article("colour.md", "---\nlanguage: en\n---\n# Colour\n\nIt is green.\n")
    for _ in range(2):
        summary = centre.reindex()
        assert summary.refused == 1
        assert summary.problems[0].startswith("colour.md: id: 'colour' belongs to 'desk'")
    assert found(centre.open())["colour"] == "It is blue."
    assert centre.import_(export(article("other")), prune=True).removed == 1
    assert centre.reindex().refused == 0
    assert found(centre.open())["colour"] == "It is green."


def test_a_later_import_of_an_id_replaces_it_and_the_same_one_changes_nothing(centre: Centre, export: Any) -> None:
    centre.import_(export(article("colour"), ticket("T-1")))
    again = centre.import_(export(article("colour"), ticket("T-1")))
    assert (again.added, again.changed, again.unchanged, again.embedded) == (0, 0, 2, 0)
    changed = centre.import_(export(article("colour", "It is red."), ticket("T-1", resolution="Replace the drum.")))
    assert (changed.added, changed.changed, changed.embedded) == (0, 2, 2)
    texts = found(centre.open(), "agent")
    assert texts["colour"] == "It is red."
    assert texts["T-1"].endswith("Replace the drum.")
    assert centre.rows("SELECT document_id, count(*) FROM revisions GROUP BY 1 ORDER BY 1") == [
        ("T-1", 2),
        ("colour", 2),
    ]


def test_an_id_that_stands_twice_in_one_import_is_refused_the_second_time(centre: Centre, export: Any) -> None:
    file = export(article("colour"), article("colour", "It is red."), ticket("T-1"), ticket("T-1", "open"))
    for _ in range(2):
        summary = centre.import_(file)
        assert summary.refused == 2
        assert summary.problems[0].startswith(f"{file}:2: id: 'colour' stands already at {file}:1: ")
        assert summary.problems[1].startswith(f"{file}:4: id: 'T-1' stands already at {file}:3: ")
        assert found(centre.open(), "agent")["colour"] == "It is blue."
        assert sources(centre)["T-1"] == ("ticket", "desk", "published")


def test_without_prune_what_a_file_no_longer_holds_stays(centre: Centre, export: Any) -> None:
    centre.import_(export(article("a"), article("b")))
    assert centre.import_(export(article("a"))).removed == 0
    assert set(found(centre.open())) == {"a", "b"}


def test_prune_removes_what_the_source_no_longer_holds_and_nothing_of_others(centre: Centre, export: Any) -> None:
    centre.article("filed.md", "---\nlanguage: en\n---\n# Filed\n\nFrom a file.\n")
    centre.reindex()
    centre.import_(export(article("other"), name="other.jsonl"))
    centre.import_(export(article("a"), article("b"), ticket("T-1")))
    summary = centre.import_(export(article("a")), prune=True)
    assert (summary.removed, summary.unchanged) == (2, 1)
    assert set(found(centre.open(), "agent")) == {"filed", "other", "a"}
    assert sources(centre)["b"] == ("article", "desk", "retired")


def test_nothing_is_pruned_when_a_record_was_refused(centre: Centre, export: Any) -> None:
    centre.import_(export(article("a"), article("b")))
    summary = centre.import_(export(article("a"), article("b", status="gone")), prune=True)
    assert (summary.removed, summary.refused) == (0, 1)
    assert "nothing was pruned" in summary.problems[-1]
    assert set(found(centre.open())) == {"a", "b"}


def test_a_skipped_ticket_is_not_pruned_as_missing_but_retired_as_reopened(centre: Centre, export: Any) -> None:
    centre.import_(export(ticket("T-1"), ticket("T-2")))
    reopened = centre.import_(export(ticket("T-1", "open"), ticket("T-2")))
    assert (reopened.removed, reopened.skipped) == (1, 1)
    assert set(found(centre.open(), "agent")) == {"T-2"}
    assert sources(centre)["T-1"] == ("ticket", "desk", "retired")
    solved = centre.import_(export(ticket("T-1"), ticket("T-2")))
    assert (solved.added, solved.embedded) == (1, 0)
    assert set(found(centre.open(), "agent")) == {"T-1", "T-2"}


def test_another_sources_open_ticket_of_the_same_id_retires_nothing(centre: Centre, export: Any) -> None:
    first = export(ticket("T-1"), name="first.jsonl")
    centre.import_(first)
    second = export(ticket("T-1", "open"), ticket("T-9"), name="second.jsonl")
    assert centre.import_(second).removed == 0
    assert set(found(centre.open(), "agent")) == {"T-1", "T-9"}


def test_a_ticket_is_found_for_its_months_after_closing_and_no_longer(centre: Centre, export: Any) -> None:
    centre.import_(export(ticket("T-1", closed_at="2020-01-01"), ticket("T-2", closed_at="2099-01-01")))
    assert set(found(centre.open(), "agent")) == {"T-2"}


def test_reindex_leaves_imported_articles_alone(centre: Centre, export: Any) -> None:
    centre.import_(export(article("a")))
    summary = centre.reindex(full=True)
    assert (summary.removed, summary.embedded) == (0, 0)
    assert set(found(centre.open())) == {"a"}


def test_a_file_that_cannot_be_read_is_named_and_changes_nothing(centre: Centre, export: Any, tmp_path: Path) -> None:
    centre.import_(export(article("a")))
    with pytest.raises(InputError, match=r"gone\.jsonl: cannot be read: No such file"):
        centre.import_(export(article("b")), tmp_path / "gone.jsonl", prune=True)
    assert set(sources(centre)) == {"a"}


def articles_of(paths: Paths) -> dict[str, Article]:
    db = database.open_for_reading(paths.database)
    held = {document.id: document for _, document in documents.current(db) if isinstance(document, Article)}
    db.close()
    return held


def test_exported_articles_reindex_in_a_fresh_home_to_the_same_articles(
    centre: Centre, export: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Embedder, "passages", lambda self, texts: np.zeros((len(texts), 32), np.float32)
    )  # not searched
    shutil.copytree(ROOT / "articles", centre.paths.articles, dirs_exist_ok=True)
    every_key = article(
        "all/keys: 1", "# A\n\n::: agent\nOnly agents.\n:::\n\nAll.\n", audience=["public", "vip"], status="draft",
        valid_from="2026-01-01", valid_to="2026-12-31", review_by="2027-01-01T10:00+08:00", owner="Ann: B", tags=["#1"],
        urgent=True, questions=["Why?"], not_questions=["no: really"], answer="Yes.\nNo.", product="- x",
        category="null", actions=[{"label": "Go", "link": "/go"}], applies_to={"plan": "007"}, translation_of="x",
    )  # fmt: skip
    assert centre.import_(export(every_key, article("plain", "--- \nlooks like front matter\n---\n"))).problems == ()
    assert centre.reindex().refused == 0
    fresh = Centre(tmp_path / "fresh", centre.settings, centre.embedder)
    written = export_articles(centre.paths, fresh.paths.articles)
    before = {id_: held for id_, held in articles_of(centre.paths).items() if held.status != "retired"}
    assert written == len(before) > 80
    summary = fresh.reindex()
    assert (summary.refused, summary.added, summary.problems) == (0, written, ())
    after = articles_of(fresh.paths)
    assert before.keys() == after.keys()
    for id_, held in before.items():
        assert asdict(after[id_]) == asdict(held)


@pytest.mark.parametrize("id_", ["README", ".hidden", "a/.b", "%52EADME", "a.md"])
def test_an_article_with_an_awkward_id_survives_export_and_reindex(
    centre: Centre, export: Any, tmp_path: Path, id_: str
) -> None:
    assert centre.import_(export(article(id_), article("a"), article("a/b"))).refused == 0
    fresh = Centre(tmp_path / "fresh", centre.settings, centre.embedder)
    assert export_articles(centre.paths, fresh.paths.articles) == 3
    assert fresh.reindex().refused == 0
    assert set(articles_of(fresh.paths)) == {id_, "a", "a/b"}


def test_a_retired_article_is_not_exported(centre: Centre, export: Any, tmp_path: Path) -> None:
    centre.import_(export(article("a"), article("b", status="retired")))
    assert export_articles(centre.paths, tmp_path / "out") == 1
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a.md"]


def test_the_shell_imports_the_good_records_and_prints_one_json_document(
    shell: Shell, home: Path, export: Any, centre: Centre
) -> None:
    file = export(article("a"), "{not json", ticket("T-1"), {"kind": "faq"})
    done = shell(home, "import", str(file), "--json", "--prune", environment={"KB_TIMEZONE": "UTC"})
    assert done.returncode == 3, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["added"], summary["refused"], summary["embedded"]) == (2, 2, 2)
    assert any(f"{file}:2: is not JSON" in problem for problem in summary["problems"])
    assert any(f"{file}:4: kind: found 'faq'" in problem for problem in summary["problems"])
    assert "Traceback" not in done.stderr
    assert set(found(centre.open(), "agent")) == {"a", "T-1"}


def test_the_shell_exports_and_says_how_many_articles_it_wrote(
    shell: Shell, centre: Centre, export: Any, tmp_path: Path
) -> None:
    centre.import_(export(article("a/b")))
    done = shell(centre.home, "export", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (0, f"1 articles written to {tmp_path / 'out'}\n")
    assert "It is blue." in (tmp_path / "out" / "a" / "b.md").read_text("utf-8")


def test_importing_without_a_file_is_wrong_usage(shell: Shell, home: Path) -> None:
    assert shell(home, "import").returncode == 2

"""Claims about reindexing: what changes, what does not, and what a reader sees meanwhile."""

from __future__ import annotations

import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import DELIVERY, REFUND, ROOT, SAMPLE, Centre, found, plain, write_article

from kb.errors import IndexMismatch, IndexMissing
from kb.evaluation.golden import read_golden
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search import generation
from kb.search.catalogue import Scope
from kb.search.embedding import Embedder
from kb.search.fields import PUBLIC_LANE
from kb.search.keywords import Keywords, Lane


def with_keys(**keys: object) -> str:
    """A small article with these keys in its front matter."""
    lines = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return f"---\nlanguage: en\n{lines}---\n# Secret\n\nThe secret is out.\n"


class Killed(BaseException):
    """Ends a write where a kill would."""


def killed(*_: object, **__: object) -> None:
    raise Killed


def changes(centre: Centre) -> int:
    return int(centre.rows("SELECT max(seq) FROM changes")[0][0])


def revisions(centre: Centre, document_id: str) -> list[int]:
    query = "SELECT revision FROM revisions WHERE document_id = ? ORDER BY revision"
    return [row[0] for row in centre.rows(query, document_id)]


def status(centre: Centre, document_id: str) -> str:
    return str(centre.rows("SELECT status FROM documents WHERE id = ?", document_id)[0][0])


def test_a_second_run_embeds_nothing_and_makes_no_change(two: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Embedder, "passages", killed)
    before = changes(two)
    manifest = (two.paths.index / "manifest.json").read_bytes()
    summary = two.reindex()
    assert (summary.unchanged, summary.added, summary.changed, summary.removed, summary.embedded) == (2, 0, 0, 0, 0)
    assert changes(two) == before
    assert (two.paths.index / "manifest.json").read_bytes() == manifest


def test_a_touched_file_with_the_same_words_makes_no_change(two: Centre) -> None:
    before = changes(two)
    two.article("refund.md", REFUND.replace("language: en", "status: published\nlanguage: en"))
    assert two.reindex().unchanged == 2
    assert changes(two) == before


def test_an_edit_embeds_only_the_passage_it_changed_and_replaces_its_text(two: Centre) -> None:
    assert two.rows("SELECT count(*) FROM vectors") == [(3,)]
    two.article("refund.md", REFUND.replace("five days", "nine weeks"))
    summary = two.reindex()
    assert (summary.changed, summary.unchanged, summary.embedded) == (1, 1, 1)
    kb = two.open()
    texts = found(kb, question="how many days or weeks do refunds take")
    assert "nine weeks" in texts["refund"]
    passages = kb.search(Ask("five days"), 100).hits
    assert not any("five days" in hit.text for hit in passages)
    assert public_lane(kb).search(plain("five"), 10)[0].size == 0
    assert public_lane(kb).search(plain("nine"), 10)[0].size == 1


def public_lane(kb: KnowledgeBase) -> Lane:
    return kb.reader.view.keywords.lanes[PUBLIC_LANE]


def public_scope() -> Scope:
    return Scope(frozenset({"public"}), time.time())


def test_a_deleted_file_is_retired_and_its_return_publishes_it_again(two: Centre) -> None:
    (two.home / "articles" / "refund.md").unlink()
    assert two.reindex().removed == 1
    assert set(found(two.open())) == {"delivery"}
    assert status(two, "refund") == "retired"
    assert revisions(two, "refund") == [1, 2]
    content = two.rows("SELECT content FROM revisions WHERE document_id = 'refund' AND revision = 2")[0][0]
    assert '"status":"retired"' in content
    assert "Refunds take five days." in content
    assert two.reindex().removed == 0
    two.article("refund.md", REFUND)
    summary = two.reindex()
    assert (summary.added, summary.embedded) == (1, 0)
    assert set(found(two.open())) == {"delivery", "refund"}
    assert (status(two, "refund"), revisions(two, "refund")) == ("published", [1, 2, 3])


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_a_draft_or_retired_article_is_found_by_nobody(two: Centre, state: str) -> None:
    two.article("secret.md", with_keys(status=state))
    two.article("delivery.md", DELIVERY.replace("language: en", f"language: en\nstatus: {state}"))
    assert two.reindex().refused == 0
    kb = two.open()
    assert set(found(kb, "agent", question="secret van")) == {"refund"}
    answer = kb.answer(Ask("The secret is out", audiences=frozenset({"public", "agent"})))
    assert {citation.document_id for citation in answer.citations} <= {"refund"}
    assert status(two, "secret") == state


def test_a_file_that_gets_another_id_takes_its_article_with_it_at_once(two: Centre) -> None:
    two.article("delivery.md", DELIVERY.replace("language: en", "language: en\nid: shipping"))
    summary = two.reindex()
    assert (summary.added, summary.removed) == (1, 1)
    assert set(found(two.open())) == {"refund", "shipping"}


def test_a_renamed_file_that_keeps_its_id_stays_one_article(centre: Centre) -> None:
    centre.article("a.md", with_keys(id="secret"))
    centre.reindex()
    (centre.home / "articles" / "a.md").rename(centre.home / "articles" / "b.md")
    summary = centre.reindex()
    assert (summary.added, summary.changed, summary.removed, summary.embedded) == (0, 0, 0, 0)
    assert revisions(centre, "secret") == [1]
    assert set(found(centre.open())) == {"secret"}


def test_validity_is_judged_when_the_question_is_asked(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    centre.article("secret.md", with_keys(valid_from="2030-01-01T10:00Z", valid_to="2030-01-02"))
    centre.reindex()
    kb = centre.open()

    def visible_at(moment: datetime) -> bool:
        clock = SimpleNamespace(time=moment.timestamp, perf_counter=time.perf_counter)
        monkeypatch.setattr("kb.questions.time", clock)
        return "secret" in found(kb, question="secret")

    assert not visible_at(datetime(2030, 1, 1, 9, 59, 59, 999_000, tzinfo=UTC))
    assert visible_at(datetime(2030, 1, 1, 10, tzinfo=UTC))
    assert visible_at(datetime(2030, 1, 2, 23, 59, 59, 999_000, tzinfo=UTC))
    assert not visible_at(datetime(2030, 1, 3, tzinfo=UTC))


def test_the_keyword_list_judges_validity_as_the_vector_list_does(centre: Centre) -> None:
    centre.article("secret.md", with_keys(valid_from="2030-01-01T10:00Z", valid_to="2030-01-02"))
    centre.reindex()
    view, seen = centre.open().reader.view, []
    for moment in ("2030-01-01T09:59:59.999", "2030-01-01T10:00", "2030-01-02T23:59:59.999", "2030-01-03"):
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
        scope = Scope(frozenset({"public"}), now)
        found, _ = view._keyword_list(plain("secret"), scope, "article", view.selected(scope, "article"))
        seen.append(len(found))
    assert seen == [0, 1, 1, 0]


def test_a_narrowed_article_is_hidden_from_the_public_before_its_keyword_commit(
    two: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    kb = two.open()
    assert set(found(kb)) == {"refund", "delivery"}
    two.article("refund.md", REFUND.replace("language: en", "language: en\naudience: agent"))
    with monkeypatch.context() as broken:
        broken.setattr(Keywords, "commit", killed)
        with pytest.raises(Killed):
            two.reindex()
    before = kb.reader.view.change
    view = kb.reader.refresh()
    assert view.change == before, "the keyword list must lag behind, or this test shows nothing"
    assert len(view.hidden) == 2
    assert set(found(kb, question="refunds five days same card")) == {"delivery"}
    assert set(found(two.open())) == {"delivery"}
    two.reindex()
    kb.reader.refresh()
    assert set(found(kb)) == {"delivery"}
    assert set(found(kb, "agent")) == {"refund", "delivery"}


def test_many_edits_make_a_new_generation_and_a_reader_follows(two: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    kb = two.open()
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    assert two.reindex().generation == 1
    monkeypatch.setattr("kb.indexing._SMALL_DELTA", 1)
    two.article("refund.md", REFUND.replace("five", "six"))
    assert two.reindex().generation == 2
    assert kb.reader.refresh().manifest.generation == 2
    assert found(kb, question="which day does the van come")["delivery"] == "A van comes on Friday."
    assert len(kb.reader.view.vectors.delta) == 0


def test_only_the_live_generation_and_the_one_before_stay_on_disk(two: Centre) -> None:
    for _ in range(3):
        last = two.reindex(full=True).generation
    folders = sorted(folder.name for folder in (two.paths.index / "generations").iterdir())
    assert folders == [f"{last - 1:06d}", f"{last:06d}"]


@pytest.fixture(scope="module")
def real_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample articles in a home of their own."""
    home = tmp_path_factory.mktemp("content") / "home"
    shutil.copytree(ROOT / "articles", home / "articles")
    return home


def test_a_deleted_index_made_anew_gives_the_same_results_and_embeds_nothing(
    real_content: Path, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Centre(real_content, centre.settings, centre.embedder)
    assert whole.reindex().refused == 0
    assert whole.import_(SAMPLE / "tickets.jsonl").added > 0
    questions = [question.question for question in read_golden(SAMPLE / "golden.jsonl")]
    asked = questions[:: max(1, len(questions) // 30)][:30]
    assert len(asked) == 30
    edited = lanes(whole.open(), asked)
    monkeypatch.setattr(Embedder, "passages", killed)
    made = []
    for _ in range(2):
        shutil.rmtree(whole.paths.index)
        with pytest.raises(IndexMissing, match="kb reindex"):
            whole.open()
        assert whole.reindex().embedded == 0
        made.append(lanes(whole.open(), asked))
    assert made[0] == made[1]
    for old, new in zip(edited, made[0], strict=True):
        assert old[0][0] == new[0][0]
        # tantivy estimates the passages' mean length once segments were committed to: BM25 moves in the
        # fifth digit, and what is fused of it by some hundredths.
        assert [score for _, score in old] == pytest.approx([score for _, score in new], abs=0.02)


def lanes(kb: KnowledgeBase, questions: list[str]) -> list[list[tuple[int, float]]]:
    """Row ids and scores of both lanes of every question."""
    found = []
    for question in questions:
        result = kb.search(Ask(question, audiences=frozenset({"public", "agent"})), 10)
        assert result.hits
        assert result.tickets
        found.append([(hit.passage_id, hit.score) for hit in (*result.hits, *result.tickets)])
    return found


def test_a_deleted_database_beside_a_kept_index_is_noticed(two: Centre) -> None:
    shutil.rmtree(two.paths.database.parent)
    with pytest.raises(IndexMissing, match=r"kb\.sqlite does not exist yet: run `kb reindex`"):
        two.open()
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    summary = two.reindex()
    assert (summary.added, summary.embedded) == (2, 3)
    assert found(two.open())["delivery"] == "A van comes on Friday."


def test_an_index_of_another_database_is_not_searched(two: Centre, tmp_path: Path) -> None:
    other = Centre(tmp_path / "other", two.settings, two.embedder)
    write_article(other.home, "refund.md", REFUND)
    other.reindex()
    shutil.rmtree(two.paths.index)
    shutil.copytree(other.paths.index, two.paths.index)
    with pytest.raises(IndexMismatch, match=r"another data/kb\.sqlite"):
        two.open()
    assert two.reindex().embedded == 0
    assert set(found(two.open())) == {"refund", "delivery"}


def test_every_revision_is_kept_under_its_documents_own_number(two: Centre) -> None:
    for number in range(2, 6):
        two.article("refund.md", REFUND.replace("five", f"{number * 10}"))
        two.reindex()
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    two.reindex(full=True)
    two.reindex(full=True)
    assert revisions(two, "refund") == [1, 2, 3, 4, 5]
    assert revisions(two, "delivery") == [1, 2]
    contents = two.rows("SELECT content FROM revisions WHERE document_id = 'refund' ORDER BY revision")
    for (content,), days in zip(contents, ("five", "20", "30", "40", "50"), strict=True):
        assert f"Refunds take {days} days." in content
    hits = {hit.document_id: hit.revision for hit in two.open().search(Ask("refunds"), 5).hits}
    assert hits == {"refund": 5, "delivery": 2}


def all_texts(kb: KnowledgeBase) -> set[str]:
    """Every passage that the public may find, by either list."""
    view = kb.reader.view
    rows = view.catalogue.ids[view.allowed(public_scope(), "article")]
    return {passage.text for passage in kb.reader.fetch([int(row) for row in rows]).values()}


def test_a_crash_before_the_keyword_commit_leaves_the_old_whole_and_reindex_repairs(
    two: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    kb = two.open()
    old = {"Refunds take five days.", "To the same card.", "A van comes on Tuesday."}
    two.article("refund.md", REFUND.replace("five days", "nine weeks").replace("same card", "old account"))
    two.article("new.md", with_keys())
    with monkeypatch.context() as broken:
        broken.setattr(Keywords, "commit", killed)
        with pytest.raises(Killed):
            two.reindex()
    kb.reader.refresh()
    for reader in (kb, two.open()):
        assert all_texts(reader) == old
        assert set(found(reader)) == {"refund", "delivery"}
    summary = two.reindex()
    assert (summary.added, summary.changed, summary.embedded) == (0, 0, 0)
    kb.reader.refresh()
    new = {"Refunds take nine weeks.", "To the old account.", "A van comes on Tuesday.", "The secret is out."}
    for reader in (kb, two.open()):
        assert all_texts(reader) == new
        assert set(found(reader)) == {"refund", "delivery", "new"}


def test_a_crash_while_a_generation_is_built_leaves_the_live_one(two: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    kb = two.open()
    two.article("new.md", with_keys())
    with monkeypatch.context() as broken:
        broken.setattr("kb.search.succession.publish", killed)
        with pytest.raises(Killed):
            two.reindex(full=True)
    assert kb.reader.refresh().manifest.generation == 1
    for reader in (kb, two.open()):
        assert set(found(reader)) == {"refund", "delivery", "new"}, "an edit waits for no full build"
    summary = two.reindex(full=True)
    assert (summary.embedded, summary.generation) == (0, 3)
    kb.reader.refresh()
    assert set(found(kb)) == {"refund", "delivery", "new"}
    assert sorted(generation.numbers(two.paths.index)) == [1, 3]


def test_a_crash_while_embedding_keeps_the_vectors_already_made(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.preparation._BATCH", 2)
    for number in range(6):
        centre.article(f"{number}.md", with_keys(title=f"Number {'x' * number}"))
    real, batches = Embedder.passages, []

    def third_kills(self: Embedder, texts: list[str], **options: Any) -> Any:
        batches.append(len(texts))
        return killed() if len(batches) == 3 else real(self, texts, **options)

    with monkeypatch.context() as broken:
        broken.setattr(Embedder, "passages", third_kills)
        with pytest.raises(Killed):
            centre.reindex()
    with pytest.raises(IndexMissing):
        centre.open()
    assert centre.reindex().embedded == 2
    assert len(found(centre.open())) == 6


def numbered(name: str, number: int) -> str:
    """An article of three passages that all name one number."""
    sections = "".join(f"\n## {part}\n\n{name} {part} says {number}.\n" for part in ("one", "two", "three"))
    return f"---\nlanguage: en\n---\n# {name}\n{sections}"


def test_a_reader_during_twenty_edits_sees_each_state_whole(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two articles of three passages each are edited together; every look must see six passages of one edit."""
    monkeypatch.setattr("kb.indexing._SMALL_DELTA", 24)  # a new generation at every fifth edit
    monkeypatch.setattr("kb.indexing._DELTA_SHARE", 0.0)

    def edit(number: int) -> None:
        for name in ("alpha", "beta"):
            centre.article(f"{name}.md", numbered(name, number))
        centre.reindex()

    edit(0)
    kb, seen, wrong, done = centre.open(), set(), list[str](), threading.Event()
    kb.warm()

    def watch() -> None:
        try:
            while not done.is_set():
                look(kb, seen.add)
        except Exception as error:  # noqa: BLE001 - whatever it is, the main thread reports it
            wrong.append(repr(error))

    watcher = threading.Thread(target=watch)
    watcher.start()
    generations = set()
    for number in range(1, 21):
        edit(number)
        generations.add(centre.open().reader.view.manifest.generation)
    done.set()
    watcher.join()
    assert wrong == []
    assert len(seen) > 3, "the reader saw too few states to show anything"
    assert len(generations) > 2
    last = set[int]()
    look(kb, last.add)
    assert last == {20}


def look(kb: KnowledgeBase, saw: Callable[[int], None]) -> None:
    view = kb.reader.refresh()
    by_meaning = view.catalogue.ids[view.allowed(public_scope(), "article")]
    by_word = view.keywords.lanes[PUBLIC_LANE].search(plain("alpha", "beta"), 50)[0]
    assert set(by_meaning) == set(by_word), "the two lists must hold the same rows"
    texts = defaultdict(set)
    for passage in kb.reader.fetch([int(row) for row in by_meaning]).values():
        texts[passage.document_id].add((passage.revision, passage.text))
    assert {name: len(passages) for name, passages in texts.items()} == {"alpha": 3, "beta": 3}, texts
    numbers = {text.rpartition(" ")[2] for passages in texts.values() for _, text in passages}
    assert len(numbers) == 1, texts
    saw(int(numbers.pop().strip(".")))
    assert {hit.document_id for hit in kb.search(Ask("alpha beta"), 10).hits} == {"alpha", "beta"}
    assert kb.answer(Ask("what says alpha")).outcome in {"answered", "abstained"}

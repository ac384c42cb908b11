"""Claims about the step from one generation to the next: what is compared, refused, kept and taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import DELIVERY, REFUND, Centre, found, tiny_settings
from test_reindex import Killed, killed, with_keys

from kb.comparison import Sides, rehearse
from kb.errors import IndexCorrupt, IndexMissing, RehearsalFailed
from kb.evaluation.golden import read_golden
from kb.progress import silent
from kb.rehearsal import GOLDEN, MOST_LOST, OWN, Asked, Rehearsal, Trial
from kb.search import generation
from kb.search.embedding import Embedder
from kb.search.vectors import Vectors


def write_golden(centre: Centre, *questions: tuple[str, list[str]], name: str = "golden.jsonl") -> Path:
    lines = [json.dumps({"question": question, "expected": expected}) for question, expected in questions]
    file = centre.home / name
    file.write_text("\n".join(lines), "utf-8")
    return file


def live(centre: Centre) -> int:
    return generation.read_manifest(centre.paths.index).generation


# Going back


def test_a_rollback_makes_the_generation_before_live_again_and_a_second_one_returns(two: Centre) -> None:
    kb = two.open()
    assert two.reindex(full=True).generation == 2
    assert two.roll_back().generation == 1
    assert kb.reader.refresh().manifest.generation == 1
    assert set(found(kb)) == {"refund", "delivery"}
    assert two.roll_back().generation == 2
    assert kb.reader.refresh().manifest.generation == 2
    assert set(found(kb)) == {"refund", "delivery"}


def test_a_rollback_shows_the_edits_made_since_and_embeds_nothing(two: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    two.reindex(full=True)
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    two.article("new.md", with_keys())
    (two.home / "articles" / "refund.md").unlink()
    two.reindex()
    monkeypatch.setattr(Embedder, "passages", killed)
    kb = two.open()
    for number in (1, 2, 1):
        assert two.roll_back().generation == number
        for reader in (kb, two.open()):
            reader.reader.refresh()
            assert found(reader) == {"delivery": "A van comes on Friday.", "new": "The secret is out."}


def test_edits_after_a_rollback_go_into_the_generation_that_is_live_again(two: Centre) -> None:
    two.reindex(full=True)
    two.roll_back()
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    assert two.reindex().generation == 1
    assert found(two.open())["delivery"] == "A van comes on Friday."
    two.roll_back()
    assert found(two.open())["delivery"] == "A van comes on Friday."


def test_what_the_kept_generation_holds_is_not_purged_before_it_goes(two: Centre) -> None:
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    two.reindex()
    removed = "SELECT count(*) FROM passages WHERE text LIKE '%Tuesday%'"
    two.reindex(full=True)
    assert two.rows(removed) == [(1,)]
    two.reindex(full=True)
    assert two.rows(removed) == [(0,)]


def test_without_a_generation_before_there_is_nothing_to_go_back_to(two: Centre) -> None:
    with pytest.raises(IndexMissing, match="generation 1 is the first: there is none before it"):
        two.roll_back()


@pytest.mark.parametrize("damage", ["vectors.faiss", "manifest.json", "keywords"])
def test_a_damaged_generation_is_not_gone_back_to(two: Centre, damage: str) -> None:
    two.reindex(full=True)
    folder = generation.folder(two.paths.index, 1)
    place = folder / damage / "public" / "meta.json" if damage == "keywords" else folder / damage
    place.write_bytes(b"{")
    with pytest.raises(IndexCorrupt):
        two.roll_back()
    assert live(two) == 2
    assert set(found(two.open())) == {"refund", "delivery"}


def test_a_kill_before_the_rename_of_a_rollback_leaves_the_live_one(
    two: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.reindex(full=True)
    two.article("new.md", with_keys())
    two.reindex()
    for place in ("kb.search.keywords.Keywords.commit", "kb.search.succession.publish"):
        with monkeypatch.context() as broken:
            broken.setattr(place, killed)
            with pytest.raises(Killed):
                two.roll_back()
        assert live(two) == 2
        assert set(found(two.open())) == {"refund", "delivery", "new"}
    two.roll_back()
    assert live(two) == 1
    assert set(found(two.open())) == {"refund", "delivery", "new"}


# Rehearsals


def test_the_first_generation_has_nothing_to_be_compared_with(centre: Centre) -> None:
    centre.article("refund.md", REFUND)
    assert centre.reindex().rehearsal is None


def test_a_few_edits_build_and_compare_nothing(two: Centre) -> None:
    two.article("delivery.md", DELIVERY.replace("Tuesday", "Friday"))
    assert two.reindex().rehearsal is None


def test_a_rebuilt_generation_of_the_same_content_answers_all_alike(two: Centre) -> None:
    two.article("delivery.md", DELIVERY.replace("language: en", "language: en\nquestions: [When does the van come?]"))
    write_golden(two, ("five days", ["refund"]), ("the van on Tuesday", ["delivery"]), ("who is the king", []))
    rehearsal = two.reindex(full=True).rehearsal
    assert rehearsal is not None
    assert (rehearsal.live, rehearsal.new, rehearsal.same_content) == (1, 2, True)
    assert rehearsal.exact_recall_at_10 == 1.0
    assert [(trial.name, trial.questions) for trial in rehearsal.trials] == [(GOLDEN, 3), (OWN, 2)]
    for trial in rehearsal.trials:
        assert (trial.overlap_at_10, trial.changed, trial.refused, trial.answered) == (1.0, 0, 0, 0)
        assert (trial.live.recall_at_1, trial.live.recall_at_5) == (trial.new.recall_at_1, trial.new.recall_at_5)
        assert 0 < trial.new.latency_p50 <= trial.new.latency_p95
    assert rehearsal.objections == ()
    kept = json.loads((generation.folder(two.paths.index, 2) / "rehearsal.json").read_bytes())
    assert kept["trials"][0]["new"]["recall_at_5"] == rehearsal.trials[0].new.recall_at_5


def test_the_recalls_of_a_rehearsal_are_those_that_counting_by_hand_gives(two: Centre) -> None:
    file = write_golden(two, ("five days", ["refund"]), ("van", ["delivery"]), ("five days", ["delivery", "absent"]))
    rehearsal = two.reindex(full=True).rehearsal
    assert rehearsal is not None
    kb, firsts, fives = two.open(), 0, 0
    for golden in read_golden(file):
        documents = list(found(kb, question=golden.question))
        firsts += documents[0] in golden.expected
        fives += not set(documents[:5]).isdisjoint(golden.expected)
    assert rehearsal.trials[0].new.recall_at_1 == round(firsts / 3, 4)
    assert rehearsal.trials[0].new.recall_at_5 == round(fives / 3, 4) == 1.0


def test_without_golden_questions_the_rehearsal_says_so_and_asks_its_own(two: Centre) -> None:
    rehearsal = two.reindex(full=True).rehearsal
    assert rehearsal is not None
    assert [trial.name for trial in rehearsal.trials] == [OWN]
    assert rehearsal.notes == ("there are no golden questions: name a file in the setting `golden`",)


def test_a_malformed_golden_file_is_told_and_holds_nothing_back(two: Centre) -> None:
    (two.home / "golden.jsonl").write_text("{", "utf-8")
    summary = two.reindex(full=True)
    assert summary.generation == 2
    assert summary.rehearsal is not None
    assert "golden.jsonl:1: found text that is not JSON" in summary.rehearsal.notes[0]


def test_the_setting_names_the_golden_files(two: Centre, tiny_model: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write_golden(two, ("five days", ["refund"]), name=name)
    other = Centre(two.home, tiny_settings(tiny_model, golden=("a.jsonl", "b.jsonl")), two.embedder)
    rehearsal = other.reindex(full=True).rehearsal
    assert rehearsal is not None
    assert (rehearsal.trials[0].name, rehearsal.trials[0].questions) == (GOLDEN, 2)


def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the keyword list and the vectors of what is built are of other texts than the passages."""
    real = generation.build

    def build(index: Path, rows: Any, pieces: Any, declaring: Any, **keys: Any) -> Any:
        turned = [np.concatenate(list(pieces))[::-1]]
        return real(index, [(row, "nothing") for row, _ in rows], turned, declaring, **keys)

    monkeypatch.setattr(generation, "build", build)


def many(centre: Centre) -> None:
    """Twelve articles, each with a word of its own, and a golden question for each."""
    names = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu", "hen", "ibex", "jay", "kite", "lark"]
    for name in names:
        centre.article(f"{name}.md", f"---\nlanguage: en\n---\n# {name}\n\nThe {name} eats {name}weed.\n")
    centre.reindex()
    write_golden(centre, *((f"{name}weed", [name]) for name in names))


def test_a_generation_that_answers_worse_is_refused_with_figures_and_the_live_one_stays(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(centre)
    kb = centre.open()
    with monkeypatch.context() as broken:
        forgetful(broken)
        with pytest.raises(RehearsalFailed, match=r"recall@5 of 12 golden .* from 1\.000 to 0\.\d+.*--force"):
            centre.reindex(full=True)
    assert generation.numbers(centre.paths.index) == [1]
    assert kb.reader.refresh().manifest.generation == 1
    assert centre.reindex(full=True).generation == 2


def test_force_publishes_a_generation_that_answers_worse(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    many(centre)
    forgetful(monkeypatch)
    summary = centre.reindex(full=True, force=True)
    assert summary.generation == live(centre) == 2
    assert summary.rehearsal is not None
    assert summary.rehearsal.objections
    assert centre.roll_back().generation == 1
    assert next(iter(found(centre.open(), question="foxweed"))) == "fox"


def test_a_vector_list_that_misses_what_exact_search_finds_is_refused(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(centre)
    real = Vectors.search

    def short_sighted(self: Vectors, query: Any, selected: Any, k: int) -> Any:
        if k == 1:  # the check of what was built, which this is to pass
            return real(self, query, selected, k)
        far = selected.mask.copy()
        far[::2] = False
        return real(self, query, self.select(far), k)

    monkeypatch.setattr(Vectors, "search", short_sighted)
    with pytest.raises(RehearsalFailed, match=r"its vector list finds 0\.\d+ of what exact search finds"):
        centre.reindex(full=True)
    assert live(centre) == 1


def test_exact_recall_is_what_brute_force_over_the_stored_vectors_gives(centre: Centre) -> None:
    many(centre)
    built = generation.read_manifest(centre.paths.index)
    sides = Sides(built, built, centre.embedder, centre.embedder)
    assert rehearse(centre.paths, centre.settings, sides, silent, same_content=True).exact_recall_at_10 == 1.0


def test_content_that_changed_much_is_published_although_golden_answers_went_with_it(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(centre)
    monkeypatch.setattr("kb.indexing._SMALL_DELTA", 0)
    monkeypatch.setattr("kb.indexing._DELTA_SHARE", 0.0)
    forgetful(monkeypatch)  # stands for all that may have been lost with what was edited
    centre.article("new.md", with_keys())
    summary = centre.reindex()
    assert summary.generation == 2
    assert summary.rehearsal is not None
    assert not summary.rehearsal.same_content
    golden = summary.rehearsal.trials[0]
    assert golden.live.recall_at_5 == 1.0
    assert golden.new.recall_at_5 is not None
    assert golden.new.recall_at_5 < 1.0 - MOST_LOST
    assert "new" in found(centre.open())


def test_a_damaged_live_generation_is_replaced_without_a_comparison(two: Centre) -> None:
    (generation.folder(two.paths.index, 1) / "vectors.faiss").write_bytes(b"")
    summary = two.reindex()
    assert summary.generation == 2
    assert summary.rehearsal is not None
    assert not summary.rehearsal.trials
    assert "nothing was compared" in summary.rehearsal.notes[0]
    assert set(found(two.open())) == {"refund", "delivery"}


@pytest.mark.parametrize(("before", "after", "refused"), [(0.9, 0.88, False), (0.9, 0.87, True), (0.9, 0.95, False)])
def test_golden_recall_may_fall_by_two_points_and_no_more(before: float, after: float, refused: bool) -> None:
    trial = Trial(GOLDEN, 100, Asked(0.5, before, 1, 1), Asked(0.5, after, 1, 1), 1.0, 0, 0, 0)
    assert bool(Rehearsal(1, 2, "a", "a", (trial,), 1.0).objections) is refused


def test_a_rehearsal_that_breaks_leaves_the_live_generation_alone(two: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("kb.successor.rehearse", killed)
        with pytest.raises(Killed):
            two.reindex(full=True)
    assert generation.numbers(two.paths.index) == [1]
    assert set(found(two.open())) == {"refund", "delivery"}

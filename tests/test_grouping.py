"""An article and its translations are one result, in the asker's language, and only of what the asker may see."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from conftest import Centre
from sqlite_utils import Database

from kb.knowledge import KnowledgeBase
from kb.model import Article, Passage
from kb.results import Ask, Hit
from kb.search import confidence, view
from kb.search.evidence import Evidence
from kb.search.features import NAMES
from kb.search.grouping import groups, roots
from kb.search.language import FOREIGN, distance
from kb.store import database, documents, passages
from kb.store.documents import DocumentState
from kb.store.migrations import migrations

PUBLIC, AGENT = frozenset({"public"}), frozenset({"public", "agent"})


@pytest.mark.parametrize(
    ("speaks", "nearest_first"),
    [
        ("zh", ["zh", "zh-Hant", "en"]),
        ("zh", ["zh-CN", "zh-TW", "ja"]),
        ("zh-Hant", ["zh-Hant", "zh", "zh-Hans", "en"]),
        ("zh-HK", ["zh-TW", "zh", "zh-CN", "de"]),
        ("en", ["en", "en-GB", "zh"]),
        ("fr", ["fr", "en"]),
    ],
)
def test_an_asker_is_nearest_to_their_own_script_then_to_their_language(speaks: str, nearest_first: list[str]) -> None:
    away = [distance(language, speaks) for language in nearest_first]
    assert away == sorted(away)
    assert (away[0], away[-1]) == (0, FOREIGN)


def _evidence(documents: str, families: str, distances: tuple[int, ...], cosines: tuple[float, ...]) -> Evidence:
    rows, none = tuple(range(len(documents))), np.full(len(documents), np.nan)
    signs = np.zeros((len(documents), len(NAMES)))
    signs[:, NAMES.index("cosine")] = cosines
    exact = np.zeros(len(documents), bool)
    lists = (none, none, signs, signs)
    return Evidence(
        rows,
        rows,
        tuple(map(ord, documents)),
        tuple(documents),
        tuple(map(ord, families)),
        distances,
        exact,
        *lists,
        3,
        0.0,
        False,
    )


def test_a_family_ranks_by_its_best_passage_and_shows_the_askers_language() -> None:
    evidence = _evidence("abac", "ffff", (3, 0, 3, 0), (0.0,) * 4)
    assert [(g.best, g.shown) for g in groups(evidence, [0, 3, 1, 2])] == [(0, 3)]
    apart = _evidence("abcd", "fgfg", (3, 3, 0, 3), (0.0,) * 4)
    assert [(g.best, g.shown) for g in groups(apart, [1, 0, 3, 2])] == [(1, 1), (0, 2)]


def test_a_translation_does_not_compete_with_its_original_for_confidence() -> None:
    evidence = _evidence("abc", "ffg", (0, 3, 0), (0.85, 0.9, 0.8))
    signs = confidence.Comparison(evidence, np.array([2.0, 3.0, 1.0]), [1, 0, 2]).signs(0)
    assert signs["cosine_gap"] == 0.0
    assert signs["cosine_lead"] == pytest.approx(0.05)
    assert signs["margin"] == pytest.approx(2.0)
    assert signs["same"] == 2.0


@pytest.mark.parametrize(
    ("documents", "families", "expected"),
    [
        ("abc", "abc", "abc"),
        ("abc", "acc", "acc"),
        ("abc", "bcc", "ccc"),
        ("ab", "bx", "xx"),
        ("ab", "ba", "aa"),
        ("abc", "bcb", "bbb"),
    ],
)
def test_a_translation_of_a_translation_is_of_the_originals_family(
    documents: str, families: str, expected: str
) -> None:
    assert roots([*map(ord, documents)], [*map(ord, families)]) == tuple(map(ord, expected))


def test_rows_of_the_second_shape_get_the_family_that_their_revision_names(tmp_path: Path) -> None:
    file = tmp_path / "kb.sqlite"
    old = Database(sqlite3.connect(file, isolation_level=None))
    migrations.apply(old, stop_before="0003_families")
    for id_, original in (("en/a", "zh/a"), ("zh/a", None)):
        article = Article(id=id_, title="A", body="text", language="en", translation_of=original)
        with database.transaction(old):
            change = documents.next_change(old)
            documents.record(old, article, DocumentState(id_, "article", "articles/", 1, "published", "h", "1"), change)
            row = passages._row(id_, 1, Passage(0, "text", ("A",), 0, 4, "text", "A\ntext"), _terms(), change)
            old.table("passages").insert(
                {name: value for name, value in row.items() if name not in ("family", "sentences")}
            )
    old.close()
    found = passages.access_between(database.open_for_writing(file), 0, 0, 9)
    assert {access.document_id: access.family for access in found} == {"en/a": "zh/a", "zh/a": "zh/a"}


def _terms() -> passages.Terms:
    return passages.Terms("article", ("public",), ("agent",), None, None, "en", None, (), "")


def _page(language: str, title: str, text: str, **front: str) -> str:
    keys = "".join(f"{key}: {value}\n" for key, value in front.items())
    return f"---\nlanguage: {language}\n{keys}---\n# {title}\n\n{text}\n"


def _hits(kb: KnowledgeBase, question: str, audiences: frozenset[str] = PUBLIC, **how: str) -> list[Hit]:
    return list(kb.search(Ask(question, audiences=audiences, **how)).hits)


@pytest.fixture
def pair(centre: Centre) -> Centre:
    """A kettle in three languages, and a toaster in one."""
    centre.article("kettle.md", _page("en", "Kettle", "The kettle stops when the lid is open."))
    centre.article("zh/k.md", _page("zh", "水壶 kettle", "盖子打开时，水壶会停。", translation_of="kettle"))
    centre.article("hk/k.md", _page("zh-Hant", "水壺 kettle", "蓋子打開時，水壺會停。", translation_of="kettle"))
    centre.article("toaster.md", _page("en", "Toaster", "The toaster has a tray."))
    centre.reindex()
    return centre


def test_a_pair_is_one_result_in_the_askers_language(pair: Centre) -> None:
    kb = pair.open()
    for question, speaks, shown in (
        ("kettle lid", None, "kettle"),
        ("水壶 kettle", None, "zh/k"),
        ("水壺 kettle", None, "hk/k"),
        ("kettle", "zh-Hant", "hk/k"),
        ("kettle", "zh-TW", "hk/k"),
        ("kettle", "zh", "zh/k"),
    ):
        hits = _hits(kb, question, **({"speaks": speaks} if speaks else {}))
        assert [hit.document_id for hit in hits if hit.document_id != "toaster"] == [shown], question
        assert not any(hit.foreign for hit in hits if hit.document_id == shown)
        assert kb.answer(Ask(question, speaks=speaks)).foreign is False
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_what_is_only_in_another_language_is_shown_and_labelled(pair: Centre) -> None:
    kb = pair.open()
    (toaster,) = [hit for hit in _hits(kb, "toaster 在哪里") if hit.document_id == "toaster"]
    assert (toaster.language, toaster.foreign) == ("en", True)


@pytest.mark.parametrize(
    "front", [{"audience": "agent"}, {"status": "draft"}, {"valid_to": "2020-01-01"}, {"valid_from": "2090-01-01"}]
)
def test_a_sibling_that_the_asker_may_not_see_changes_nothing_for_them(centre: Centre, front: dict[str, str]) -> None:
    centre.article("kettle.md", _page("en", "Kettle", "The kettle stops."))
    centre.article("toaster.md", _page("en", "Toaster", "The toaster stops.", translation_of="kettle"))
    before = _shown_after_a_full_reindex(centre, PUBLIC)
    centre.article("zh.md", _page("zh", "水壶 kettle", "水壶会停。", translation_of="kettle", **front))
    after = _shown_after_a_full_reindex(centre, PUBLIC)
    assert [one[:2] for one in before] == [one[:2] for one in after] == [("kettle", True)]
    if not front.keys() & {"valid_from", "valid_to"}:  # a public article's words count before and after it is valid
        assert before == after
    if "audience" in front:
        assert [one[0] for one in _shown_after_a_full_reindex(centre, AGENT)] == ["zh"]


def _shown_after_a_full_reindex(centre: Centre, audiences: frozenset[str]) -> list[tuple[str, bool, float]]:
    centre.reindex(full=True)
    return [(hit.document_id, hit.foreign, hit.confidence) for hit in _hits(centre.open(), "水壶 kettle", audiences)]


def test_a_translation_that_no_list_found_is_fetched_by_its_nearest_passage(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "DEPTH", 1)
    centre.article("kettle.md", _page("en", "Kettle", "The kettle stops.\n\n## Lid\n\nClose the lid."))
    centre.article("zh.md", _page("zh", "水壶", "水壶会停。\n\n## 盖子\n\n请关上 lid 盖子。", translation_of="kettle"))
    centre.article("hidden.md", _page("zh-Hans", "机密", "机密", translation_of="kettle", audience="agent"))
    centre.article("other.md", _page("zh", "kettle lid 在哪", "其他。"))
    centre.reindex()
    kb = centre.open()
    question = kb.question(Ask("kettle lid close 在哪"))
    evidence = question.evidence("article")
    assert evidence is not None
    fetched = np.flatnonzero(np.isnan(evidence.vector_rank) & np.isnan(evidence.keyword_rank) & ~evidence.exact)
    assert [evidence.documents[n] for n in fetched] == ["zh"]
    own = kb.reader.view.catalogue.of_families(kb.reader.view.catalogue.families[list(evidence.places)])
    cosines = {int(p): float(kb.reader.view.vectors.at([p])[0] @ question._vector) for p in map(int, own)}
    zh = {p: c for p, c in cosines.items() if kb.reader.view.catalogue.document(p) == "zh"}
    assert len(zh) == 2
    assert evidence.places[fetched[0]] == max(zh, key=lambda p: zh[p])
    assert evidence.signs[fetched[0], 0] == pytest.approx(max(zh.values()), abs=1e-6)
    shown = [(hit.document_id, hit.foreign) for hit in _hits(kb, "kettle lid close 在哪")]
    assert ("zh", False) in shown
    assert "kettle" not in dict(shown)

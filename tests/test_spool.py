"""Claims about publishing more than should be in memory at once."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Centre, found, write_article

from kb.model import Article
from kb.preparation import Preparation
from kb.spool import Spool

MANY = 60


def held() -> int:
    """How many articles are in memory now."""
    gc.collect()
    return sum(type(value) is Article for value in gc.get_objects())  # isinstance() would wake what imports lazily


@pytest.fixture
def most_held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many articles were in memory as each chunk of four was embedded."""
    counts: list[int] = []
    real = Preparation._embed

    def counting(self: Preparation, *arguments: Any) -> None:
        counts.append(held())
        real(self, *arguments)

    monkeypatch.setattr("kb.preparation._CHUNK", 4)
    monkeypatch.setattr(Preparation, "_embed", counting)
    return counts


def test_an_import_holds_a_chunk_of_its_documents_in_memory_and_becomes_visible_at_once(
    centre: Centre, tmp_path: Path, most_held: list[int]
) -> None:
    before, file = held(), tmp_path / "lamps.jsonl"
    records = [{"kind": "article", "id": f"l{n}", "title": f"L{n}", "body": f"Lamp {n}."} for n in range(MANY)]
    file.write_text("\n".join(map(json.dumps, records)), "utf-8")
    assert centre.import_(file).added == MANY
    assert len(most_held) == MANY / 4
    assert max(most_held) - before < 4 * 4
    assert len(found(centre.open())) > 30
    assert centre.rows("SELECT count(DISTINCT change) FROM revisions") == [(1,)]


def test_a_reindex_holds_a_chunk_of_its_articles_in_memory(centre: Centre, most_held: list[int]) -> None:
    before = held()
    for number in range(MANY):
        write_article(centre.home, f"l{number}.md", f"# Lamp {number}\n\nIt shines.\n")
    assert centre.reindex().added == MANY
    assert max(most_held) - before < 4 * 4
    assert not list(centre.paths.database.parent.glob("tmp*"))


def test_a_spool_gives_what_was_appended_in_order_and_as_often_as_wanted(tmp_path: Path) -> None:
    values = [(number, f"text {number}", ("a", "a", f"b{number}")) for number in range(5)]
    spool = Spool[tuple[int, str, tuple[str, ...]]](tmp_path / "new")
    for value in values:
        spool.append(value)
    assert [*spool] == [*spool] == values
    spool.keep = lambda value: value[0] % 2 == 1
    assert [*spool] == [values[1], values[3]]
    assert not list((tmp_path / "new").iterdir())

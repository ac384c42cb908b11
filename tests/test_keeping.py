"""What wants an editor: translations that lag behind, and dates that come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from conftest import Centre

from kb.editing.due import agenda
from kb.editing.translations import Group, translations


def _article(text: str, **keys: str) -> str:
    front = "".join(f"{key}: {value}\n" for key, value in ({"language": "en"} | keys).items())
    return f"---\n{front}---\n# {text}\n\n{text}\n"


@pytest.fixture(scope="module")
def centre(module_centre: Centre) -> Centre:
    """Two pairs, a translation of nothing, and articles with dates."""
    module_centre.article("zh/refund.md", _article("退款五天", language="zh", owner="li"))
    module_centre.article("en/refund.md", _article("Refunds take five days", translation_of="zh/refund"))
    module_centre.article("zh/van.md", _article("周二送货", language="zh", status="draft"))
    module_centre.article("en/van.md", _article("A van on Tuesday", translation_of="zh/van"))
    module_centre.article("en/alone.md", _article("Alone", translation_of="zh/gone"))
    module_centre.article("a.md", _article("Read it again", review_by="2026-11-01", owner="li"))
    module_centre.article("b.md", _article("It ends", valid_to="2026-12-09", valid_from="2026-01-01"))
    module_centre.article("c.md", _article("It begins", valid_from="2026-12-05", review_by="2027-06-01", owner="wu"))
    module_centre.article("d.md", _article("It has ended", valid_to="2026-11-29"))
    module_centre.article("e.md", _article("Gone", review_by="2026-11-01", status="retired"))
    module_centre.reindex()
    return module_centre


def _groups(centre: Centre) -> dict[str, Group]:
    return {group.original_id: group for group in translations(centre.paths).groups}


def _lagging(centre: Centre) -> set[str]:
    return {one.document_id for group in _groups(centre).values() for one in group.translations if one.lagging}


def _edit(centre: Centre, path: str, old: str, new: str) -> None:
    file = centre.home / "articles" / path
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    assert centre.reindex().changed == 1


def test_originals_and_translations_are_groups_and_say_what_would_be_retired_together(centre: Centre) -> None:
    groups = _groups(centre)
    assert groups.keys() == {"zh/refund", "zh/van", "zh/gone"}
    assert groups["zh/refund"].retires == ("zh/refund", "en/refund")
    assert groups["zh/van"].retires == ("en/van",)  # its original is a draft
    assert groups["zh/gone"].original is None
    assert groups["zh/gone"].retires == ("en/alone",)
    assert (groups["zh/refund"].original and groups["zh/refund"].original.language) == "zh"
    assert _lagging(centre) == set()


def test_a_translation_lags_from_its_originals_edit_until_it_is_edited_itself(centre: Centre) -> None:
    _edit(centre, "zh/refund.md", "owner: li", "owner: wu")
    assert _lagging(centre) == set()  # nobody is told anything else
    _edit(centre, "zh/refund.md", "五天", "七天")
    assert _lagging(centre) == {"en/refund"}
    first = translations(centre.paths).groups[0]
    assert (first.original_id, first.changed_at) == ("zh/refund", first.original and first.original.at)
    _edit(centre, "zh/refund.md", "owner: wu", "owner: li")
    assert _lagging(centre) == {"en/refund"}
    _edit(centre, "en/refund.md", "five", "seven")
    assert _lagging(centre) == set()


NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def _due(centre: Centre, days: float, owner: str | None = None) -> list[tuple[str, str, bool]]:
    return [(one.document_id, one.kind, one.past) for one in agenda(centre.paths, days, owner, now=NOW).due]


def test_what_is_due_comes_with_the_earliest_first(centre: Centre) -> None:
    past = [("a", "review", True), ("d", "ends", True)]
    assert _due(centre, 0) == past
    assert _due(centre, 30) == [*past, ("c", "begins", False), ("b", "ends", False)]
    assert _due(centre, 300)[-1] == ("c", "review", False)
    assert _due(centre, 30, "li") == past[:1]
    assert [one.at for one in agenda(centre.paths, 30, now=NOW).due][1] == "2026-11-30T00:00:00Z"


def test_a_day_before_and_a_moment_after_its_time_tell_apart_what_is_past(centre: Centre) -> None:
    ends = datetime(2026, 12, 10, tzinfo=UTC)  # the end of the ninth
    for now, past in ((ends.replace(day=9), False), (ends, True)):
        found = {one.document_id: one for one in agenda(centre.paths, 2, now=now).due}
        assert found["b"].past is past

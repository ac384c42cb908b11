"""Find and replace across articles: the preview tells what would change, and just that is what the desk is given.

`Recorder` stands for the editors' desk: it notes the edits that it is handed, and refuses those it is told to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import UTC

import kb_process
import pytest
from conftest import Centre, clean_environment

from kb.editing import replacing
from kb.editing.replacing import Changed, Done, OutOfDate, Plan, Wanted, carry_out, plan
from kb.errors import InputError, StoreError, UsageError
from kb.ingest.articles import read_article

OLD, NEW = "400-820-0316", "400-999-0000"
HOTLINE = f"""---
# the number stands in three places
language: zh
answer: 请拨打 {OLD}。
---
# 热线

请拨打 {OLD}，或 {OLD} 转 1。

::: agent
内部也打 {OLD}。
:::
"""


class Recorder:
    """Notes edits, and refuses those of some articles."""

    def __init__(self, refuses: Collection[str] = (), error: Exception | None = None) -> None:
        self.edits: list[tuple[str, int, str]] = []
        self._refuses, self._error = refuses, error or InputError("another edit of it is open")

    def edit(self, document_id: str, base_revision: int, text: str) -> int:
        if document_id in self._refuses:
            raise self._error
        self.edits.append((document_id, base_revision, text))
        return base_revision + 1


@pytest.fixture(scope="module")
def hotlines(module_centre: Centre) -> Centre:
    """The number in three articles, in a retired one and in an import; one has an id other than its path."""
    module_centre.article("zh/hotline.md", HOTLINE)
    module_centre.article("en/call.md", f"---\nlanguage: en\nid: en/hotline\n---\n# Call\n\nCall {OLD}.\n")
    module_centre.article("en/draft.md", f"---\nlanguage: en\nstatus: draft\n---\n# Later\n\nCall {OLD}.\n")
    module_centre.article("en/old.md", f"---\nlanguage: en\nstatus: retired\n---\n# Old\n\nCall {OLD}.\n")
    module_centre.article("en/van.md", "---\nlanguage: en\n---\n# Van\n\nA van comes on Tuesday.\n")
    record = {"kind": "article", "id": "desk/1", "title": "Desk", "language": "en", "body": f"Call {OLD} now."}
    file = module_centre.home / "helpdesk.jsonl"
    file.write_text(json.dumps(record), "utf-8")
    module_centre.import_(file)
    module_centre.reindex()
    return module_centre


@pytest.fixture(scope="module")
def planned(hotlines: Centre) -> Callable[..., Plan]:
    """What a replacement would do."""
    return lambda find=OLD, replace=NEW, **how: plan(hotlines.paths, UTC, Wanted(find, replace, **how))


def changed(found: Plan) -> dict[str, Changed]:
    return {one.document_id: one for one in found.preview.changed}


def test_every_hit_is_shown_with_its_line_before_and_after(planned: Callable[..., Plan]) -> None:
    found = planned()
    assert changed(found).keys() == {"zh/hotline", "en/hotline", "en/draft"}
    one = changed(found)["zh/hotline"]
    assert (one.hits, one.title, one.revision) == (4, "热线", 1)
    assert [(place.line, place.before, place.after) for place in one.places] == [
        (4, f"answer: 请拨打 {OLD}。", f"answer: 请拨打 {NEW}。"),
        (8, f"请拨打 {OLD}，或 {OLD} 转 1。", f"请拨打 {NEW}，或 {NEW} 转 1。"),
        (11, f"内部也打 {OLD}。", f"内部也打 {NEW}。"),
    ]
    assert found.preview.hits == 7
    (kept,) = found.preview.kept
    assert (kept.document_id, kept.hits) == ("desk/1", 1)
    assert "import 'helpdesk'" in kept.reason


def test_the_desk_is_given_whole_files_with_everything_else_as_it_was(planned: Callable[..., Plan]) -> None:
    found, desk = planned(), Recorder()
    done = carry_out(found, found.preview.token, desk)
    assert {id_: base for id_, base, _ in desk.edits} == {"zh/hotline": 1, "en/hotline": 1, "en/draft": 1}
    texts = {id_: text for id_, _, text in desk.edits}
    assert texts["zh/hotline"] == HOTLINE.replace(OLD, NEW)
    assert [(one.document_id, one.revision) for one in done.edited] == [(id_, 2) for id_, _, _ in desk.edits]
    assert done.kept == found.preview.kept


def test_what_the_desk_refuses_stays_out_by_itself_with_the_reason(planned: Callable[..., Plan]) -> None:
    found, desk = planned(), Recorder(refuses={"en/draft"})
    done = carry_out(found, found.preview.token, desk)
    assert {one.document_id for one in done.edited} == {"zh/hotline", "en/hotline"}
    assert {one.document_id: one.reason for one in done.kept}["en/draft"] == "another edit of it is open"
    with pytest.raises(StoreError):
        carry_out(found, found.preview.token, Recorder({"en/draft"}, StoreError("the disk is full")))


def test_nothing_is_done_for_another_wish_or_other_articles_than_the_preview_showed(
    hotlines: Centre, planned: Callable[..., Plan]
) -> None:
    token, desk = planned().preview.token, Recorder()
    with pytest.raises(OutOfDate):
        carry_out(planned(replace="400-999-0001"), token, desk)
    hotlines.article("en/new.md", f"---\nlanguage: en\n---\n# New\n\nCall {OLD}.\n")
    hotlines.reindex()
    with pytest.raises(OutOfDate):
        carry_out(planned(), token, desk)
    (hotlines.home / "articles/en/new.md").unlink()
    hotlines.reindex()
    assert carry_out(planned(), token, desk) != Done((), ())


@pytest.mark.parametrize(
    ("find", "replace", "how", "line"),
    [
        (r"(\d{3})-(\d{3})-(\d{4})", r"\1 \2 \3", {"regex": True}, "Call 400 820 0316."),
        (r"^call (?<number>[\d-]+)\.$", r"Ring \g<number>!", {"regex": True, "case": False}, f"Ring {OLD}!"),
        ("CALL", "Ring", {"case": False}, f"Ring {OLD}."),
        ("Call 4.0", "Ring", {}, None),
        ("CALL", "Ring", {}, None),
        ("0316.", r"\1 $1", {}, r"Call 400-820-\1 $1"),
    ],
)
def test_expressions_groups_and_letters(
    planned: Callable[..., Plan], find: str, replace: str, how: dict[str, bool], line: str | None
) -> None:
    found = changed(planned(find, replace, **how)).get("en/draft")
    assert (found and found.places[0].after) == line


@pytest.mark.parametrize(
    ("find", "replace", "reason"),
    [
        ("status: draft", "status: later", "articles/en/draft.md|it would be malformed"),
        ("# Later\n\nCall 400-820-0316.\n", "", "it would be malformed"),
        ("language: en\nid: en/hotline", "language: en\nid: other", "another article, 'other'"),
        ("Tuesday.", "Tuesday.\n\n::: agent", "it would be malformed"),
    ],
)
def test_what_would_no_longer_be_that_article_stays_as_it_is(
    planned: Callable[..., Plan], find: str, replace: str, reason: str
) -> None:
    found = planned(find, replace).preview
    assert not found.changed
    assert reason.split("|")[-1] in found.kept[0].reason


def test_a_file_that_was_changed_since_is_left_to_whoever_changed_it(
    hotlines: Centre, planned: Callable[..., Plan]
) -> None:
    file = hotlines.home / "articles/en/call.md"
    before = file.read_text("utf-8")
    file.write_text(before + "\nMore.\n", "utf-8")
    found = planned().preview
    file.write_text(before, "utf-8")
    assert "articles/en/call.md was changed" in {one.document_id: one.reason for one in found.kept}["en/hotline"]
    assert "en/hotline" not in {one.document_id for one in found.changed}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted("", ""), "1 to 500"),
        (Wanted("0" * 501, ""), "1 to 500"),
        (Wanted("(", "", regex=True), "no regular expression"),
        (Wanted("x*", "", regex=True), "fits where there is nothing"),
        (Wanted("Call", r"\2", regex=True), "none for this expression"),
        (Wanted("Call", r"\g<name>", regex=True), "none for this expression"),
        (Wanted("Call", "\\", regex=True), "none for this expression"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_with_the_reason(hotlines: Centre, wanted: Wanted, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        plan(hotlines.paths, UTC, wanted)


def test_an_expression_that_never_ends_is_ended(hotlines: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, "SECONDS", 0.05)
    hotlines.article("en/long.md", f"---\nlanguage: en\n---\n# Long\n\n{'a' * 5_000}!\n")
    hotlines.reindex()
    with pytest.raises(UsageError, match="takes longer"):
        plan(hotlines.paths, UTC, Wanted("(a|aa)+$", "b", regex=True))
    (hotlines.home / "articles/en/long.md").unlink()
    hotlines.reindex()


def test_too_many_hits_are_refused(
    hotlines: Centre, planned: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "MOST_HITS", 6)
    with pytest.raises(UsageError, match="more than 6 hits"):
        planned()


def test_a_hit_across_lines_is_one_place(planned: Callable[..., Plan]) -> None:
    (place,) = changed(planned("# Van\n\nA van", "# Bus\n\nA bus"))["en/van"].places
    assert (place.line, place.before) == (4, "# Van\n\nA van comes on Tuesday.")
    assert place.after == "# Bus\n\nA bus comes on Tuesday."
    text = "---\nlanguage: en\n---\n# Bus\n\nA bus comes on Tuesday.\n"
    assert read_article(text.encode(), path="en/van.md", timezone=UTC).title == "Bus"


def test_the_shell_shows_a_replacement_and_a_difference(hotlines: Centre) -> None:
    def said(*arguments: str) -> str:
        done = kb_process.run(("--home", str(hotlines.home), *arguments), clean_environment(KB_TIMEZONE="UTC"), 60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = said("replace", OLD, NEW)
    assert f"    8 + 请拨打 {NEW}，或 {NEW} 转 1。" in told
    assert told.endswith("7 hits; 3 articles would change, 1 stay as they are\n")
    assert f"+请拨打 {OLD}，或 {OLD} 转 1。" in said("diff", "zh/hotline")

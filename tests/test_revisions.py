"""Revisions: every text that an article ever had, and what differs between two of them."""

from __future__ import annotations

from datetime import UTC

import pytest
from conftest import Centre
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.editing import differences
from kb.editing.differences import Difference, difference, words
from kb.editing.revisions import compared, revision, revisions
from kb.errors import NotShown
from kb.ingest.articles import read_article

NAMES = ("old", "new")


def shown(old: str, new: str) -> str:
    """A changed line for a reader: [what went], {what came}."""
    marks = {"same": "{}", "removed": "[{}]", "added": "{{{}}}"}
    return "".join(marks[part.kind].format(part.text) for part in words(old, new))


def applied(old: str, found: Difference) -> str:
    """The new text, from the old one and the hunks alone."""
    lines, made, at = old.split("\n"), [], 0
    for hunk in found.hunks:
        first = next((line.old for line in hunk.lines if line.old), len(lines) + 1) - 1
        made += lines[at:first]
        at = first
        for line in hunk.lines:
            if line.old:
                assert line.sides[0] == lines[line.old - 1]
                at = line.old
            if line.new:
                made.append(line.sides[1])
                assert len(made) == line.new
    return "\n".join(made + lines[at:])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("Call 400-123-4567 now.", "Call 400-999-4567 now.", "Call 400-[123]{999}-4567 now."),
        ("Refunds take five days.", "Refunds take seven working days.", "Refunds take [five]{seven working} days."),
        ("退款将在五个工作日内到账。", "退款将在七个工作日内到账。", "退款将在[五个]{七个}工作日内到账。"),
        ("请拨打客服热线。", "请拨打售后服务热线。", "请拨打[客服热线]{售后服务热线}。"),
        ("重启 router 后再试", "重启 modem 后再试", "重启 [router]{modem} 后再试"),
        ("one two three", "four five three", "[one two]{four five} three"),
    ],
)
def test_a_changed_line_shows_its_changed_words_in_either_language(old: str, new: str, told: str) -> None:
    assert shown(old, new) == told


def test_lines_that_became_one_another_are_shown_as_changed_and_others_as_come_or_gone() -> None:
    old = "# Refunds\n\nRefunds take five days.\nTo the same card.\n"
    new = "# Refunds\n\nA new line about vans.\nRefunds take seven days.\nTo the same card.\n"
    (hunk,) = difference(old, new, NAMES).hunks
    assert [(line.kind, line.old, line.new) for line in hunk.lines] == [
        ("same", 1, 1), ("same", 2, 2), ("added", None, 3), ("changed", 3, 4), ("same", 4, 5), ("same", 5, 6)
    ]  # fmt: skip


def test_changes_far_apart_are_hunks_of_their_own_and_equal_texts_have_none() -> None:
    old = [f"line {number}" for number in range(40)]
    new = ["first", *old[1:39], "last"]
    found = difference("\n".join(old), "\n".join(new), NAMES)
    assert [len(hunk.lines) for hunk in found.hunks] == [5, 5]  # each: one line gone, one come, three around them
    assert found.unified.startswith("--- old\n+++ new\n@@ -1,4 +1,4 @@\n-line 0\n+first\n line 1")
    assert difference("same\n", "same\n", NAMES) == Difference((), "")


LINES = st.lists(st.sampled_from(["", "a", "a b", "a b c", "退款五天", "退款七天", "- x", "x  y"]), max_size=12)


@settings(max_examples=150, deadline=None)
@given(LINES, LINES)
def test_the_hunks_turn_the_old_text_into_the_new_one(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old), "\n".join(new)
    assert applied(before, difference(before, after, NAMES)) == after


def test_a_text_of_very_many_lines_is_compared_by_what_lies_between_its_first_and_last_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(differences, "MOST_LINES", 5)
    monkeypatch.setattr(differences, "MOST_PAIRS", 0)
    old, new = "a\nb\nc\nd\ne\nf\ng", "a\nX\nc\nd\nY\nf\ng"
    found = difference(old, new, NAMES)
    assert applied(old, found) == new
    assert [line.old for hunk in found.hunks for line in hunk.lines if line.kind == "removed"] == [2, 3, 4, 5]


def edited(centre: Centre) -> Centre:
    """The refund article in three revisions, then retired by deleting its file."""
    file = centre.home / "articles" / "refund.md"
    for old, new in (("five days", "seven days"), ("same card", "same account")):
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
        assert centre.reindex().changed == 1
    return centre


def test_every_text_of_an_article_is_kept_and_compared(two: Centre) -> None:
    paths = edited(two).paths
    found = revisions(paths, "refund")
    assert [one.revision for one in found.revisions] == [3, 2, 1]
    assert (found.live, found.status, found.source) == (3, "published", "articles/")
    assert [one.at for one in found.revisions] == sorted((one.at for one in found.revisions), reverse=True)
    first = revision(paths, "refund", 1).text
    assert read_article(first.encode(), path="refund.md", timezone=UTC).id == "refund"
    assert "five days" in first
    newest = compared(paths, "refund")
    assert (newest.from_revision, newest.to_revision) == (2, 3)
    assert "-To the same card.\n+To the same account." in newest.difference.unified
    both = compared(paths, "refund", 1, 3).difference
    assert applied(first, both) == revision(paths, "refund", 3).text
    assert applied(revision(paths, "refund", 3).text, compared(paths, "refund", 3, 1).difference) == first


def test_the_first_revision_is_compared_with_nothing(two: Centre) -> None:
    found = compared(two.paths, "refund", None, 1)
    assert found.from_revision == 0
    assert {line.kind for hunk in found.difference.hunks for line in hunk.lines} <= {"added", "same", "removed"}
    assert "+Refunds take five days." in found.difference.unified


def test_a_deleted_file_leaves_its_revisions_and_nothing_live(two: Centre) -> None:
    (two.home / "articles" / "refund.md").unlink()
    two.reindex()
    found = revisions(two.paths, "refund")
    assert (found.live, found.status) == (None, "retired")
    assert "five days" in revision(two.paths, "refund", found.revisions[0].revision).text


def test_what_is_not_there_is_said_so(two: Centre) -> None:
    for ask in (
        lambda: revisions(two.paths, "refunds"),
        lambda: revision(two.paths, "refund", 9),
        lambda: compared(two.paths, "refund", 9, 1),
        lambda: compared(two.paths, "nothing"),
    ):
        with pytest.raises(NotShown):
            ask()

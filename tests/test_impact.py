"""What told an article as it was: complete, as the raw records of 100 edits say; and what stands in other articles."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Centre, tiny_settings

from kb.cli import main
from kb.conversations import NEW, Conversations
from kb.errors import NotShown
from kb.feedback import Feedback, take
from kb.insight.impact import impact
from kb.journal import Journal, Origin
from kb.recording import answer
from kb.results import Ask

ARTICLES, ROUNDS = 20, 5
URGENT = 3
"""The article that is shown first to who speaks of gas."""


def write(centre: Centre, number: int, edition: int) -> None:
    urgent = "urgent: true\nquestions: [I smell gas]\n" if number == URGENT else ""
    body = f"Edition {edition} of the rule on item {number} says so.\n"
    centre.article(f"rules/a{number}.md", f"---\nlanguage: en\n{urgent}---\n# Rule {number}\n\n{body}")


@pytest.fixture
def edited(centre: Centre, tiny_model: Path) -> Centre:
    """Articles asked about before and between 100 edits, alone and in conversations, of which some are over."""
    centre.settings = tiny_settings(tiny_model, min_confidence=0.9)
    journal = Journal(centre.paths, centre.settings)
    lasting = Conversations(journal, centre.settings)
    brief = Conversations(journal, tiny_settings(centre.embedder.spec.files(), conversation_hours=1e-9))
    for edition in range(ROUNDS + 1):
        for number in range(ARTICLES):
            write(centre, number, edition)
        centre.reindex()
        kb = centre.open()
        for number in range(0, ARTICLES, 1 + edition % 3):
            ask = Ask(f"Rule {number}")
            told = answer(kb, journal, ask, Origin())
            assert told.outcome == "answered"
            copied = Feedback("copied", answer_id=told.answer_id, document_id=f"rules/a{number}")
            take(journal, copied, Origin())
            made = (lasting if number % 2 else brief).answer(kb, NEW, ask, Origin())
            if number == 7:
                lasting.answer(kb, made.conversation_id or "", Ask("I smell gas"), Origin())
    journal.close()
    return centre


def test_after_a_hundred_edits_every_answer_and_open_conversation_that_told_the_old_text_is_listed(
    edited: Centre,
) -> None:
    told: dict[tuple[str, int], set[str]] = defaultdict(set)
    now = time.time()
    with closing(sqlite3.connect(edited.paths.journal)) as db:
        for id_, text in db.execute("SELECT answer_id, told FROM answers"):
            made = json.loads(text)
            for cited in [*made["citations"], *((made["urgent"] or {}).get("citations") or [])]:
                told[cited["document_id"], cited["revision"]].add(id_)
        turns = list(db.execute("SELECT conversation, answer_id FROM turns WHERE expires_at > ?", [now]))
        copied = dict(db.execute("SELECT document_id, count(*) FROM signals WHERE revision <= ? GROUP BY 1", [ROUNDS]))
    assert sum(revision <= ROUNDS for _, revision in told) >= 50
    for number in range(ARTICLES):
        id_ = f"rules/a{number}"
        before = set().union(*(told[id_, revision] for revision in range(1, ROUNDS + 1)))
        found = impact(edited.paths, id_, now=now)
        assert (found.revision, found.first, found.last) == (ROUNDS + 1, 1, ROUNDS)
        assert {one.answer_id for one in found.answers} == before
        assert found.told == len(before)
        assert {(one.conversation, a) for one in found.conversations for a in one.answer_ids} == {
            (conversation, answer_id) for conversation, answer_id in turns if answer_id in before
        }
        assert found.signals == {"copied": copied[id_]}
        one = impact(edited.paths, id_, 2, now=now)
        assert {told.answer_id for told in one.answers} == told[id_, 2]
    warned = impact(edited.paths, f"rules/a{URGENT}", now=now)
    assert any(one.notice for one in warned.answers)
    with pytest.raises(NotShown, match="revisions 1 to 6; found 9"):
        impact(edited.paths, "rules/a1", 9)
    shell = ["--home", str(edited.home), "impact", "rules/a1"]
    assert json.loads(CliRunner().invoke(main, [*shell, "--json"]).output)["revision"] == ROUNDS + 1
    assert "answers told revisions 1 to 5" in CliRunner().invoke(main, shell).output


def test_articles_that_link_translate_or_quote_the_old_text_are_named(centre: Centre) -> None:
    head = "---\nlanguage: en\n"
    old = "Returns are free for 30 days after delivery."
    centre.article("a/returns.md", f"{head}---\n# Returns\n\n{old} Keep the box.\n")
    centre.article("a/links.md", f"{head}---\n# Links\n\nSee [returns](returns.md#how) first.\n")
    centre.article("b/page.md", f"{head}---\n# Page\n\nSee [it](https://shop.example/articles/a/returns).\n")
    centre.article("b/button.md", f"{head}actions: [{{label: Go, link: /articles/a/returns}}]\n---\n# B\n\nGo on.\n")
    centre.article("b/quotes.md", f"{head}answer: '{old}'\n---\n# FAQ\n\nRead on. Keep the box.\n")
    centre.article("b/zh.md", "---\nlanguage: zh\ntranslation_of: a/returns\n---\n# 退货\n\n三十天内免费退货。\n")
    centre.article("b/other.md", f"{head}---\n# Other\n\nSee [it](/articles/a/returns-2), [that](../returns.md).\n")
    centre.reindex()
    assert not [one for one in impact(centre.paths, "a/returns").mentions if one.how == "quotes"]
    centre.article("a/returns.md", f"{head}---\n# Returns\n\n{old.replace('30', '14')} Keep the box.\n")
    centre.reindex()
    found = {(one.document_id, one.how): one.what for one in impact(centre.paths, "a/returns").mentions}
    assert found == {
        ("a/links", "links"): "returns.md#how",
        ("b/button", "links"): "/articles/a/returns",
        ("b/page", "links"): "https://shop.example/articles/a/returns",
        ("b/quotes", "quotes"): old,
        ("b/zh", "translates"): "a/returns",
    }
    (centre.home / "articles" / "a" / "returns.md").unlink()
    centre.reindex()
    gone = impact(centre.paths, "a/returns")
    assert (gone.status, gone.answers) == ("retired", ())
    assert ("b/quotes", "quotes") in [(one.document_id, one.how) for one in gone.mentions]

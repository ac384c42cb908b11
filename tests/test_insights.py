"""What editors learn from the journal: gaps in both languages, and the use of articles counted against brute force."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Centre, tiny_settings
from numpy.typing import NDArray

from kb import recording
from kb.cli import main
from kb.feedback import KINDS, VERDICTS, Feedback, take
from kb.insight import gaps as gaps_module
from kb.insight.gaps import gaps, group
from kb.insight.usage import usage
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.search.embedding import Embedder
from kb.store.asked import Unanswered

WANTS = {
    "robot": (
        "扫地机器人能不能连接手机？", "扫地机器人怎么连手机", "扫地机器人连接不上手机怎么办",
    ),
    "phone": ("你们有门店可以现场看货吗", "有没有门店可以看现货", "哪里有门店能看货"),
    "bitcoin": (
        "Can I pay with bitcoin?", "Do you accept bitcoin as payment?", "Is paying with bitcoin possible?",
    ),
    "pets": ("Can I bring my dog to the shop?", "Are dogs allowed in your shop?", "may I bring a dog into the shop"),
}  # fmt: skip


def refusals(wants: dict[str, tuple[str, ...]]) -> list[Unanswered]:
    """Each want's wordings; the first of each was asked twice."""
    asked = [text for wordings in wants.values() for text in (*wordings, wordings[0])]
    random.Random(7).shuffle(asked)
    return [
        Unanswered(f"a{n}", float(n), text, "nothing_close", "en" if text.isascii() else "zh")
        for n, text in enumerate(asked)
    ]


def test_the_same_want_in_other_words_is_one_gap_in_either_language(bundled_embedder: Embedder) -> None:
    found, left_out = group(refusals(WANTS), bundled_embedder.queries)
    assert left_out == 0
    by_example = {text: number for number, gap in enumerate(found) for text in gap.examples}
    assert [len({by_example[text] for text in wordings}) for wordings in WANTS.values()] == [1] * len(WANTS)
    assert [gap.count for gap in found] == [4] * len(WANTS)
    assert all(set(gap.languages) in ({"en"}, {"zh"}) for gap in found)
    assert all(gap.examples[0] in {wordings[0] for wordings in WANTS.values()} for gap in found)


def lengths(texts: Sequence[str]) -> NDArray[np.float32]:
    """A unit vector along the axis of a text's length: only texts of one length are alike."""
    return np.stack([np.eye(300, dtype=np.float32)[len(text)] for text in texts])


def refused(texts: Sequence[str]) -> list[Unanswered]:
    return [Unanswered(f"a{n}", float(n), text, "nothing_close", "en") for n, text in enumerate(texts)]


def test_the_widest_gap_comes_first_with_its_commonest_wording() -> None:
    found, _ = group(refused(["one", "four", "Two", "two ", "two", "four", "two"]), lengths)
    assert [(gap.count, gap.wordings) for gap in found] == [(5, 4), (2, 1)]
    assert found[0].examples[0] == "two"
    assert found[0].answer_ids == ("a6", "a4", "a3", "a2", "a0")
    assert group([], lengths) == ((), 0)
    assert [gap.count for gap in group(refused(["alone"]), lengths)[0]] == [1]


def test_the_rarest_wordings_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps_module, "MOST", 2)
    found, left_out = group(refused(["aa", "aa", "bbb", "bbb", "bbb", "c"]), lengths)
    assert ([gap.count for gap in found], left_out) == ([3, 2], 1)


@pytest.fixture
def kb(two: Centre) -> KnowledgeBase:
    two.article("never.md", "---\nlanguage: en\n---\n# Gift cards\n\nA card is valid for two years.\n")
    two.article("draft.md", "---\nlanguage: en\nstatus: draft\n---\n# Draft\n\nNot yet.\n")
    two.reindex()
    settings = tiny_settings(Path(two.settings.model), min_confidence=0.0)
    return KnowledgeBase(two.paths, settings, embedder=two.embedder)


def test_the_use_of_articles_is_what_was_shown_cited_opened_copied_and_praised(two: Centre, kb: KnowledgeBase) -> None:
    dice, counts = random.Random(11), Counter[tuple[str, str]]()
    with closing(Journal(two.paths, two.settings)) as journal:
        for number in range(40):
            asked = dice.choice(("When are refunds?", "delivery on Tuesday"))
            if dice.random() < 0.5:
                answer = recording.answer(kb, journal, Ask(asked), Origin())
                document = answer.citations[0].document_id
                counts[document, "cited"] += 1
                about = Feedback(dice.choice(KINDS), answer_id=answer.answer_id)
            else:
                found = recording.search(kb, journal, Ask(asked), 2, Origin())
                counts.update((hit.document_id, "shown") for hit in found.hits)
                document = dice.choice(found.hits).document_id
                about = Feedback(dice.choice(KINDS[: -len(VERDICTS)]), query_id=found.query_id, document_id=document)
            if number % 3:
                take(journal, about, Origin())
                counts[document, about.kind] += 1
    told = usage(two.paths, 7)
    names = ("shown", "cited", "opened", "copied", "helpful", "not_helpful", "solved", "not_solved")
    every = {use.document_id: use for use in (*told.use, *told.never_used)}
    assert set(every) == {"refund", "delivery", "never"}
    assert {(d, n): getattr(use, n) for d, use in every.items() for n in names if getattr(use, n)} == dict(counts)
    used = {d for d, n in counts if n in ("cited", "opened", "copied", "helpful")}
    assert ({use.document_id for use in told.use}, told.used, told.articles) == (used, len(used), 3)
    assert told.share_used == round(len(used) / 3, 4)
    assert every["never"].title == "Gift cards"
    later = usage(two.paths, 7, now=time.time() + 8 * 86_400)
    assert (later.used, len(later.never_used)) == (0, 3)


def test_gaps_count_refusals_searches_without_a_click_and_nothing_older(two: Centre, kb: KnowledgeBase) -> None:
    strict = KnowledgeBase(
        two.paths, tiny_settings(Path(two.settings.model), min_confidence=1.0), embedder=two.embedder
    )
    with closing(Journal(two.paths, two.settings)) as journal:
        recording.answer(kb, journal, Ask("When are refunds?"), Origin())
        for _ in range(2):
            recording.answer(strict, journal, Ask("Do you sell kites to 王小明, phone 13812345678?"), Origin())
        first, _ = (recording.search(kb, journal, Ask("refunds"), 2, Origin()) for _ in range(2))
        recording.search(kb, journal, Ask("tuesday"), 2, Origin())
        take(journal, Feedback("opened", query_id=first.query_id, document_id=first.hits[0].document_id), Origin())
    told = gaps(two.paths, 7, two.embedder.queries)
    assert (told.asked, told.unanswered, [gap.count for gap in told.groups]) == (3, 2, [2])
    assert "[phone]" in told.groups[0].examples[0]
    assert (told.searches, told.searches_without_click) == (3, 2)
    assert {(one.question, one.count) for one in told.unclicked} == {("refunds", 1), ("tuesday", 1)}
    later = gaps(two.paths, 7, two.embedder.queries, now=time.time() + 8 * 86_400)
    assert (later.asked, later.groups, later.searches) == (0, (), 0)


def test_the_shell_lists_both_also_where_nothing_was_asked(two: Centre, kb: KnowledgeBase) -> None:
    arguments = ["--home", str(two.home), "--model", two.settings.model, "insights"]
    empty = CliRunner().invoke(main, arguments)
    assert empty.exit_code == 0, empty.output
    recording.answer_alone(kb, two.paths, Ask("When are refunds?"))
    shown = CliRunner().invoke(main, arguments)
    assert "0 of 1 questions went unanswered" in shown.output
    assert "1 of 3 live articles were used" in shown.output
    found = json.loads(CliRunner().invoke(main, [*arguments, "--days", "1", "--json"]).output)
    assert (found["gaps"]["asked"], found["usage"]["use"][0]["document_id"]) == (1, "refund")

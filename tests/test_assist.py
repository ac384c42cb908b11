"""Assist over written calls: help where it is due, silence where it is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import SAMPLE

from kb.assist.engine import Assistant
from kb.assist.lines import Candidate, Saying, Told, Utterance
from kb.assist.speech import content, digits
from kb.assist.transcripts import judged, read, replay
from kb.assisting import assistant, meaning
from kb.errors import UsageError
from kb.ingest.redaction import Redactor, redacted_after
from kb.knowledge import KnowledgeBase
from kb.results import Ask

CALLS = sorted((SAMPLE / "calls").glob("*.jsonl"))
AGENTS = frozenset({"public", "agent"})


class OneShelf:
    """Every query of a word finds the document of that name, as sure as it is told."""

    def __init__(self, **sure: float) -> None:
        self.sure, self.looked = sure, []  # type: ignore[var-annotated]

    def prepare(self, queries: list[str], speaks: str) -> None:
        self.looked += queries

    def look(self, query: str, speaks: str) -> list[Candidate]:
        self.looked.append(query)
        found = [(word, sure) for word, sure in self.sure.items() if word in query.lower()]
        return [
            Candidate(f"{w}@1#0", w, w, (), None, w, "en", ("public",), False, p, p, frozenset(meaning(w)))
            for w, p in sorted(found, key=lambda one: -one[1])
        ]

    def sayings(self, candidates: Sequence[Candidate], query: str, speaks: str) -> list[Saying]:
        return [Saying(candidate.title) for candidate in candidates]

    def meaning(self, text: str) -> list[str]:
        return meaning(text)


def hear(assistant_: Assistant, *texts: str) -> list[list[str]]:
    told = [assistant_.hear(Utterance(n, n, "customer", text)) for n, text in enumerate(texts, 1)]
    return [ids(one) for one in told]


def ids(told: Told | None) -> list[str]:
    return [one.document_id for one in told.suggestions] if told else []


def test_there_are_thirty_two_calls_in_both_languages_with_moments_due_and_quiet() -> None:
    lines = {file: read(file) for file in CALLS}
    assert len(CALLS) >= 32
    assert sum(file.name.startswith("blind-") for file in CALLS) >= 16
    assert all(any(line.due for line in call) and any(line.quiet for line in call) for call in lines.values())
    assert {"zh", "en", "hant"} <= {file.name.removeprefix("blind-").partition("-")[0] for file in CALLS}


def test_help_is_there_at_85_of_100_moments_and_a_call_is_interrupted_uselessly_once_at_most(
    sample_kb: KnowledgeBase,
) -> None:
    redactor = Redactor(keep=sample_kb.settings.keep)
    marks = []
    said = [content(line.text) for file in CALLS for line in read(file) if line.speaker == "customer"]
    sample_kb.embed_ahead([Ask(text, (), AGENTS) for text in said if text])  # all at once takes a fraction of the time
    for file in CALLS:
        engine = assistant(lambda: sample_kb, AGENTS, 10_000)  # never short of time: this is about what is shown
        marks.append(judged(replay(read(file), engine, lambda b, t: redacted_after(redactor, b, t))))
    assert sum(m.helped for m in marks) >= 0.85 * sum(m.due for m in marks)
    assert max(m.useless for m in marks) <= 1


@pytest.mark.parametrize("text", [
    "喂，你好。", "嗯嗯，好的好的", "谢谢啊", "等一下，我看看", "[phone]", "幺三八，零零幺三，八零零零", "免贵姓[name]",
    "Hi there.", "Yeah, okay, thanks very much", "Hang on, let me have a look", "one three eight, zero zero one three",
    "It's [phone]", "Fifteen days, okay", "um, uh, right", "Lovely, cheers, bye bye",
])  # fmt: skip
def test_courtesies_listening_sounds_names_and_numbers_ask_nothing(text: str) -> None:
    assert content(text) == ""


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("呃那个，洗衣机不进水", "洗衣机不进水"), ("Um, yeah, so it won't drain", "it won't drain"),
        ("It says F2",) * 2,
        ("行不行啊", "行不行"),
    ],
)  # fmt: skip
def test_what_is_asked_is_left_whole(text: str, asked: str) -> None:
    assert content(text) == asked


def test_digits_are_counted_of_an_utterance_that_says_nothing_else() -> None:
    assert digits("幺三八零零") == 5
    assert digits("um, double seven, three") >= 2
    assert digits("E4021") == 0
    assert digits("我有三台洗衣机坏了") == 0


def test_nothing_is_shown_twice_in_a_topic_and_partial_or_agents_words_show_nothing() -> None:
    engine = Assistant(OneShelf(kettle=0.9, lamp=0.8), 60)
    assert engine.hear(Utterance(1, 1, "customer", "my kettle is broken", final=False)) is None
    assert engine.hear(Utterance(2, 2, "agent", "is your kettle broken?")) is None
    assert hear(engine, "my kettle is broken", "the kettle is still broken, why", "now my lamp is broken too") == [
        ["kettle"], [], ["lamp"],
    ]  # fmt: skip


def test_a_new_topic_is_noticed() -> None:
    engine = Assistant(OneShelf(kettle=0.9, lamp=0.8), 60)
    topics = [
        told.topic
        for n, text in enumerate(["my kettle is broken", "my lamp in the hall is broken"])
        if (told := engine.hear(Utterance(n, n, "customer", text)))
    ]
    assert topics[0] != topics[1]


def test_it_is_silent_when_unsure_and_surer_where_nothing_is_asked() -> None:
    assert hear(Assistant(OneShelf(kettle=0.2), 60), "my kettle is broken, what now") == [[]]
    assert hear(Assistant(OneShelf(kettle=0.5), 60), "we bought a kettle last year") == [[]]
    assert hear(Assistant(OneShelf(kettle=0.5), 60), "why is the kettle broken") == [["kettle"]]


def test_why_names_the_customers_own_words() -> None:
    told = Assistant(OneShelf(kettle=0.9), 60).hear(Utterance(1, 7, "customer", "Um, my Kettle is broken"))
    assert told
    assert told.suggestions[0].why.words == ("Kettle",)
    assert told.suggestions[0].why.sequence == 7


def test_what_is_ready_to_say_is_public_though_an_agent_asks(sample_kb: KnowledgeBase) -> None:
    engine = assistant(lambda: sample_kb, AGENTS, 10_000)
    told = engine.hear(Utterance(1, 1, "customer", "师傅没来，东西没送到，第三次送要收多少钱"))
    assert told
    for one in told.suggestions:
        for note in one.notes:
            assert note.text not in (one.say or "")
        for cited in one.citations:
            assert cited.document_id == one.document_id


def test_a_malformed_transcript_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "call.jsonl"
    file.write_text(json.dumps({"sequence": 1, "speaker": "customer", "text": "a"}) + '\n{"sequence": 2}\n', "utf-8")
    with pytest.raises(UsageError, match=r"call\.jsonl:2"):
        read(file)

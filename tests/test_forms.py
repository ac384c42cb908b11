"""The forms of an answer: the same sentences, numbers and sources in every channel, and no markup but ours."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.answer.citations import Citation
from kb.answer.composition import said, statements
from kb.answer.forms import CHANNELS, Channel, Limits, form
from kb.answer.notices import Notice
from kb.answer.picking import picked
from kb.answer.speech import spoken
from kb.answer.streaming import joined, told
from kb.model import Action
from kb.results import Answer

HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) **bold** E-4021 & 400-820-0316."
PIECES = (
    HOSTILE,
    "Refunds take 3-5 days.",
    "请拨打 400-820-0316。",
    "See https://x.example/a?b=1 for the HW-W6-80.",
    "费用 12,000.50 元，型号 W6。",
    "- item one 30cm",
)
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6)


def cited(number: int) -> Citation:
    return Citation(f"d{number}", 1, f"Title <b>{number}</b>", (), 0, 1, "q", f"/articles/d{number}")


def answer(parts: list[str], urgent: list[str] | None = None, actions: tuple[Action, ...] = ()) -> Answer:
    text, told_ = _joined(parts)
    citations = tuple(map(cited, range(len(parts))))
    notice = None
    if urgent:
        words, sentences = _joined(urgent)
        notice = Notice("u", "Danger", "en", words, tuple(map(cited, range(len(urgent)))), sentences)
    return Answer("id", "answered", text, citations, actions, 0.9, statements=told_, urgent=notice)


def _joined(parts: list[str]) -> tuple[str, tuple]:  # type: ignore[type-arg]
    text, spans = "", []
    for part in parts:
        start = len(text) + (1 if text else 0)
        text += ("\n" if text else "") + part
        spans.append((start, start + len(part)))
    return text, statements(text, spans, list(range(len(parts))))


class _Text(HTMLParser):
    """What a reader sees of the paragraphs, and the tags there are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags, self._in = "", set[str](), ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._in = tag if tag in ("sup", "ul", "ol") else self._in
        if tag == "br":
            self.text += "\n"

    def handle_endtag(self, tag: str) -> None:
        self._in = "" if tag == self._in else self._in

    def handle_data(self, data: str) -> None:
        self.text += "" if self._in else data


def plain(channel: Channel, text: str) -> str:
    """What a form says, without what its channel adds."""
    if channel == "web":
        return _Text(text).text
    if channel in ("app", "markdown"):
        return re.sub(r"\\([\\`*_\[\]<>#|~])", r"\1", text.replace("  \n", "\n"))
    return text


def facts(text: str) -> str:
    """Letters and digits alone, without addresses: what a voice says as well."""
    return re.sub(r"[^\w]|_", "", re.sub(r"https?://[^\s，。]*[^\s，。.,]", "", text))


@given(texts, st.none() | texts, st.sampled_from(CHANNELS), st.integers(0, 200))
def test_every_sentence_of_every_form_is_one_of_the_answer_in_its_order(
    parts: list[str], urgent: list[str] | None, channel: Channel, most: int
) -> None:
    made = answer(parts, urgent)
    shown = form(made, channel, site="https://kb.example", limits=Limits(most, most))
    every = list(told(made))
    kept = every[: len(every) - shown.cut]
    assert len(kept) >= max(1, len(urgent or []))
    expected = facts(joined(kept))
    assert facts(plain(channel, shown.text)).startswith(expected)
    if channel in ("sms", "ivr"):
        rest = shown.text.removesuffix(shown.link or "") if shown.cut and channel == "sms" else shown.text
        assert facts(rest) == expected
    if shown.cut:
        assert channel in ("sms", "ivr")
        assert shown.link is not None


@given(texts)
def test_the_sentences_joined_are_the_text(parts: list[str]) -> None:
    made = answer(parts)
    assert "".join(part.before + part.text for part in told(made)) == made.text


def test_html_holds_no_tag_of_a_document_and_no_link_that_runs() -> None:
    bad = (Action("<i>run</i>", "javascript:alert(1)"), Action("tel", "tel:1"))
    html = form(answer([HOSTILE], [HOSTILE], bad), "web").text
    assert _Text(html).tags <= {"p", "sup", "ul", "ol", "li", "a", "br"}
    assert re.findall(r'href="([^"]*)"', html) == ["tel:1", "/articles/d0"]


@pytest.mark.parametrize(
    ("written", "aloud"),
    [
        ("Error E-4021: call 400-820-0316.", "Error E, 4 0 2 1: call 4 0 0, 8 2 0, 0 3 1 6."),
        ("3-5 days, 30cm, 2026-01-31, 12,000.50 yuan", "3-5 days, 30cm, 2026-01-31, 12,000.50 yuan"),
        ("see https://x.example/a now", "see  now"),
    ],
)
def test_a_voice_spells_codes_and_long_numbers_and_reads_no_address(written: str, aloud: str) -> None:
    assert spoken(written) == aloud


@pytest.mark.parametrize(
    ("reply", "which"),
    [
        *[
            ("1", 0),
            ("the second one", 1),
            ("第二个", 1),
            ("option 2 please", 1),
            ("costs", 1),
            ("最后一个", 1),
            ("slot", 0),
        ],
        *[("delivery", None), ("what about refunds", None), ("4", None), ("yes", None)],
    ],
)
def test_a_reply_picks_by_number_place_or_label(reply: str, which: int | None) -> None:
    assert picked(reply, ["Change a delivery slot", "Delivery times and costs"]) == which


def test_a_refusal_is_told_in_sentences_without_sources() -> None:
    text = "Sorry, nothing. I can put you through."
    made = Answer("id", "abstained", text, (), (), 0.1, "nothing_close", statements=said(text, "en"))
    assert [(part.text, part.citation) for part in told(made)] == [
        ("Sorry, nothing.", None),
        ("I can put you through.", None),
    ]

"""Claims about import records: articles, tickets, and what is skipped or refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kb.ingest.records import MalformedRecord, Skipped, read_record
from kb.ingest.redaction import Redactor
from kb.ingest.replies import newly_written
from kb.model import Article, Ticket

ARTICLE = {"kind": "article", "id": "a", "title": "T", "language": "en", "body": "Text.\r\nMore."}
TICKET = {
    "kind": "ticket",
    "id": "t-1",
    "subject": "Refund for Zhang Wei",
    "status": "Solved",
    "messages": [
        {"author": "customer", "text": "Mail me at zw@mail.example.\n\nSent from my iPhone", "at": "2026-01-01T10:00Z"},
        {"author": "agent", "text": "We will."},
        {"author": "customer", "text": "Thanks!\n\nOn Mon, 1 Jan 2026 Support <s@x.example> wrote:\n> We will."},
    ],
    "resolution": "Refunded.\n\nBest regards\nThe team",
    "tags": ["refund"],
    "closed_at": "2026-01-02",
    "customer": {"name": "Zhang Wei", "email": "zw@mail.example", "phone": None},
}


def read(record: object) -> Article | Ticket | Skipped:
    line = record if isinstance(record, str) else json.dumps(record)
    return read_record(
        line,
        source="x.jsonl",
        number=7,
        timezone=UTC,
        redactor=Redactor(),
        hashed=lambda reference: f"hash of {reference}",
    )


def refused(record: object) -> str:
    with pytest.raises(MalformedRecord) as caught:
        read(record)
    assert str(caught.value.problem).startswith("x.jsonl:7: ")
    return str(caught.value)


def changed(record: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {key: value for key, value in (record | keys).items() if value is not ...}


def test_an_article_record_is_an_article() -> None:
    assert read(ARTICLE) == Article(id="a", title="T", language="en", body="Text.\nMore.")


def test_a_record_without_title_takes_its_heading_or_first_line() -> None:
    for body, title in [("# H\n\nx", "H"), ("\nFirst line.\nx", "First line."), ("word " * 30, "word " * 11 + "word…")]:
        article = read(changed(ARTICLE, title="", body=body))
        assert isinstance(article, Article)
        assert article.title == title


def test_a_solved_ticket_is_redacted_knowledge() -> None:
    ticket = read(TICKET)
    assert isinstance(ticket, Ticket)
    assert ticket.id == "t-1"
    assert ticket.resolution == "Refunded."
    assert ticket.problem.startswith("Mail me at ")
    assert ticket.problem.endswith("Thanks!")
    assert "Zhang" not in ticket.subject
    assert "zw@" not in ticket.problem
    assert ticket.closed_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert (ticket.language, ticket.tags) == ("en", ("refund",))


@pytest.mark.parametrize("keys", [{"status": "open"}, {"resolution": ...}, {"resolution": "> quoted only"}])
def test_an_unresolved_ticket_is_skipped_with_its_reason(keys: dict[str, Any]) -> None:
    skipped = read(changed(TICKET, **keys))
    assert isinstance(skipped, Skipped)
    assert skipped.id == "t-1"
    assert "status" in skipped.reason or "no resolution" in skipped.reason


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "found a list; accepted is one JSON object"),
        ('{"kind": "article", "id": "a", "id": "b"}', "duplicate key 'id'"),
        (changed(ARTICLE, kind=...), "kind: missing; accepted are article and ticket"),
        (changed(ARTICLE, kind="faq"), "kind: found 'faq'"),
        (changed(ARTICLE, kind=["article"]), "kind: found a list"),
        (changed(ARTICLE, id=...), "id: missing"),
        (changed(ARTICLE, id=5), "id: found the number 5; an id is a string"),
        (changed(ARTICLE, id="../a"), "id: found '../a', which cannot be an id"),
        (changed(ARTICLE, body=...), "body: is empty"),
        (changed(ARTICLE, body=5), "body: found the number 5; accepted is a string"),
        (changed(ARTICLE, body="a\ud800"), "surrogate"),
        (changed(ARTICLE, body="::: agent\nx"), "body: line 1 of the body"),
        (changed(ARTICLE, bodi="x"), "did you mean `body`"),
        (changed(ARTICLE, urgent="yes"), "urgent: found 'yes'; accepted are true and false"),
        (changed(TICKET, id="a\\b"), "backslash"),
        (changed(TICKET, id=12), "an id is a string"),
        (changed(TICKET, subject=...), "subject: missing"),
        (changed(TICKET, messages=...), "messages: missing"),
        (changed(TICKET, messages="x"), "messages: found a string; accepted is a list"),
        (
            changed(TICKET, messages=[{"author": "bot", "text": "x"}]),
            "messages[1].author: found a string; accepted are customer",
        ),
        (changed(TICKET, messages=[{"author": "agent"}]), "messages[1].text: missing"),
        (changed(TICKET, closed_at="yesterday"), "closed_at: found 'yesterday'"),
        (changed(TICKET, customer={"mail": "x"}), "did you mean `email`"),
        (changed(TICKET, priority="high"), "priority: unknown key"),
    ],
)
def test_a_malformed_record_names_field_finding_and_what_is_accepted(record: object, told: str) -> None:
    assert told in refused(record)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("你好，想退货\n\n在 2026年5月1日，客服 <a@b.example> 写道：\n\n> 您好\n> 再见", "你好，想退货"),
        ("好的\n\n发自我的iPhone", "好的"),
        ("收到\n-----原始邮件-----\n发件人: x\n正文", "收到"),
        ("收到\n\n发件人: a\n发送时间: b\n收件人: c\n主题: d\n正文", "收到"),
        ("Yes.\n\nOn Mon, Jan 1, 2026 at 3:00 PM Support\n<s@x.example> wrote:\n\n> hi", "Yes."),
        ("On Jan 1 s@x.example wrote:\n> Which model?\nIt is the X-200.", "It is the X-200."),
        (
            "Thanks, that works. One more thing:\nHow?\nThanks, Bob\nmore",
            "Thanks, that works. One more thing:\nHow?\nThanks, Bob\nmore",
        ),
        ("From: the first day\nit was broken", "From: the first day\nit was broken"),
        ("Steps:\n- one\n- two\n\nKind regards,\nAnn", "Steps:\n- one\n- two"),
        ("客服写道：请等待。\n我等了", "客服写道：请等待。\n我等了"),
        ("needs >5 A\n>5 A trips", "needs >5 A\n>5 A trips"),
        ("> all quoted", ""),
    ],
)
def test_only_what_the_writer_newly_wrote_stays(text: str, kept: str) -> None:
    assert newly_written(text) == kept


@pytest.mark.parametrize("unit", ["On a b ", "\n", "> ", "From: x\n", "在 ", " ", "On x\n", "--\n", "_", "wrote: "])
def test_stripping_a_hostile_mail_comes_to_an_end(unit: str) -> None:
    assert len(newly_written(unit * 50_000)) <= 50_000 * len(unit)

"""Conversations that the service keeps, handed over by a real server: why, when, and with what."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import REFUND, Centre, tiny_settings
from server_process import Server, serving, until
from webhook_server import Webhook, webhook

from kb.config import Paths
from kb.store.handovers import without_envelopes

PHONE = "13800138000"
MONEY = REFUND.replace("language: en\n", "language: en\ncategory: money\nquestions: [How long do refunds take?]\n")
POINTS = (
    "---\nlanguage: en\ncategory: loyalty\nquestions: [How do I earn points?]\n---\n# Points\n\nOne point a pound.\n"
)
KNOWN = "How long do refunds take?"


@pytest.fixture(scope="module")
def hook() -> Iterator[Webhook]:
    with webhook() as listening:
        yield listening


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Any, hook: Webhook) -> Any:
    """Answers what is asked in an editor's own words, and refuses everything else."""
    home = tmp_path_factory.mktemp("handing-on") / "home"
    (home / "articles").mkdir(parents=True)
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.article("refund.md", MONEY)
    centre.article("points.md", POINTS)
    centre.reindex()
    environment = {
        "KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC", "KB_MIN_CONFIDENCE": "0.95",
        "KB_HANDOVER_URL": hook.url, "KB_HANDOVER_TURNS": "3", "KB_HANDOVER_MINUTES": "5",
        "KB_HANDOVER_TOPICS": "loyalty",
    }  # fmt: skip
    with serving(home, tiny_model, environment=environment) as server:
        yield server


class Talk:
    """One conversation with a server."""

    def __init__(self, server: Server, **fields: Any) -> None:
        self._server, self._fields, self.id = server, fields, None

    def say(self, question: str, **fields: Any) -> dict[str, Any]:
        kept = {"conversation_id": self.id} if self.id else {"conversation": True}
        response = self._server.client.post("/api/answers", json={"question": question} | kept | self._fields | fields)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        self.id = answer["conversation_id"]
        return answer

    def outcomes(self, *questions: str) -> list[str | None]:
        """What came of each: the reason where it is handed over, else the outcome."""
        told = [self.say(question) for question in questions]
        return [answer["reason"] if answer["outcome"] == "handover" else answer["outcome"] for answer in told]


def test_two_refusals_in_a_row_hand_over_and_two_with_an_answer_between_do_not(served: Server) -> None:
    assert Talk(served).outcomes("zebra stripes", "purple clouds") == ["abstained", "repeated_failure"]
    assert Talk(served).outcomes("zebra stripes", KNOWN, "purple clouds") == ["abstained", "answered", "abstained"]
    assert Talk(served).outcomes("zebra stripes", "purple clouds", "green mountains") == [
        "abstained", "repeated_failure", "abstained",
    ], "what was handed over is no refusal"  # fmt: skip


def test_where_the_caller_keeps_the_turns_two_refusals_in_a_row_hand_over_too(served: Server) -> None:
    def said(question: str, *before: str) -> str | None:
        body = {"question": question, "conversation": list(before)}
        answer = served.client.post("/api/answers", json=body).json()
        return str(answer["reason"]) if answer["outcome"] == "handover" else str(answer["outcome"])

    assert said("purple clouds", "zebra stripes") == "repeated_failure"
    assert said("purple clouds", KNOWN) == "abstained"
    assert said("purple clouds", "zebra stripes", KNOWN) == "abstained"
    assert said("purple clouds", "human please") == "abstained", "that turn was a hand-over, no refusal"
    assert [said(KNOWN, *[f"{n} of them" for n in range(turns)]) for turns in range(2, 9)] == [
        "answered", "too_long", "answered", "answered", "answered", "too_long", "answered",
    ], "every fourth turn, not each from the fourth on"  # fmt: skip


def test_after_so_many_turns_or_minutes_a_person_is_due_once(served: Server) -> None:
    assert Talk(served).outcomes(KNOWN, KNOWN.upper()) == ["answered", "repeated_failure"]
    once = Talk(served)
    assert once.outcomes(KNOWN, "How do refunds go?", KNOWN, "Where do refunds go?", KNOWN)[-2:] == [
        "too_long", "answered",
    ]  # fmt: skip
    slow = Talk(served)
    slow.say(KNOWN)
    with closing(sqlite3.connect(Paths(served.home).journal, isolation_level=None)) as db:
        db.execute("UPDATE turns SET at = at - 301")
    assert slow.outcomes("Where do refunds go?", KNOWN) == ["too_long", "answered"]


def test_a_category_of_the_centres_list_is_for_a_person(served: Server) -> None:
    assert Talk(served).outcomes("How do I earn points?") == ["listed_topic"]


def test_the_centre_is_told_how_it_went_and_the_customers_own_words_lie_in_the_envelope_alone(
    served: Server, hook: Webhook, tmp_path: Path
) -> None:
    hook.status, hook.reply = 503, {"reference": "R-9"}
    talk = Talk(served, customer_ref="C-41")
    talk.say(KNOWN, context={"plan": f"Gold, phone {PHONE}"})
    talk.say(f"I am called Wang Xiaoming, my phone is {PHONE}, zebra?")
    paths = Paths(served.home)
    lying = [file for file in paths.home.rglob("*") if file.is_file()]
    assert not [file for file in lying if PHONE.encode() in file.read_bytes()]
    with closing(sqlite3.connect(paths.journal)) as db:
        closed = [row[0] for row in db.execute("SELECT closed FROM turns WHERE customer IS NOT NULL")]
    assert all(closed)
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(paths.journal)) as db, closing(sqlite3.connect(copy)) as copied:
        db.backup(copied)
    assert [one[:40] in copy.read_bytes() for one in closed] == [True, True]
    without_envelopes(copy)
    assert [one[:40] in copy.read_bytes() for one in closed] == [False, False], "a backup holds none"
    handed = talk.say("转人工")
    assert handed["handover"]["reason"] == "asked_for_human"
    with closing(sqlite3.connect(paths.journal)) as db:
        assert not db.execute("SELECT 1 FROM turns WHERE closed IS NOT NULL AND customer IS NOT NULL").fetchall()
    hook.status = 200
    until(lambda: hook.taken and hook.taken[-1]["id"] == handed["handover"]["id"])
    document = hook.taken[-1]
    envelope = document.pop("envelope")
    assert PHONE not in json.dumps(document)
    assert "Wang Xiaoming" not in json.dumps(document)
    assert talk.id not in json.dumps(document | {"envelope": envelope}), "who reads it could go on with it"
    assert (document["turns"], document["refusals"]) == (3, 1)
    assert 0 <= document["minutes"] < 1
    assert document["categories"] == ["loyalty", "money"]
    assert [turn["speaker"] for turn in document["transcript"]] == ["customer", "bot", "customer", "bot", "customer"]
    assert [one["articles"][0]["document_id"] for one in document["cited"]] == ["refund"]
    assert {one["document_id"] for one in document["shown"]} == {"refund", "points"}
    said = [turn["text"] for turn in envelope["transcript"] if turn["speaker"] == "customer"]
    assert said == [KNOWN, f"I am called Wang Xiaoming, my phone is {PHONE}, zebra?", "转人工"]
    assert envelope["customer_ref"] == "C-41"
    until(lambda: not any(one[:40] in journal_bytes(paths) for one in closed))
    assert not any(PHONE.encode() in file.read_bytes() for file in paths.home.rglob("*") if file.is_file())
    assert PHONE not in served.log.read_text("utf-8")


def journal_bytes(paths: Paths) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(paths.journal.parent.glob("journal.sqlite*")))


def test_words_that_nobody_takes_over_are_deleted_to_the_last_byte(served: Server) -> None:
    paths = Paths(served.home)
    Talk(served, customer_ref="C-42").say("zebra stripes")
    with closing(sqlite3.connect(paths.journal, isolation_level=None)) as db:
        (closed,) = db.execute("SELECT closed FROM turns WHERE closed IS NOT NULL ORDER BY at DESC").fetchone()
        assert closed[:40] in journal_bytes(paths)
        db.execute("PRAGMA secure_delete = ON")
        db.execute("UPDATE turns SET at = ? WHERE closed IS NOT NULL", [time.time() - 24 * 3_600 - 1])
    until(lambda: closed[:40] not in journal_bytes(paths))

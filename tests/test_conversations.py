"""Conversations, events and what is known of the customer: by a real server, and by its parts."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Centre, tiny_settings
from httpx_sse import connect_sse
from server_process import Server, serving

from kb.access.keys import create_key
from kb.config import Paths
from kb.conversations import NEW, Conversations
from kb.errors import NotShown
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.retention import forget
from kb.search.applicability import applies

ENVIRONMENT = {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC", "KB_MIN_CONFIDENCE": "0"}
GAS = (
    "---\nlanguage: en\nurgent: true\nquestions: [I smell gas]\nanswer: Leave the house. Call 999.\n"
    "actions:\n  - {label: Help, link: /help}\n---\n# If you smell gas\n\nLeave the house. Call 999.\n"
)
FEES = "---\nlanguage: en\napplies_to:\n  region: {}\n---\n# Delivery fee {}\n\nThe delivery fee is {} pounds.\n"


@pytest.fixture
def journal(two: Centre) -> Iterator[Journal]:
    with closing(Journal(two.paths, two.settings)) as made:
        yield made


def kb_of(centre: Centre, **settings: Any) -> KnowledgeBase:
    chosen = tiny_settings(Path(centre.settings.model), **{"min_confidence": 0.0, **settings})
    return KnowledgeBase(centre.paths, chosen, embedder=centre.embedder)


def journal_bytes(centre: Centre) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(centre.paths.journal.parent.glob("journal.sqlite*")))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Any) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("talk") / "home"
    (home / "articles").mkdir(parents=True)
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.article("refund.md", "---\nlanguage: en\n---\n# Refunds\n\nRefunds take five days.\n\nTo the same card.\n")
    centre.article("gas.md", GAS)
    centre.reindex()
    with serving(home, tiny_model, "--workers", "2", environment=ENVIRONMENT) as server:
        yield server


def ask(server: Server, question: str, key: str | None = None, **fields: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return server.client.post("/api/answers", json={"question": question, **fields}, headers=headers)


def test_a_conversation_goes_on_in_any_worker_and_for_nobody_else(served: Server) -> None:
    centre_paths = Paths(served.home)
    mine, other = (create_key(centre_paths, "public", name=name).key for name in ("mine", "other"))
    first = ask(served, "How long do refunds take?", mine, conversation=True, customer_ref="c1").json()
    id_ = first["conversation_id"]
    assert len(id_) >= 32
    for number in range(6):  # each by whichever worker takes it
        again = ask(served, f"and to which card? {number}", mine, conversation_id=id_, customer_ref="c1")
        assert again.json()["conversation_id"] == id_
    with closing(sqlite3.connect(centre_paths.journal)) as db:
        kept = db.execute("SELECT conversation FROM answers WHERE question LIKE 'and to which card? 5'").fetchone()
    assert json.loads(kept[0])[:2] == ["How long do refunds take?", "and to which card? 0"]
    refused = [
        ask(served, "and?", other, conversation_id=id_, customer_ref="c1"),
        ask(served, "and?", mine, conversation_id=id_, customer_ref="c2"),
        ask(served, "and?", mine, conversation_id=id_),
        ask(served, "and?", None, conversation_id=id_, customer_ref="c1"),
        ask(served, "and?", mine, conversation_id="guessed", customer_ref="c1"),
    ]
    assert [response.status_code for response in refused] == [404] * 5
    assert len({response.json()["detail"] for response in refused}) == 1
    assert ask(served, "and?", mine, conversation_id=id_, conversation=["x"]).status_code == 400
    assert ask(served, "refunds?").json()["conversation_id"] is None
    assert id_.encode() not in centre_paths.journal.read_bytes()


def events(source: Any) -> list[tuple[str, Any]]:
    return [(event.event, json.loads(event.data)) for event in source.iter_sse()]


def told_as_events(found: list[tuple[str, Any]]) -> str:
    return "".join(data["before"] + data["text"] for name, data in found if name == "sentence")


def test_events_say_what_the_answer_says_and_are_on_record_before(served: Server) -> None:
    body = {"question": "How long do refunds take?"}
    whole = served.client.post("/api/answers", json=body).json()
    with connect_sse(served.client, "POST", "/api/answers", json=body) as source:
        found = events(source)
    assert [name for name, _ in found][-3:] == ["citations", "actions", "done"]
    assert told_as_events(found) == whole["text"]
    done = found[-1][1]
    assert {**done, "answer_id": 0} == {**whole, "answer_id": 0}
    assert [d["citation"] for name, d in found if name == "sentence"] == whole["citations"]
    with closing(sqlite3.connect(served.home / "data" / "journal.sqlite")) as db:
        assert db.execute("SELECT 1 FROM answers WHERE answer_id = ?", [done["answer_id"]]).fetchone()


def test_an_event_source_fetches_an_answer_once_and_no_question_stands_in_its_address(served: Server) -> None:
    offered = served.client.post("/api/answers/stream", json={"question": "zebra refunds?", "channel": "sms"}).json()
    assert "zebra" not in offered["url"]
    with connect_sse(served.client, "GET", offered["url"]) as source:
        found = events(source)
    assert found[0] == ("begun", {"expires_in": 60})
    assert found[-1][1]["form"]["channel"] == "sms"
    assert told_as_events(found) == found[-1][1]["text"]
    assert served.client.get(offered["url"]).status_code == 404, "once"
    assert "zebra" not in served.log.read_text("utf-8")


def test_a_reader_that_goes_away_leaves_the_service_as_it_was(served: Server) -> None:
    for _ in range(3):
        with served.client.stream(
            "POST", "/api/answers", json={"question": "refunds?"}, headers={"Accept": "text/event-stream"}
        ) as response:
            assert response.status_code == 200
    assert ask(served, "refunds?").status_code == 200
    assert "unexpected error" not in served.log.read_text("utf-8")


def test_an_error_has_its_status_before_any_event(served: Server) -> None:
    answer = served.client.post("/api/answers", json={"question": "  "}, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_danger_is_said_first_in_every_form_and_in_events(served: Server) -> None:
    body = {"question": "help, there is a strong smell of gas"}
    urgent = "Leave the house. Call 999."
    for channel in ("sms", "ivr", "wechat", "web", "app", "markdown", "cards"):
        made = served.client.post("/api/answers", json=body | {"channel": channel}).json()
        assert made["urgent"]["text"] == urgent
        assert made["urgent"]["citations"][0]["document_id"] == "gas"
        shown = made["form"]["cards"][0]["text"] if channel == "cards" else made["form"]["text"]
        assert shown.replace('<p class="kb-urgent" role="alert">', "").startswith("Leave the house.")
    with connect_sse(served.client, "POST", "/api/answers", json=body) as source:
        assert [name for name, _ in events(source)][:2] == ["urgent", "urgent"]


def test_danger_is_said_where_nothing_answers(two: Centre) -> None:
    two.article("gas.md", GAS)
    two.reindex()
    answer = kb_of(two, min_confidence=1.0).answer(Ask("strange whiff of gas in the cellar since last week"))
    assert answer.outcome == "abstained"
    assert answer.urgent is not None
    assert answer.urgent.text == "Leave the house. Call 999."
    assert kb_of(two, min_confidence=1.0).answer(Ask("strange noise in the cellar")).urgent is None


def test_what_was_said_is_redacted_expires_and_its_bytes_go(two: Centre, journal: Journal) -> None:
    kept = Conversations(journal, two.settings)
    kb = kb_of(two)
    id_ = kept.answer(kb, NEW, Ask("refunds for 13812345678 qqfirst"), Origin(customer="c")).conversation_id or ""
    kept.answer(kb, id_, Ask("and qqsecond?"), Origin(customer="c"))
    assert b"13812345678" not in journal_bytes(two)
    assert b"qqsecond" in journal_bytes(two)
    later = time.time() + two.settings.conversation_hours * 3600 + 1
    journal.close()
    with closing(sqlite3.connect(two.paths.journal)) as db:
        db.execute("DELETE FROM answers")
        db.commit()
    assert forget(two.paths, two.settings, now=later) == 3  # two turns and their conversation
    assert b"qqsecond" not in journal_bytes(two)


def test_an_expired_conversation_is_unknown(two: Centre, journal: Journal) -> None:
    soon = tiny_settings(Path(two.settings.model), conversation_hours=1e-7)
    kept = Conversations(journal, soon)
    id_ = kept.answer(kb_of(two), NEW, Ask("refunds?"), Origin()).conversation_id or ""
    with pytest.raises(NotShown):
        kept.answer(kb_of(two), id_, Ask("and?"), Origin())


def test_turns_are_erased_by_their_customer(two: Centre, journal: Journal) -> None:
    Conversations(journal, two.settings).answer(kb_of(two), NEW, Ask("refunds?"), Origin(customer="c"))
    with closing(sqlite3.connect(two.paths.journal)) as db:
        hashes = {t: db.execute(f"SELECT customer FROM {t}").fetchall() for t in ("conversations", "turns", "answers")}
    assert len({str(found) for found in hashes.values()}) == 1
    assert hashes["turns"][0][0]


@pytest.fixture
def regions(two: Centre) -> Centre:
    for region, fee in (("UK", 5), ("Hong Kong", 9)):
        two.article(f"fee-{fee}.md", FEES.format(region, "in the " + region, fee))
    two.reindex()
    return two


def test_what_is_known_of_the_customer_picks_the_variant_and_never_mixes(regions: Centre) -> None:
    kb = kb_of(regions)
    told = {}
    for region in ("UK", "Hong Kong"):
        answer = kb.answer(Ask("What is the delivery fee?", context=(("region", region), ("shoe", "44"))))
        told[region] = {citation.document_id for citation in answer.citations}
    assert told == {"UK": {"fee-5"}, "Hong Kong": {"fee-9"}}


def test_a_search_labels_what_is_not_for_the_customer(regions: Centre) -> None:
    result = kb_of(regions).search(Ask("delivery fee", context=(("region", "UK"),)))
    labels = {hit.document_id: hit.contradicts for hit in result.hits}
    assert labels["fee-9"] == ("region",)
    assert labels["fee-5"] == labels["delivery"] == ()


@pytest.mark.parametrize(
    ("value", "asked", "fits"),
    [
        ("mainland China, Hong Kong, Taiwan, Singapore and the UK", "UK", True),
        ("台灣、香港", "香港", True),
        ("台灣、香港", "英国", False),
        ("台灣、香港", "UK", None),
        ("Gold and Platinum", "gold", True),
        ("Gold", "Gold Plus", None),
        ("Gold", "Silver", False),
        ("HW-W6-80, HW-W6-100", "CloudWash W6", True),
        ("CloudWash W6", "CloudWash W8", False),
        ("BreezeLine A9 (HA-A9-26, HA-A9-35)", "HA-A9-35", True),
    ],
)
def test_whom_an_article_is_for(value: str, asked: str, fits: bool | None) -> None:
    assert applies(value, asked, lambda _: {}) is fits

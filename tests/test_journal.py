"""The journal: what is recorded and for how long, that nothing personal is in its bytes, and what outlives a kill."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Centre, Shell, tiny_settings
from server_process import Server, serving, until
from sqlite_utils import Database

from kb import recording
from kb.access.callers import Role
from kb.access.keys import create_key
from kb.config import Paths
from kb.customers import Customers
from kb.errors import NotShown, StoreError, UsageError
from kb.feedback import Feedback, take
from kb.jobs import server_file
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.results import Ask
from kb.retention import forget
from kb.store import group_commit
from kb.store.group_commit import GroupCommit
from kb.store.journal import open_journal
from kb.store.signals import Shown

SECRETS = (
    "13812345678",
    "王小明",
    "Jonathan Blackwood",
    "4111 1111 1111 1111",
    "221B Baker Street",
    "jon@mail.example",
)
REFERENCE = "customer nine"
ENVIRONMENT = {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC"}
ASKED = f"我叫王小明，电话{SECRETS[0]}，card {SECRETS[3]}: how long do refunds take?"
TURNS = (f"My name is {SECRETS[2]}, I live at {SECRETS[4]}, London", f"write to {SECRETS[5]}", "我叫", SECRETS[1])


@pytest.fixture
def kb(two: Centre) -> KnowledgeBase:
    """Two articles, every question about which is answered."""
    settings = tiny_settings(Path(two.settings.model), min_confidence=0.0)
    return KnowledgeBase(two.paths, settings, embedder=two.embedder)


@pytest.fixture
def journal(two: Centre) -> Iterator[Journal]:
    with closing(Journal(two.paths, two.settings)) as made:
        yield made


def rows(paths: Paths, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What the journal holds, read without kb."""
    with closing(sqlite3.connect(paths.journal)) as db:
        return db.execute(query, values).fetchall()


def bytes_of(paths: Paths) -> bytes:
    """The journal as it lies on the disk, its write-ahead log with it."""
    return b"".join(file.read_bytes() for file in sorted(paths.journal.parent.glob("journal.sqlite*")))


def test_an_answer_is_on_record_before_it_is_told_with_all_that_explains_it(
    two: Centre, kb: KnowledgeBase, journal: Journal
) -> None:
    answer = recording.answer(kb, journal, Ask("When are refunds?", ("hello",)), Origin("k1", "chat", "cust 7"))
    with closing(sqlite3.connect(two.paths.journal)) as db:
        db.row_factory = sqlite3.Row
        kept = dict(db.execute("SELECT * FROM answers WHERE answer_id = ?", [answer.answer_id]).fetchone())
    assert (kept["caller"], kept["channel"], kept["question"]) == ("k1", "chat", "When are refunds?")
    assert kept["customer"] == Customers(two.paths.customer_key).hash("cust 7")
    assert (json.loads(kept["conversation"]), json.loads(kept["audiences"])) == (["hello"], ["public"])
    assert (kept["outcome"], kept["reason"], kept["prompt_version"]) == ("answered", None, None)
    assert (kept["document_id"], kept["revision"], kept["model"]) == ("refund", 1, kb.fingerprint)
    view = kb.reader.view
    assert (kept["generation"], kept["change"]) == (view.manifest.generation, view.change)
    assert (kept["threshold"], kept["confidence"]) == (0.0, answer.confidence)
    told = json.loads(kept["told"])
    assert (told["text"], len(told["citations"])) == (answer.text, len(answer.citations))
    first = json.loads(kept["candidates"])[0]
    assert first["document_id"] == "refund"
    assert {"cosine", "keyword", "coverage"} <= set(first["signs"])
    assert first["probability"] == answer.confidence
    assert kept["ms"] > 0


def test_a_search_is_recorded_with_what_it_showed(two: Centre, kb: KnowledgeBase, journal: Journal) -> None:
    result = recording.search(kb, journal, Ask("refunds", tag=None, language="en"), 5, Origin(customer="c"))
    journal.close()
    [(shown, filters, customer)] = rows(
        two.paths, "SELECT shown, filters, customer FROM searches WHERE query_id = ?", result.query_id
    )
    assert [one["document_id"] for one in json.loads(shown)] == [hit.document_id for hit in result.hits]
    assert json.loads(filters) == {"language": "en"}
    assert customer == Customers(two.paths.customer_key).hash("c")


def test_no_personal_data_is_in_the_bytes_of_the_journal(two: Centre, kb: KnowledgeBase, journal: Journal) -> None:
    origin = Origin("", f"sms {SECRETS[0]}", "customer Jonathan")
    answer = recording.answer(kb, journal, Ask(ASKED, TURNS), origin)
    recording.search(kb, journal, Ask(ASKED, product=SECRETS[0]), 5, origin)
    found = recording.search(kb, journal, Ask(ASKED), 5, origin)
    note = f"call {SECRETS[2]} at {SECRETS[0]}"
    take(journal, Feedback("not_helpful", answer_id=answer.answer_id, reason="wrong", note=note), origin)
    take(journal, Feedback("opened", query_id=found.query_id, document_id=found.hits[0].document_id), origin)
    held = bytes_of(two.paths)
    assert b"how long do refunds take" in held
    left = [text for text in (*SECRETS, "customer Jonathan", "Blackwood") if text.encode() in held]
    assert left == []
    journal.close()
    assert [text for text in SECRETS if text.encode() in bytes_of(two.paths)] == []


def test_the_centres_own_number_stays_in_a_question(two: Centre, kb: KnowledgeBase) -> None:
    settings = tiny_settings(Path(two.settings.model), keep=("400-820-0316",))
    with closing(Journal(two.paths, settings)) as journal:
        recording.answer(kb, journal, Ask("is 400-820-0316 your number? mine is 13812345678"), Origin())
    assert rows(two.paths, "SELECT question FROM answers") == [("is 400-820-0316 your number? mine is [phone]",)]


def test_a_number_cut_by_the_length_that_is_kept_is_no_longer_there(
    two: Centre, kb: KnowledgeBase, journal: Journal
) -> None:
    for extra in range(1, 12):
        turn = f"my number is {SECRETS[0]} " + "x " * 993 + "y" * extra
        recording.answer(kb, journal, Ask("refunds?", (turn,)), Origin())
    assert not [n for n in range(7) if SECRETS[0][n:].encode() in bytes_of(two.paths)]


def test_what_of_the_questions_words_stands_in_no_document_is_not_kept_with_an_answer(
    two: Centre, kb: KnowledgeBase, journal: Journal
) -> None:
    recording.answer(kb, journal, Ask("refunds for wobblegrass days"), Origin())
    [(basis,)] = rows(two.paths, "SELECT basis FROM answers")
    assert set(json.loads(basis)["rarity"]) == {"refund", "day"}
    assert json.loads(basis)["elsewhere"] > 0


def test_an_evaluation_leaves_no_record(two: Centre, kb: KnowledgeBase) -> None:
    kb.answer(Ask("refunds"))
    kb.search(Ask("refunds"))
    assert not two.paths.journal.exists()


def test_a_shells_questions_are_recorded_where_no_server_runs(two: Centre, kb: KnowledgeBase) -> None:
    answer = recording.answer_alone(kb, two.paths, Ask("When are refunds?"))
    found = recording.search_alone(kb, two.paths, Ask("refunds"), 5)
    assert rows(two.paths, "SELECT answer_id, channel FROM answers") == [(answer.answer_id, "shell")]
    assert rows(two.paths, "SELECT query_id, channel FROM searches") == [(found.query_id, "shell")]


def test_an_answer_that_cannot_be_recorded_is_not_told_and_a_search_goes_on(
    two: Centre, kb: KnowledgeBase, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    two.paths.journal.mkdir()
    with pytest.raises(StoreError, match=r"journal\.sqlite"):
        recording.answer(kb, journal, Ask("When are refunds?"), Origin())
    assert recording.search(kb, journal, Ask("refunds"), 5, Origin()).hits
    two.paths.journal.rmdir()
    journal.close()
    assert journal.lost == 1 or rows(two.paths, "SELECT count(*) FROM searches") == [(1,)]
    assert "card" not in caplog.text


def test_writing_goes_on_when_the_disk_does(two: Centre, kb: KnowledgeBase, journal: Journal) -> None:
    two.paths.journal.mkdir()
    with pytest.raises(StoreError):
        recording.answer(kb, journal, Ask("When are refunds?"), Origin())
    two.paths.journal.rmdir()
    answer = recording.answer(kb, journal, Ask("When are refunds?"), Origin())
    assert rows(two.paths, "SELECT answer_id FROM answers") == [(answer.answer_id,)]


def test_a_full_queue_loses_searches_and_says_so_and_refuses_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(group_commit, "MOST", 2)
    opening = threading.Event()

    def slow(file: Path) -> Database:
        assert opening.wait(20)
        return open_journal(file)

    group = GroupCommit(tmp_path / "journal.sqlite", slow)
    holding = threading.Thread(target=group.keep, args=(_row("held"),))
    holding.start()
    until(lambda: group._writing.locked() and not group._kept)
    for number in range(5):
        group.note(lambda number=number: _row(f"noted {number}"))  # type: ignore[misc]
    opening.set()
    holding.join()
    group.close()
    assert group.lost == 5 - 2
    assert "searches went unrecorded" in caplog.text
    with pytest.raises(StoreError, match="too much waits"):
        group.keep(_row("closed"))


def _row(name: str) -> group_commit.Write[str]:
    def write(db: Database) -> str:
        db.execute("INSERT INTO layouts (id, passages) VALUES (?, '')", [name])
        return name

    return write


def test_sixty_four_threads_that_wait_share_a_transaction_and_each_is_told_its_own_result(tmp_path: Path) -> None:
    file, commits = tmp_path / "journal.sqlite", list[str]()

    def counting(path: Path) -> Database:
        db = open_journal(path)
        db.conn.set_trace_callback(lambda said: commits.append(said) if said == "COMMIT" else None)
        return db

    group, told = GroupCommit(file, counting), dict[int, str]()

    def write(number: int) -> None:
        try:
            told[number] = group.keep(_refused if number % 8 == 7 else _row(f"row {number}"))
        except NotShown as refused:
            told[number] = str(refused)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(64)]
    with closing(open_journal(file)) as other, other.conn:
        other.execute("BEGIN IMMEDIATE")
        threads[0].start()
        until(lambda: group._writing.locked() and not group._kept)
        for thread in threads[1:]:
            thread.start()
        until(lambda: len(group._kept) == 63, every=0.002)
    for thread in threads:
        thread.join()
    with closing(sqlite3.connect(file)) as db:
        held = {row[0] for row in db.execute("SELECT id FROM layouts")}
    group.close()
    assert told == {n: "not this one" if n % 8 == 7 else f"row {n}" for n in range(64)}
    assert held == {f"row {n}" for n in range(64) if n % 8 != 7}
    assert len(commits) == 2


def _refused(_: Database) -> None:
    raise NotShown("not this one")


def test_processes_that_open_a_new_journal_at_once_all_can(tmp_path: Path) -> None:
    opened: list[Database] = []
    threads = [
        threading.Thread(target=lambda: opened.append(open_journal(tmp_path / "journal.sqlite"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 8
    for db in opened:
        db.close()


def test_what_is_older_than_it_may_be_is_gone_from_the_bytes_and_the_rest_stays(
    two: Centre, kb: KnowledgeBase, journal: Journal
) -> None:
    for number in range(40):
        answer = recording.answer(kb, journal, Ask(f"refunds of the oldtimer{number}"), Origin())
        take(journal, Feedback("helpful", answer_id=answer.answer_id, note=f"oldnote{number}"), Origin())
        recording.search(kb, journal, Ask(f"refunds of the oldsearch{number}"), 5, Origin())
    journal.close()
    assert all(word in bytes_of(two.paths) for word in (b"oldtimer7", b"oldnote7", b"oldsearch7", b"five days"))
    assert forget(two.paths, two.settings) == 0
    with closing(Journal(two.paths, two.settings)) as later:
        take(later, Feedback("helpful", answer_id=answer.answer_id, note="stays"), Origin())
    for table in ("answers", "searches", "signals"):
        with closing(sqlite3.connect(two.paths.journal)) as db, db:
            db.execute(f"UPDATE {table} SET at = at - 200 * 86400 WHERE note IS NOT 'stays'" if table == "signals"
                       else f"UPDATE {table} SET at = at - 200 * 86400")  # fmt: skip
    assert forget(two.paths, two.settings) == 120
    held = bytes_of(two.paths)
    assert not [word for word in (b"oldtimer", b"oldnote", b"oldsearch", b"five days") if word in held]
    assert b"stays" in held
    assert rows(two.paths, "SELECT count(*) FROM layouts") == [(0,)]


def test_a_reindex_forgets_what_is_too_old(two: Centre, kb: KnowledgeBase, journal: Journal, shell: Shell) -> None:
    recording.answer(kb, journal, Ask("refunds"), Origin())
    journal.close()
    with closing(sqlite3.connect(two.paths.journal)) as db, db:
        db.execute("UPDATE answers SET at = at - 3 * 86400")
    assert shell(two.home, "reindex", environment=ENVIRONMENT).returncode == 0
    assert rows(two.paths, "SELECT count(*) FROM answers") == [(1,)]
    assert shell(two.home, "reindex", environment=ENVIRONMENT | {"KB_JOURNAL_DAYS": "2"}).returncode == 0
    assert rows(two.paths, "SELECT count(*) FROM answers") == [(0,)]


# Feedback


def test_feedback_is_taken_about_what_was_shown_and_about_nothing_else(
    kb: KnowledgeBase, journal: Journal, two: Centre
) -> None:
    found = recording.search(kb, journal, Ask("refunds"), 1, Origin())
    [hit] = found.hits
    kept = take(journal, Feedback("opened", query_id=found.query_id, passage_id=hit.passage_id), Origin())
    assert (kept.document_id, kept.revision, kept.rank) == (hit.document_id, hit.revision, 1)
    other = {"refund": "delivery", "delivery": "refund"}[hit.document_id]
    wrong: list[dict[str, Any]] = [
        {"query_id": "0" * 32, "document_id": hit.document_id},
        {"answer_id": found.query_id},
        {"query_id": found.query_id, "document_id": other},
        {"query_id": found.query_id, "document_id": "no such document"},
        {"query_id": found.query_id, "document_id": hit.document_id, "rank": 2},
        {"query_id": found.query_id, "document_id": hit.document_id, "passage_id": "delivery@1#0" * 2},
    ]
    told = set()
    for given in wrong:
        with pytest.raises(NotShown) as refused:
            take(journal, Feedback("opened", **given), Origin())
        told.add(str(refused.value))
    assert len(told) == 1, "an unknown id and a document that exists but was not shown are told apart"
    assert rows(two.paths, "SELECT count(*) FROM signals") == [(1,)]


def test_feedback_about_a_keys_answer_is_for_that_key_or_who_has_the_id(kb: KnowledgeBase, journal: Journal) -> None:
    answer = recording.answer(kb, journal, Ask("When are refunds?"), Origin("key1"))
    given = Feedback("helpful", answer_id=answer.answer_id)
    assert take(journal, given, Origin("key1")).document_id == "refund"
    assert take(journal, given, Origin()).document_id == "refund"
    with pytest.raises(NotShown):
        take(journal, given, Origin("key2"))


def test_feedback_about_an_article_that_was_read_names_no_question(journal: Journal, two: Centre) -> None:
    given, read = Feedback("helpful", document_id="refund", id="n1"), Shown("refund", 1)
    for _ in range(2):
        kept = take(journal, given, Origin("", "web"), read)
        assert (kept.document_id, kept.revision, kept.query_id, kept.answer_id) == ("refund", 1, None, None)
    assert rows(two.paths, "SELECT about, kind FROM signals") == [("refund", "helpful")]
    with pytest.raises(UsageError, match="document_id"):
        take(journal, given, Origin("", "web"))


def test_a_verdict_is_said_of_an_answer_and_alone_has_a_rating(kb: KnowledgeBase, journal: Journal) -> None:
    answer = recording.answer(kb, journal, Ask("When are refunds?"), Origin())
    kept = take(journal, Feedback("solved", answer_id=answer.answer_id, rating=4, note="Call 13812345678"), Origin())
    assert (kept.document_id, kept.rating) == ("refund", 4)
    assert "13812345678" not in (kept.note or "")
    assert take(journal, Feedback("not_solved", answer_id=answer.answer_id), Origin()).rating is None
    with pytest.raises(UsageError, match="rating"):
        take(journal, Feedback("helpful", answer_id=answer.answer_id, rating=4), Origin())
    with pytest.raises(UsageError, match="answer_id"):
        take(journal, Feedback("solved", document_id="refund"), Origin(), Shown("refund", 1))


def test_feedback_with_the_same_id_counts_once_for_each_answer(
    kb: KnowledgeBase, journal: Journal, two: Centre
) -> None:
    ids = [recording.answer(kb, journal, Ask("When are refunds?"), Origin()).answer_id for _ in range(2)]
    for about in (*ids, *ids):
        assert take(journal, Feedback("helpful", answer_id=about, id="n1"), Origin()).kind == "helpful"
    assert take(journal, Feedback("not_helpful", answer_id=ids[0], id="n1"), Origin()).kind == "helpful"
    assert rows(two.paths, "SELECT count(*) FROM signals") == [(2,)]


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "helpful"},
        {"kind": "helpful", "query_id": "a", "answer_id": "b"},
        {"kind": "helpful", "answer_id": "a", "reason": "wrong"},
        {"kind": "opened", "query_id": "a"},
    ],
)
def test_feedback_that_says_too_little_or_too_much_is_refused(journal: Journal, given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        take(journal, Feedback(**given), Origin())


@pytest.fixture
def served(two: Centre) -> Iterator[Server]:
    with serving(two.home, two.settings.model, environment=ENVIRONMENT | {"KB_MIN_CONFIDENCE": "0"}) as server:
        yield server


def test_acknowledged_feedback_and_told_answers_survive_a_kill_of_the_server(two: Centre, served: Server) -> None:
    acknowledged, told = [], []
    end = threading.Event()

    def ask(client: httpx.Client) -> None:
        while not end.is_set():
            answer = client.post(
                "/api/answers", json={"question": "When are refunds?", "customer_ref": REFERENCE}
            ).json()
            told.append(answer["answer_id"])
            given = {
                "kind": "helpful",
                "answer_id": answer["answer_id"],
                "id": f"f{len(told)}",
                "customer_ref": REFERENCE,
            }
            if (reply := client.post("/api/feedback", json=given)).status_code == 200:
                acknowledged.append((answer["answer_id"], reply.json()["id"]))

    def asking() -> None:
        with httpx.Client(base_url=str(served.client.base_url), timeout=10) as client:
            try:
                ask(client)
            except (httpx.TransportError, json.JSONDecodeError):
                return

    threads = [threading.Thread(target=asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 40:
        time.sleep(0.01)
    served.process.kill()
    end.set()
    for thread in threads:
        thread.join()
    kept = set(rows(two.paths, "SELECT answer_id, id FROM signals"))
    assert not set(acknowledged) - kept
    assert not set(told) - {row[0] for row in rows(two.paths, "SELECT answer_id FROM answers")}
    assert rows(two.paths, "SELECT DISTINCT customer FROM signals") == [
        (Customers(two.paths.customer_key).hash(REFERENCE),)
    ]
    assert REFERENCE.encode() not in bytes_of(two.paths)


def test_http_takes_feedback_and_refuses_what_was_not_shown(two: Centre, served: Server) -> None:
    headers = {"Kb-Customer": "ref 12"}
    found = served.client.get("/api/search", params={"q": "refunds", "k": 1}, headers=headers).json()
    about = {"query_id": found["query_id"], "document_id": found["hits"][0]["document_id"]}
    given = {"kind": "copied", **about, "rank": 1, "id": "once"}
    for _ in range(2):
        reply = served.client.post("/api/feedback", json=given)
        assert (reply.status_code, reply.json()) == (200, {"id": "once", "kind": "copied"})
    assert rows(two.paths, "SELECT count(*) FROM signals") == [(1,)]
    assert rows(two.paths, "SELECT customer FROM searches") == [(Customers(two.paths.customer_key).hash("ref 12"),)]
    for status, body in (
        (404, {**given, "query_id": "f" * 32}),
        (404, {**given, "document_id": "delivery" if about["document_id"] == "refund" else "refund"}),
        (400, {**given, "kind": "liked"}),
        (400, {**given, "note": "x" * 2_001}),
        (400, {**given, "customer_ref": "x" * 201}),
        (400, {**given, "answer_id": "1"}),
    ):
        refused = served.client.post("/api/feedback", json=body)
        assert refused.status_code == status, refused.text
        assert refused.headers["content-type"].startswith("application/problem+json")
    for path in ("gaps", "usage"):
        assert served.get(f"/api/insights/{path}").status_code == 401


def test_a_shells_question_to_the_running_server_is_recorded_there(two: Centre, served: Server, shell: Shell) -> None:
    until(server_file(two.paths.index).exists)
    environment = ENVIRONMENT | {"KB_MIN_CONFIDENCE": "0"}
    for command in ("ask", "search"):
        assert shell(two.home, command, "When are refunds?", environment=environment).returncode == 0
    until(
        lambda: (
            rows(two.paths, "SELECT channel FROM answers UNION ALL SELECT channel FROM searches") == [("shell",)] * 2
        )
    )


@pytest.mark.parametrize(("role", "status"), [("public", 403), ("agent", 403), ("editor", 200), ("admin", 200)])
def test_insights_are_for_editors(two: Centre, served: Server, role: Role, status: int) -> None:
    made = create_key(two.paths, role)
    for path in ("gaps", "usage"):
        headers = {"Authorization": f"Bearer {made.key}"}
        reply = served.client.get(f"/api/insights/{path}", params={"days": 3}, headers=headers)
        assert reply.status_code == status, reply.text

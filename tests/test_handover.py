"""Handing over: noticed, told to the centre whatever happens to it or to us, and nothing left lying about."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Centre
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from server_process import free_port, serving, until
from webhook_server import Webhook, webhook

from kb.backup.erasing import erase
from kb.backup.taking import back_up
from kb.config import Settings, load_settings
from kb.errors import NotShown, SettingsError, UsageError
from kb.handover.delivery import pause
from kb.handover.document import Conversation, Said
from kb.handover.handing import MOST_CALLBACKS, HandOvers, read_all, try_again
from kb.handover.likely import BUCKETS, Packed, shipped
from kb.handover.rules import due, wants_human
from kb.handover.webhook import read_reply
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.progress import silent
from kb.results import Ask, HandedOver

SECRET = "a-secret-that-both-sides-know"
PHONE = "13800138000"
WORDS = f"我叫王小明，电话{PHONE}，退款没到账"


def phrasings(name: str) -> list[str]:
    lines = (ROOT / "tests" / "data" / f"handover_{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def share(name: str) -> float:
    """The share of a file's texts of which it is said that a person is wanted."""
    texts = phrasings(name)
    assert len(texts) >= 200
    return sum(wants_human(text) is not None for text in texts) / len(texts)


def test_wanting_a_human_is_noticed_in_97_of_100_phrasings() -> None:
    assert share("wanting") >= 0.97


def test_an_ordinary_question_that_mentions_people_is_taken_for_that_in_2_of_100_at_most() -> None:
    assert share("ordinary") <= 0.02


def test_of_phrasings_that_nothing_was_made_from_most_are_told_apart_by_words_and_meaning(
    sample_kb: KnowledgeBase,
) -> None:
    """The target is 0.97 and 0.02; these are what is reached, so that it gets no worse."""
    assert sample_kb.fingerprint == shipped().fingerprint
    wanting, ordinary = phrasings("wanting_fresh"), phrasings("ordinary_fresh")
    small = [
        "hi",
        "thank you so much",
        "yes, that one",
        "1",
        "你好呀",
        "好的呢",
        "第四个",
        "那以旧换新呢",
        "what about gift cards",
    ]
    ordinary += small
    vectors = sample_kb.embed([*wanting, *ordinary])
    told = [wants_human(text, (), vector) is not None for text, vector in zip(wanting + ordinary, vectors, strict=True)]
    assert min(len(wanting), len(ordinary)) >= 250
    assert sum(told[: len(wanting)]) >= 0.95 * len(wanting)
    assert not any(told[-len(small) :])
    assert sum(told[len(wanting) :]) <= 0.02 * len(ordinary)


def test_what_no_wording_tells_is_told_by_the_vector_that_the_answer_was_looked_for_with(
    sample_kb: KnowledgeBase,
) -> None:
    wish = "I'm getting nowhere with your program, isn't there somebody I could speak to instead"
    account = sample_kb.answered(Ask(wish, (), frozenset({"public"})))
    assert wants_human(wish) is None
    assert due(Settings(), wish, vector=account.vector) == "asked_for_human"
    picked = sample_kb.answered(Ask("1", ("怎么退款",), frozenset({"public"}), offered=()))
    assert picked.vector is not None


def test_a_vector_and_its_letters_are_reckoned_as_the_fit_did() -> None:
    likely = shipped()
    support, weights = likely.support.numbers(), likely.weights.numbers()
    assert support.shape == (len(weights), likely.projection.shape[1])
    assert likely.letters.shape == (BUCKETS,)
    numbers = np.array([[0.5, -1.0], [0.25, 0.0]], np.float32)
    assert np.abs(Packed.of(numbers).numbers() - numbers).max() <= 1 / 127


def test_asking_the_same_again_or_saying_that_it_did_not_help_is_repeated_failure_only_after_something_was_said() -> (
    None
):
    assert wants_human("没用", ("怎么退款",)) == "repeated_failure"
    assert wants_human("that didn't help", ("how do refunds work",)) == "repeated_failure"
    assert wants_human("怎么退款？", ("怎么退款",)) == "repeated_failure"
    assert wants_human("没用") is None
    assert wants_human("退到哪张卡", ("怎么退款",)) is None


def test_topics_turns_minutes_and_two_refusals_in_a_row_are_reasons() -> None:
    settings = Settings(
        handover_topics=("legal", "self_harm", "Ombud", "zh/money"), handover_turns=3, handover_minutes=5
    )
    assert due(settings, "我的律師要資料") == "legal"
    assert due(settings, "I want to die") == "self_harm"
    assert due(settings, "what does the ombud do") == "listed_topic"
    assert due(settings, "what is an ombuds") is None
    assert due(settings, "退款", documents=["zh/money"]) == "listed_topic"
    assert due(settings, "four", ("one", "two", "three")) == "too_long"
    assert due(settings, "one", minutes=6) == "too_long"
    assert due(settings, "one", abstained=2) == "repeated_failure"
    assert due(settings, "one", abstained=1) is None


@contextmanager
def handing(two: Centre, hook: Webhook | None, **others: Any) -> Iterator[HandOvers]:
    """Hand-overs of a home, delivered in this process."""
    named = {"handover_retry_seconds": 0.05, "handover_secret": SECRET, "handover_url": hook and hook.url} | others
    settings = Settings(**named)
    journal = Journal(two.paths, settings)
    begun = HandOvers(two.paths, settings, journal)
    begun.start()
    try:
        yield begun
    finally:
        begun.stop()
        journal.close()


def talk(*texts: str, id_: str = "", customer: str | None = None, caller: str = "") -> Conversation:
    return Conversation(
        tuple(Said("customer", text) for text in texts), Origin(caller, "web", customer), id_, language="zh"
    )


def stored(two: Centre) -> bytes:
    """Every byte of the journal and its log."""
    return b"".join(file.read_bytes() for file in sorted(two.paths.journal.parent.glob("journal.sqlite*")))


def envelope(two: Centre) -> bytes:
    with closing(sqlite3.connect(two.paths.journal)) as db:
        return bytes(db.execute("SELECT envelope FROM handovers").fetchone()[0])


def test_a_hand_over_is_signed_and_whole_for_the_centre_and_redacted_for_everybody_else(two: Centre) -> None:
    with webhook() as hook, handing(two, hook) as begun:
        hook.reply = {"reference": "R-7", "waiting_minutes": 3, "message": "<b>Hold</b> on [here](https://x)"}
        made = begun.begin("asked_for_human", talk(WORDS, "转人工", customer="C-1"), two.open())
        headers, body = hook.got[0]
    given = dict(part.split("=") for part in headers["kb-signature"].split(","))
    expected = hmac.digest(SECRET.encode(), given["t"].encode() + b"." + body, hashlib.sha256).hex()
    assert given["v1"] == expected
    assert abs(int(given["t"]) - time.time()) < 60
    document = json.loads(body)
    assert headers["idempotency-key"] == document["id"] == made.visible.id
    assert document["envelope"]["transcript"][0]["text"] == WORDS
    assert document["envelope"]["customer_ref"] == "C-1"
    assert document["version"] == 1
    assert PHONE not in json.dumps(document | {"envelope": None})
    assert "王小明" not in json.dumps(document | {"envelope": None}, ensure_ascii=False)
    assert len(document["customer"]) == 64
    assert document["searched"]["question"] == document["transcript"][0]["text"], "what was asked before `转人工`"
    assert {article["document_id"] for article in document["suggested"]} == {"refund", "delivery"}
    seen = made.visible
    assert seen == HandedOver(seen.id, "sent", "asked_for_human", "R-7", 3, None, "Hold on here")


def test_agents_are_told_what_is_internal_and_the_list_of_what_was_shown_is_not(two: Centre) -> None:
    two.article("inner.md", "---\naudience: agent\n---\n# Refund goodwill\n\nUp to 50.\n")
    two.reindex()
    with webhook() as hook, handing(two, hook) as begun:
        document = begun.begin("channel", talk("refund goodwill"), two.open()).document
    assert "inner" in {one["document_id"] for one in document["suggested"] if one["internal"]}
    assert "inner" not in json.dumps([document["shown"], document["cited"]])


def test_a_webhook_that_is_down_loses_nothing_and_each_conversation_keeps_its_order(two: Centre) -> None:
    port = free_port()
    down = Webhook()
    down.port = port
    with handing(two, down, handover_wait_ms=0) as begun:
        ids = {name: [begun.begin("channel", talk("hello", id_=name), None) for _ in range(4)] for name in "ab"}
        until(lambda: all(one["trouble"] for one in read_all(two.paths) if one["tries"]) and begun.outcomes)
        assert begun.look(ids["a"][0].visible.id, "").state == "down"
        with webhook(port) as hook:
            until(lambda: len(hook.taken) == 8)
            until(lambda: {one["state"] for one in read_all(two.paths)} == {"sent"})
    for name, made in ids.items():
        came = [one["id"] for one in hook.taken if one["conversation_id"] == name]
        assert came == [one.visible.id for one in made]


def test_no_byte_of_an_envelope_outlives_its_acknowledgement(two: Centre) -> None:
    with webhook() as hook, handing(two, hook, handover_wait_ms=0, handover_retry_seconds=1.0) as begun:
        hook.status = 503
        begun.begin("channel", talk(WORDS), None)
        until(lambda: hook.got)
        sealed = envelope(two)
        assert sealed[:40] in stored(two)
        hook.status = 200
        until(lambda: begun.outcomes.get("sent"))
        left = stored(two)
    assert not any(sealed[at : at + 24] in left for at in range(0, len(sealed) - 24, 8))
    assert PHONE.encode() not in left


def test_what_was_said_lies_nowhere_in_plain_while_it_waits(two: Centre) -> None:
    down = Webhook()
    down.port = free_port()
    with handing(two, down, handover_wait_ms=0) as begun:
        made = begun.begin("channel", talk(WORDS, customer="C-77"), None)
        begun.call_back(made.visible.id, "", "+86 139 0013 9000", "明早九点")
        until(lambda: begun.outcomes.get("put_off"))
        every = b"".join(file.read_bytes() for file in two.paths.home.rglob("*") if file.is_file())
    for words in (PHONE, "王小明", "C-77", "139 0013 9000", "明早九点"):
        assert words.encode() not in every
    assert (two.paths.envelope_key.stat().st_mode & 0o777) == 0o600


def test_an_envelope_that_nobody_acknowledges_expires_and_the_document_goes_on_without_it(two: Centre) -> None:
    with webhook() as hook, handing(two, hook, handover_wait_ms=0, handover_retry_seconds=0.4) as begun:
        hook.status = 500
        begun.begin("channel", talk(WORDS), None)
        until(lambda: hook.got)
        sealed = envelope(two)
        with closing(sqlite3.connect(two.paths.journal, isolation_level=None)) as db:
            db.execute("UPDATE handovers SET envelope_until = ?", [time.time() - 1])
        until(lambda: begun.outcomes.get("expired"))
        assert not any(sealed[at : at + 24] in stored(two) for at in range(0, len(sealed) - 24, 8))
        hook.status = 200
        until(lambda: hook.taken)
    assert hook.taken[0]["envelope"] is None
    assert hook.taken[0]["envelope_lost"] is True


def test_what_no_repetition_mends_is_a_dead_letter_until_somebody_tries_it_again(two: Centre) -> None:
    with webhook() as hook, handing(two, hook) as begun:
        hook.status = 422
        made = begun.begin("channel", talk("hello"), None)
        assert made.visible.state == "down"
        dead = read_all(two.paths, dead=True)
        assert [(one["id"], one["trouble"]) for one in dead] == [(made.visible.id, "HTTP 422")]
        hook.status = 200
        try_again(two.paths, Settings(), made.visible.id)
        until(lambda: read_all(two.paths)[0]["state"] == "sent")
        noted = two.rows("SELECT actor, subject FROM audit WHERE action = 'handover_retried'")
        assert noted == [("shell", made.visible.id)]
        with pytest.raises(UsageError, match="no dead letter"):
            try_again(two.paths, Settings(), made.visible.id)


def test_a_hand_over_that_was_tried_for_long_enough_is_a_dead_letter(two: Centre) -> None:
    with webhook() as hook, handing(two, hook, handover_wait_ms=0) as begun:
        hook.status = 500
        begun.begin("channel", talk("hello"), None)
        with closing(sqlite3.connect(two.paths.journal, isolation_level=None)) as db:
            db.execute("UPDATE handovers SET give_up = 0")
        until(lambda: read_all(two.paths, dead=True))


def test_no_redirect_is_followed(two: Centre) -> None:
    with webhook() as other, webhook() as hook, handing(two, hook) as begun:
        hook.status, hook.headers = 307, {"Location": other.url}
        assert begun.begin("channel", talk("hello"), None).visible.state == "down"
    assert other.got == []


def test_a_centre_that_is_closed_says_until_when_and_is_asked_to_call_back(two: Centre) -> None:
    with webhook() as hook, handing(two, hook) as begun:
        hook.reply = {"reference": "R-1", "closed_until": "2090-01-01T08:00:00Z"}
        made = begun.begin("asked_for_human", talk("转人工", caller="k1"), None).visible
        assert (made.state, made.closed_until, made.callback) == ("closed", "2090-01-01T08:00:00Z", True)
        hook.reply = {}
        assert begun.call_back(made.id, "k1", PHONE, None).state == "sent"
        assert hook.taken[1]["kind"] == "callback"
        assert hook.taken[1]["handover_id"] == made.id
        assert hook.taken[1]["envelope"] == {"contact": PHONE, "when": None}
        with pytest.raises(NotShown):
            begun.call_back(made.id, "k2", PHONE, None)
        with pytest.raises(NotShown):
            begun.look(made.id, "")
        for _ in range(MOST_CALLBACKS - 1):
            begun.call_back(made.id, "k1", PHONE, None)
        with pytest.raises(UsageError, match="made about this already"):
            begun.call_back(made.id, "k1", PHONE, None)


def test_without_a_webhook_the_channel_is_told_so_and_no_envelope_is_made(two: Centre) -> None:
    with handing(two, None) as begun:
        made = begun.begin("anger", talk(WORDS), None).visible
    assert (made.state, made.callback) == ("unsent", False)
    assert [one["has_envelope"] for one in read_all(two.paths)] == [False]
    assert not two.paths.envelope_key.exists()


def test_an_envelope_for_a_public_key_is_opened_by_its_holder_alone(two: Centre) -> None:
    private = X25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    with webhook() as hook, handing(two, hook, handover_public_key=public) as begun:
        begun.begin("channel", talk(WORDS), None)
    sent = hook.taken[0]["envelope"]
    assert PHONE not in json.dumps(sent)
    ours, nonce, ciphertext = (base64.b64decode(sent[name]) for name in ("public_key", "nonce", "ciphertext"))
    shared = private.exchange(X25519PublicKey.from_public_bytes(ours))
    key = HKDF(SHA256(), 32, salt=ours, info=b"kb handover envelope v1").derive(shared)
    assert json.loads(AESGCM(key).decrypt(nonce, ciphertext, None))["transcript"][0]["text"] == WORDS


def test_a_key_is_replaced_by_putting_a_new_one_before_it(two: Centre) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    down = Webhook()
    down.port = free_port()
    with handing(two, down, handover_wait_ms=0, envelope_key=(old,)) as begun:
        begun.begin("channel", talk(WORDS), None)
    with webhook(down.port) as hook, handing(two, down, envelope_key=(new, old)):
        until(lambda: hook.taken)
    assert hook.taken[0]["envelope"]["transcript"][0]["text"] == WORDS


def test_a_backup_holds_no_envelope_and_no_secret_of_hand_overs(two: Centre, tmp_path: Path) -> None:
    down = Webhook()
    down.port = free_port()
    with handing(two, down, handover_wait_ms=0, handover_secret=None) as begun:
        begun.begin("channel", talk(WORDS), None)
        until(lambda: begun.outcomes.get("put_off"))
    file = tmp_path / "kb.backup"
    back_up(two.paths, two.settings, file, silent, force=False)
    held = file.read_bytes()
    assert envelope(two)
    assert b"data/journal.sqlite" in held
    assert b"data/envelope.key" not in held
    assert b"data/handover.key" not in held


def test_erasing_a_customer_erases_their_hand_overs(two: Centre) -> None:
    down = Webhook()
    down.port = free_port()
    with handing(two, down, handover_wait_ms=0) as begun:
        made = begun.begin("channel", talk(WORDS, customer="C-9"), None)
        begun.call_back(made.visible.id, "", PHONE, None)
        begun.begin("channel", talk("hello", customer="C-10"), None)
    erased = erase(two.paths, ["C-9"], silent, renew=lambda _: None)
    assert erased.rows == {"handovers": 2}
    assert len(read_all(two.paths)) == 1


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ({"waiting_minutes": -1, "closed_until": "tomorrow", "message": 5}, {}),
        ({"waiting_minutes": True, "reference": "x" * 100}, {"reference": "x" * 64}),
        (["no", "object"], {}),
        ({"message": "a\u202eb\n<script>c</script>" + "d" * 600}, {"message": ("a b c " + "d" * 600)[:500]}),
    ],
)
def test_of_a_reply_only_what_is_well_formed_is_shown(reply: Any, shown: dict[str, Any]) -> None:
    found = read_reply(json.dumps(reply).encode())
    assert {name: value for name in shown | {"message": 0} if (value := getattr(found, name))} == shown
    assert read_reply(b"\xff{").message is None


def test_pauses_double_and_end_at_five_minutes() -> None:
    assert 0.5 <= pause(1.0, 1) <= 1.0
    assert 4.0 <= pause(1.0, 4) <= 8.0
    assert 150.0 <= pause(1.0, 1_000) <= 300.0


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "ftp://127.0.0.1/", "https://a@b/", "http://127.0.0.1.evil.com/", "//x", "https://"]
)
def test_a_webhook_that_is_not_reached_by_https_is_refused(url: str, home: Path) -> None:
    with pytest.raises(SettingsError, match="handover_url"):
        load_settings(home, {"handover_url": url}, {})


def test_over_http_a_hand_over_survives_kill_minus_9_and_is_listed_for_admins_alone(
    two: Centre, tiny_model: Path
) -> None:
    port = free_port()
    environment = {
        "KB_HANDOVER_URL": f"http://127.0.0.1:{port}/", "KB_HANDOVER_RETRY_SECONDS": "0.2", "KB_QUERY_PROMPT": "q: ",
        "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC",
    }  # fmt: skip
    with serving(two.home, tiny_model, environment=environment) as server:
        body = {"question": "转人工", "conversation": [WORDS], "language": "zh", "customer_ref": "C-5"}
        answer = server.client.post("/api/answers", json=body).json()
        assert (answer["outcome"], answer["reason"]) == ("handover", "asked_for_human")
        assert (answer["handover"]["state"], answer["handover"]["callback"]) == ("down", True)
        assert answer["citations"] == []
        assert "人工" in answer["text"]
        id_ = answer["handover"]["id"]
        asked = server.client.post(f"/api/handovers/{id_}/callback", json={"contact": PHONE})
        assert asked.status_code == 200, asked.text
        assert server.get("/api/handovers").status_code == 401
        assert server.get("/api/handovers/none").status_code == 404
        server.process.kill()
        server.process.wait()
    with webhook(port) as hook, serving(two.home, tiny_model, environment=environment) as server:
        until(lambda: len(hook.taken) >= 2)
        assert [one["kind"] for one in hook.taken[:2]] == ["handover", "callback"]
        assert hook.taken[0]["envelope"]["transcript"][0]["text"] == WORDS
        until(lambda: server.get(f"/api/handovers/{id_}").json()["state"] == "sent")
        key = two.paths.admin_key.read_text().strip()
        found = server.client.get("/api/handovers", headers={"Authorization": f"Bearer {key}"}).json()["handovers"]
        assert [one["state"] for one in found] == ["sent", "sent"]
        assert PHONE not in json.dumps(found)
        hook.reply = {"reference": "R-2"}
        said = [{"text": "hello"}, {"speaker": "bot", "text": "yes?"}]
        assert server.client.post("/api/handovers", json={"conversation": said}).json()["reference"] == "R-2"
        counted = server.client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).text
        assert 'kb_handovers_total{reason="channel"} 1.0' in counted

"""What staff have not read yet, over HTTP: what changed for them, that they know it, and who does."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Centre, tiny_settings, write_article
from scraping import OPEN
from server_process import Server, serving, until

from kb.access.callers import Role
from kb.access.keys import create_key, revoke_key
from kb.access.people import create_person, disable
from kb.backup.erasing import erase
from kb.backup.restoring import restore
from kb.backup.taking import back_up
from kb.config import Paths
from kb.model import Article
from kb.progress import silent
from kb.retention import forget
from kb.search.embedding import Embedder
from kb.store import acknowledgements
from kb.store.acknowledgements import Acknowledgement
from kb.store.journal import open_journal
from kb.updates.sentences import changes
from kb.writer import writer_lock

ENVIRONMENT = OPEN | {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC"}


def text(body: str, **front: str) -> str:
    keys = "".join(f"{key}: {value}\n" for key, value in ({"language": "en"} | front).items())
    return f"---\n{keys}---\n# Lamp\n\n{body}\n"


class Staff:
    """One caller, by key."""

    def __init__(self, server: Server, role: Role = "agent", *groups: str, name: str = "console") -> None:
        self.client, self.key = server.client, create_key(Paths(server.home), role, groups, name=name)
        self.headers = {"Authorization": f"Bearer {self.key.key}"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.request(method, path, json=body, headers=self.headers | headers)

    def updates(self, limit: int = 200) -> list[dict[str, Any]]:
        found = self.call("GET", f"/api/updates?limit={limit}")
        assert found.status_code == 200, found.text
        return list(found.json()["updates"])

    def kinds(self) -> dict[str, str]:
        return {one["document_id"]: one["kind"] for one in self.updates()}

    def of(self, id_: str) -> dict[str, Any]:
        return next(one for one in self.updates() if one["document_id"] == id_)

    def read(self, *told: dict[str, Any]) -> dict[str, int]:
        said = [
            {"document_id": one["document_id"], "revision": one["revision"], "gone": one["kind"] == "withdrawn"}
            for one in told
        ]
        kept = self.call("POST", "/api/updates/read", {"read": said})
        assert kept.status_code == 200, kept.text
        return dict(kept.json())

    def article(self, id_: str) -> str:
        return f"/api/articles/{quote(id_, safe='')}"

    def publish(self, id_: str, said: str) -> None:
        """Begins an article, or edits it, and makes it live."""
        held = self.call("GET", self.article(id_))
        if held.status_code == 404:
            saved = self.call("POST", "/api/articles", {"id": id_, "text": said})
        else:
            match = held.headers["etag"]
            saved = self.call("PUT", self.article(id_), {"text": said}, **{"If-Match": match})
        assert saved.status_code in (200, 201), saved.text
        self.move(id_, "publish")

    def move(self, id_: str, move: str) -> None:
        match = self.call("GET", self.article(id_)).headers["etag"]
        done = self.call("POST", f"{self.article(id_)}/{move}", {}, **{"If-Match": match})
        assert done.status_code == 200, done.text

    def readers(self, id_: str) -> dict[str, Any]:
        found = self.call("GET", f"{self.article(id_)}/readers")
        assert found.status_code == 200, found.text
        return dict(found.json())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("updates") / "home"
    write_article(home, "old.md", text("It was always here."))
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    with serving(home, tiny_model, environment=ENVIRONMENT) as running:
        until((home / "index" / "server.json").exists)
        yield running


@pytest.fixture(scope="module")
def editor(server: Server) -> Staff:
    return Staff(server, "editor", name="editor")


def test_what_a_home_began_with_is_no_news_and_what_comes_later_is(server: Server, editor: Staff) -> None:
    agent = Staff(server)
    assert "old" not in agent.kinds()
    editor.publish("fresh", text("It shines **green** at night.\n\n::: agent\nNever say why.\n:::"))
    fresh = agent.of("fresh")
    assert (fresh["kind"], fresh["title"], fresh["public"]) == ("published", "Lamp", True)
    assert fresh["summary"] == "It shines green at night."
    assert fresh["url"] == "/articles/fresh"
    assert agent.read(fresh)["kept"] == 1
    assert "fresh" not in agent.kinds()
    assert "fresh" in Staff(server).kinds(), "each reader says so for themselves"


def test_an_article_is_compared_with_what_its_reader_knew_sentence_by_sentence(server: Server, editor: Staff) -> None:
    agent = Staff(server)
    note = "\n\n::: agent\nOffer {} pounds.\n:::"
    editor.publish("fee", text("Delivery is free. A visit costs 20 pounds." + note.format(5)))
    agent.read(agent.of("fee"))
    editor.publish("fee", text("Delivery is free. A visit costs 25 pounds." + note.format(5)))
    editor.publish("fee", text("Delivery is free. A visit costs 30 pounds. It takes a day." + note.format(9)))
    told = agent.of("fee")
    assert told["kind"] == "changed"
    sides = [
        tuple("".join(p["text"] for p in one["parts"] if p["kind"] in ("same", side)) for side in ("removed", "added"))
        for one in told["changes"]
    ]
    assert sides == [
        ("A visit costs 20 pounds.", "A visit costs 30 pounds."),
        ("", "It takes a day."),
        ("Offer 5 pounds.", "Offer 9 pounds."),
    ]
    assert [one["internal"] for one in told["changes"]] == [False, False, True]
    editor.publish("fee", text("Delivery is free. A visit costs 20 pounds." + note.format(5)))
    assert "fee" not in agent.kinds(), "it tells again what they know"
    editor.publish("fee", text("Delivery is free. A visit costs 20 pounds." + note.format(5), tags="[fees]"))
    assert "fee" not in agent.kinds(), "a tag tells nobody anything"


def test_what_is_taken_down_is_told_once_and_comes_back_as_new(server: Server, editor: Staff) -> None:
    agent, never = Staff(server), Staff(server)
    assert "gone" not in never.kinds()
    editor.publish("gone", text("It blinks."))
    agent.read(agent.of("gone"))
    editor.move("gone", "retire")
    told = agent.of("gone")
    assert (told["kind"], told["title"], told["url"], told["changes"]) == ("withdrawn", "Lamp", None, [])
    assert "gone" not in never.kinds(), "they never knew it"
    assert agent.read(told)["kept"] == 1
    assert "gone" not in agent.kinds()
    editor.publish("gone", text("It blinks."))
    assert agent.kinds()["gone"] == "published"


def test_urgent_comes_first_then_the_newest(server: Server, editor: Staff) -> None:
    agent = Staff(server)
    agent.updates()
    editor.publish("gas", text("Leave the house.", urgent="true"))
    for id_ in ("first", "second"):
        editor.publish(id_, text(f"It is the {id_}."))
    order = [one["document_id"] for one in agent.updates()]
    assert order[0] == "gas"
    assert order.index("second") < order.index("first")
    few = agent.call("GET", "/api/updates?limit=1").json()
    assert [one["document_id"] for one in few["updates"]] == ["gas"]
    assert few["count"] == len(order)
    assert few["urgent"] == 1
    again = {"If-None-Match": f'"{few["state"]}"'}
    assert agent.call("GET", "/api/updates?limit=1", **again).status_code == 304
    agent.read(agent.of("second"))
    assert agent.call("GET", "/api/updates?limit=1", **again).json()["count"] == len(order) - 1


def test_nobody_is_told_of_what_they_may_not_see_neither_old_nor_new(server: Server, editor: Staff) -> None:
    agent, vip = Staff(server), Staff(server, "agent", "vip")
    agent.updates()
    editor.publish("lounge", text("The zeppelin leaves at noon.", audience="vip"))
    assert "lounge" not in agent.kinds()
    vip.read(vip.of("lounge"))
    assert agent.read({"document_id": "lounge", "revision": 1, "kind": "published"})["kept"] == 0
    assert agent.read({"document_id": "nowhere", "revision": 1, "kind": "published"})["kept"] == 0
    editor.publish("lounge", text("The balloon leaves at noon.", audience="agent"))
    seen = agent.of("lounge")
    assert seen["kind"] == "published", "what it was before is told to those alone who might read it"
    assert "zeppelin" not in str(seen)
    assert not seen["public"]
    both = vip.of("lounge")
    assert both["kind"] == "changed"
    assert "zeppelin" in str(both)
    agent.read(seen)
    editor.publish("lounge", text("The rocket leaves at noon.", audience="vip"))
    left = agent.of("lounge")
    assert left["kind"] == "withdrawn"
    assert "rocket" not in str(left)


def test_what_begins_and_ends_by_itself_is_told_when_it_does(server: Server, editor: Staff) -> None:
    agent = Staff(server)
    agent.updates()
    soon = datetime.now(UTC) + timedelta(seconds=2)
    editor.publish("sale", text("All is cheaper.", valid_from=soon.isoformat()))
    editor.publish("offer", text("All was cheaper.", valid_to=soon.isoformat()))
    assert "sale" not in agent.kinds()
    agent.read(agent.of("offer"))
    until(lambda: time.time() > soon.timestamp())
    assert agent.kinds()["sale"] == "published"
    assert agent.kinds()["offer"] == "withdrawn"


def test_an_old_revision_is_not_acknowledged_for_the_new_one(server: Server, editor: Staff) -> None:
    agent = Staff(server)
    editor.publish("stale", text("It is red."))
    told = agent.of("stale")
    editor.publish("stale", text("It is blue."))
    assert agent.read(told)["kept"] == 0
    assert agent.of("stale")["revision"] == told["revision"] + 1
    assert agent.call("POST", "/api/updates/read", {"read": []}).status_code == 400


def test_editors_see_who_has_read_it_and_which_agents_have_not(server: Server, editor: Staff) -> None:
    paths = Paths(server.home)
    mei, tom = (create_person(paths, name, "a long password", "agent") for name in ("mei", "tom"))
    create_person(paths, "boss", "a long password", "editor")
    agent, silent_key = Staff(server, name="front desk"), Staff(server, name="telephony")
    editor.publish("shared", text("It is round."))
    agent.read(agent.of("shared"))
    found = editor.readers("shared")
    assert [(one["id"], one["name"], one["kind"], one["active"]) for one in found["acknowledged"]] == [
        (agent.key.id, "front desk", "key", True)
    ]
    waited = {one["id"]: one["name"] for one in found["missing"]}
    assert {mei.id: "mei", tom.id: "tom"}.items() <= waited.items()
    assert silent_key.key.id not in waited, "a key by which nobody looks at what changed is a program's"
    assert "boss" not in waited.values()
    disable(paths, "tom")
    revoke_key(paths, agent.key.id)
    editor.publish("shared", text("It is round.", tags="[shape]"))
    found = editor.readers("shared")
    assert tom.id not in {one["id"] for one in found["missing"]}
    assert [(one["id"], one["active"]) for one in found["acknowledged"]] == [(agent.key.id, False)], "it says the same"
    editor.publish("shared", text("It is square."))
    assert editor.readers("shared")["acknowledged"] == []
    editor.publish("rare", text("It is rare.", audience="vip"))
    assert mei.id not in {one["id"] for one in editor.readers("rare")["missing"]}, "they may not read it"


def test_readers_are_for_editors_and_of_what_is_live(server: Server, editor: Staff) -> None:
    agent = Staff(server)
    assert agent.call("GET", "/api/articles/old/readers").status_code == 403
    assert editor.call("GET", "/api/articles/nowhere/readers").status_code == 404
    editor.publish("closed", text("It is closed."))
    editor.move("closed", "retire")
    assert editor.call("GET", "/api/articles/closed/readers").status_code == 404
    assert server.client.get("/api/updates").status_code == 401


def _acknowledged(home: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(Paths(home).journal)) as db:
        return db.execute("SELECT * FROM acknowledgements").fetchall()


def test_acknowledgements_outlive_the_journals_days_a_backup_and_an_erasure(two: Centre, tmp_path: Path) -> None:
    with closing(open_journal(two.paths.journal)) as db:
        acknowledgements.add(db, [Acknowledgement("p1", "mei", "refund", 1, False, time.time() - 10**9)])
        acknowledgements.add(db, [Acknowledgement("p1", "mei", "refund", 1, False, time.time())])
    kept = _acknowledged(two.home)
    assert len(kept) == 1
    assert kept[0][4] < time.time() - 10**8, "the first time counts"
    forget(two.paths, two.settings)
    with writer_lock(two.paths):
        erase(two.paths, ["a customer"], silent, renew=lambda progress: None)
        back_up(two.paths, two.settings, tmp_path / "one.kb", silent)
    assert _acknowledged(two.home) == kept
    empty = tmp_path / "restored"
    empty.mkdir()
    with writer_lock(Paths(empty)):
        restore(Paths(empty), tmp_path / "one.kb", silent)
    assert _acknowledged(empty) == kept


def test_a_long_sentence_is_told_shortly() -> None:
    filler = " ".join(f"word{number}" for number in range(80))
    old, new = (Article("a", "T", f"It {filler} costs {fee} pounds.", "en") for fee in (20, 30))
    (change,) = changes(old, new, agents=True)
    assert [part.kind for part in change.parts] == ["same", "removed", "added", "same"]
    assert change.parts[1:3][0].text == "20"
    assert len(change.parts[0].text) <= 41

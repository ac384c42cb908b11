"""Editors over HTTP: nobody's text is lost, who was slower is told, and what is due goes live once and on time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import Centre, Shell, tiny_settings, write_article
from editors import text
from scraping import OPEN
from server_process import Server, serving, until

from kb.access.callers import Role
from kb.access.keys import create_key
from kb.config import Paths
from kb.search.embedding import Embedder

ENVIRONMENT = OPEN | {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC"}


class Web:
    """One editor's calls."""

    def __init__(self, server: Server, role: Role = "editor") -> None:
        self.client = server.client
        self.key = create_key(Paths(server.home), role)
        self.headers = {"Authorization": f"Bearer {self.key.key}"}

    def call(self, method: str, id_: str | None = None, *more: str, match: int | str | None = None, **body: Any) -> Any:
        path = "/".join(("/api/articles", *([] if id_ is None else [quote(id_, safe="")]), *more))
        headers = self.headers | ({} if match is None else {"If-Match": f'"{match}"'})
        return self.client.request(method, path, json=body if method in ("POST", "PUT") else None, headers=headers)

    def new(self, id_: str, said: str) -> httpx.Response:
        return self.call("POST", id=id_, text=said)  # type: ignore[no-any-return]

    def get(self, id_: str, *more: str) -> httpx.Response:
        return self.call("GET", id_, *more)  # type: ignore[no-any-return]

    def put(self, id_: str, said: str, match: int | str) -> httpx.Response:
        return self.call("PUT", id_, match=match, text=said)  # type: ignore[no-any-return]

    def move(self, id_: str, move: str, match: int | str | None, **body: Any) -> httpx.Response:
        return self.call("POST", id_, move, match=match, **body)  # type: ignore[no-any-return]

    def live(self, id_: str, said: str) -> int:
        """Begins an article and publishes it; its number."""
        assert self.new(id_, said).status_code == 201
        assert self.move(id_, "publish", 1).json()["state"] == "published"
        return 1


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Path:
    home = tmp_path_factory.mktemp("editing") / "home"
    write_article(home, "desk/lamp.md", text("green"))
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    return home


@pytest.fixture(scope="module")
def server(home: Path, tiny_model: Path) -> Iterator[Server]:
    with serving(home, tiny_model, environment=ENVIRONMENT) as running:
        until((home / "index" / "server.json").exists)
        yield running


@pytest.fixture(scope="module")
def web(server: Server) -> Web:
    return Web(server)


def test_an_article_goes_from_draft_to_live_to_retired(server: Server, web: Web) -> None:
    id_ = "rooms/hall lamp%/灯"
    assert "accepted is `id: rooms/hall lamp%/灯`" in web.new(id_, text("amber")).json()["detail"]
    made = web.new(id_, text("amber", id=id_))
    assert (made.status_code, made.headers["etag"], made.json()["state"]) == (201, '"1"', "draft")
    assert not server.finds("amber lamp", id_)
    saved = web.put(id_, text("ruby", id=id_), 1)
    assert (saved.status_code, saved.headers["etag"]) == (200, '"2"')
    assert web.move(id_, "submit", 2, note="look").json()["reviews"][0]["note"] == "look"
    live = web.move(id_, "publish", 2)
    assert (live.status_code, live.json()["state"], live.json()["live"]) == (200, "published", 2), live.text
    assert server.search("ruby lamp")["hits"][0]["document_id"] == id_
    assert (server.home / "articles" / f"{id_.replace('%', '%25')}.md").exists()
    gone = web.move(id_, "retire", 2)
    assert (gone.json()["state"], gone.headers["etag"]) == ("retired", '"3"')
    assert not server.finds("ruby lamp", id_)
    deleted = web.call("DELETE", id_, match=3)
    assert (deleted.status_code, deleted.json()["state"]) == (200, "retired")
    assert not (server.home / "articles" / f"{id_.replace('%', '%25')}.md").exists()


def test_the_live_text_serves_while_it_is_edited_and_both_are_shown(server: Server, web: Web) -> None:
    web.live("sofa", text("teal"))
    shown = web.put("sofa", text("coral"), 1).json()
    assert (shown["state"], shown["live"], shown["edit"], shown["base"]) == ("draft", 1, 2, 1)
    assert (shown["text"], shown["live_text"]) == (text("coral"), text("teal"))
    assert "teal" in server.search("teal lamp")["hits"][0]["text"]
    assert web.move("sofa", "discard", 2).json()["text"] == text("teal")
    assert web.new("never", text("x")).status_code == 201
    dropped = web.move("never", "discard", 1)
    assert (dropped.status_code, dropped.json(), web.get("never").status_code) == (200, None, 404)


def test_an_article_is_retired_with_its_translations_on_request(web: Web) -> None:
    web.live("pair/stool", text("teal"))
    for language in ("zh", "zh-hant"):
        web.live(f"pair/{language}/stool", text("teal", translation_of="pair/stool"))
    stale = web.call("POST", "pair/zh/stool", "retire?together=true", match=9)
    assert (stale.status_code, web.get("pair/stool").json()["state"]) == (412, "published")
    assert web.call("POST", "pair/zh/stool", "retire?together=true", match=1).json()["state"] == "retired"
    assert [web.get(id_).json()["state"] for id_ in ("pair/stool", "pair/zh-hant/stool")] == ["retired", "retired"]


def test_what_is_stale_is_told_with_both_sides_and_what_lacks_a_number_is_refused(web: Web) -> None:
    web.live("chair", text("teal"))
    assert web.put("chair", text("plum"), 1).headers["etag"] == '"2"'
    stale = web.put("chair", text("lime"), 1)
    assert stale.status_code == 412
    told = stale.json()
    assert [told[side]["text"] for side in ("base", "theirs", "yours")] == [text(w) for w in ("teal", "plum", "lime")]
    assert (told["base"]["revision"], told["theirs"]["revision"], told["theirs"]["author"]) == (1, 2, web.key.id)
    for move in ("submit", "approve", "send-back", "publish", "unschedule", "retire", "discard"):
        assert web.move("chair", move, 1).status_code == 412, move
        assert web.move("chair", move, None).status_code == 428, move
        assert web.move("chair", move, "x").status_code == 400, move
        assert web.move("nowhere", move, 1).status_code == 404, move
    when = {"at": "2099-01-01T00:00:00Z"}
    assert [web.move("chair", "schedule", n, **when).status_code for n in (1, None, "x")] == [412, 428, 400]
    assert [web.call("DELETE", "chair", match=n).status_code for n in (1, None)] == [412, 428]
    assert web.call("PUT", "chair", text=text("x")).status_code == 428


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no heading", "title: missing"),
        ("---\nstatsu: draft\n---\n# A\n", "made.md:2: statsu: unknown key"),
        ("---\nid: other\n---\n# A\n\nB.\n", "found 'other'; accepted is `id: made`"),
        ("# A\n\n::: agent\n\nB.\n", "made.md:3"),
    ],
)
def test_a_malformed_text_is_refused_with_its_line_and_key(web: Web, said: str, told: str) -> None:
    refused = web.new("made", said)
    assert refused.status_code == 400
    assert told in refused.json()["detail"]
    assert web.get("made").status_code == 404


def test_an_id_that_is_taken_is_refused_and_so_is_a_move_that_the_state_does_not_allow(web: Web) -> None:
    for id_ in ("desk/lamp", "../lamp", "a/" + "b" * 300):
        refused = web.new(id_, text("x", **({"id": f"'{id_}'"} if "lamp" not in id_ else {})))
        assert (refused.status_code, refused.json().get("reason")) == (
            (409, "id_taken") if id_ == "desk/lamp" else (400, None)
        ), refused.text
    refused = web.move("desk/lamp", "approve", 1)
    assert (refused.status_code, refused.json()["reason"]) == (409, "not_in_this_state")
    assert web.get("desk/lamp", "gate").json()["cases"] == []


def test_lists_are_narrowed_and_go_on_where_they_ended(web: Web) -> None:
    for number in range(5):
        web.new(f"list/{number}", text("x", title=f"Listed {number}", owner="nora"))
    found = web.client.get("/api/articles?owner=nora&limit=2", headers=web.headers).json()
    seen = [line["id"] for line in found["articles"]]
    while found["next"]:
        params = {"owner": "nora", "limit": 2, "after": found["next"]}
        found = web.client.get("/api/articles", params=params, headers=web.headers).json()
        seen += [line["id"] for line in found["articles"]]
    assert seen == [f"list/{number}" for number in range(5)]
    one = web.client.get("/api/articles?q=LISTED 3&state=draft&audience=public&language=en", headers=web.headers).json()
    assert [(line["id"], line["state"], line["revision"]) for line in one["articles"]] == [("list/3", "draft", 1)]
    assert web.client.get("/api/articles?state=published&owner=nora", headers=web.headers).json()["articles"] == []


@pytest.mark.parametrize("role", ["public", "agent"])
def test_articles_are_for_editors(server: Server, role: Role) -> None:
    web = Web(server, role)
    moves = ("submit", "approve", "send-back", "publish", "schedule", "unschedule", "retire", "discard")
    calls = [
        ("GET", "desk/lamp"),
        ("PUT", "desk/lamp"),
        ("DELETE", "desk/lamp"),
        ("GET", "desk/lamp", "gate"),
        ("GET",),
    ]
    calls += [("POST",), *(("POST", "desk/lamp", move) for move in moves)]
    assert {web.call(*call, match=1).status_code for call in calls} == {403}
    assert {server.client.request(method, "/api/articles").status_code for method in ("GET", "POST")} == {401}


EDITORS, SHARED = 50, 10


def test_fifty_editors_at_once_lose_nothing_and_every_conflict_is_told(server: Server, web: Web) -> None:
    for number in range(SHARED):
        web.live(f"shared/{number}", text("shared"))
    statuses, together = Counter[tuple[str, int]](), threading.Barrier(EDITORS)

    def edit(editor: int) -> None:
        id_, line = f"shared/{editor % SHARED}", f"Line of editor {editor:02d}.\n"
        together.wait()
        shown = web.get(id_).json()
        base, number = shown["text"], shown["revision"]
        while True:
            answer = web.put(id_, base + line, number)
            statuses["save", answer.status_code] += 1
            if answer.status_code == 200:
                break
            theirs = answer.json()["theirs"]
            assert line not in theirs["text"]
            base, number = theirs["text"], theirs["revision"]
        if editor % 2:
            published = web.move(id_, "publish", answer.json()["revision"])
            statuses["publish", published.status_code] += 1
            assert published.status_code in (200, 409, 412), published.text

    with ThreadPoolExecutor(EDITORS) as pool:
        list(pool.map(edit, range(EDITORS)))
    assert set(statuses) <= {("save", 200), ("save", 412), ("publish", 200), ("publish", 409), ("publish", 412)}
    assert statuses["save", 200] == EDITORS
    assert statuses["save", 412] > 0
    assert statuses["publish", 200] > 0
    for number in range(SHARED):
        shown = web.get(f"shared/{number}").json()
        lines = [f"Line of editor {editor:02d}." for editor in range(number, EDITORS, SHARED)]
        assert sorted(re.findall("Line of editor ...", shown["text"] + " ")) == sorted(line for line in lines)
        assert shown["revision"] == 1 + len(lines)
        if shown["state"] != "published":
            assert web.move(f"shared/{number}", "publish", shown["revision"]).status_code == 200
        file = server.home / "articles" / "shared" / f"{number}.md"
        assert file.read_text("utf-8") == shown["text"]
        assert server.finds(lines[0], f"shared/{number}")


def test_a_shell_hands_what_it_publishes_to_the_running_server(server: Server, web: Web, shell: Shell) -> None:
    web.new("handed", text("violet"))
    done = shell(server.home, "article", "publish", "handed")
    assert (done.returncode, done.stdout) == (0, "handed is published at 1; live is 1\n"), done.stderr
    assert server.finds("violet lamp", "handed")
    again = shell(server.home, "article", "publish", "handed", "--revision", "7")
    assert (again.returncode, "you know 7" in again.stderr) == (1, True)


def made_live(home: Path, id_: str) -> list[tuple[float, str]]:
    """When an article was made live, in seconds since 1970, and by which move."""
    with closing(sqlite3.connect(home / "data" / "kb.sqlite")) as db:
        noted = db.execute("SELECT count(*) FROM audit WHERE action = 'publication' AND subject = ?", [id_]).fetchone()
        found = db.execute("SELECT at, move FROM publications WHERE document_id = ?", [id_]).fetchall()
    assert noted == (len(found),)
    return found


def test_what_is_due_goes_live_once_and_on_time_with_two_workers_and_after_a_restart(
    home: Path, tmp_path: Path, tiny_model: Path
) -> None:
    home = Path(shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("server.json", "*.lock")))

    def schedule(web: Web, id_: str, seconds: float) -> float:
        web.new(id_, text(id_))
        due = time.time() + seconds
        answer = web.move(id_, "schedule", 1, at=datetime.fromtimestamp(due, UTC).isoformat())
        assert (answer.status_code, answer.json()["state"]) == (200, "scheduled"), answer.text
        return due

    with serving(home, tiny_model, "--workers", "2", environment=ENVIRONMENT) as server:
        until((home / "index" / "server.json").exists)
        web = Web(server)
        due = {id_: schedule(web, id_, seconds) for id_, seconds in (("one", 1.5), ("two", 2.0), ("three", 2.5))}
        until(lambda: all(server.finds(f"{id_} lamp", id_) for id_ in due))
        late = [made_live(home, id_)[0][0] - at for id_, at in due.items()]
        assert 0 <= min(late) <= max(late) < 2, late
        schedule(web, "four", 1.0)
        os.killpg(server.pid, signal.SIGKILL)
    assert made_live(home, "four") == []
    time.sleep(1.0)
    with serving(home, tiny_model, environment=ENVIRONMENT) as server:
        until(lambda: server.finds("four lamp", "four"))
        assert [[move for _, move in made_live(home, id_)] for id_ in (*due, "four")] == [["due"]] * 4

"""Editors over HTTP: nobody's text is lost, who was slower is told, and what is due goes live once and on time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import Centre, tiny_settings, write_article
from editors import text
from scraping import OPEN
from server_process import Server, serving, until

from kb.access.keys import create_key
from kb.config import Paths
from kb.search.embedding import Embedder

ENVIRONMENT = OPEN | {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: ", "KB_TIMEZONE": "UTC"}


class Web:
    """One editor's client."""

    def __init__(self, server: Server, key: str) -> None:
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}", headers={"Authorization": f"Bearer {key}"}, timeout=60
        )

    def path(self, id_: str, *more: str) -> str:
        return "/".join(("/api/articles", quote(id_, safe=""), *more))

    def get(self, id_: str, *more: str) -> httpx.Response:
        return self.client.get(self.path(id_, *more))

    def new(self, id_: str, said: str) -> httpx.Response:
        return self.client.post("/api/articles", json={"id": id_, "text": said})

    def put(self, id_: str, said: str, match: int | str) -> httpx.Response:
        return self.client.put(self.path(id_), json={"text": said}, headers={"If-Match": f'"{match}"'})

    def move(self, id_: str, move: str, match: int | str, **body: Any) -> httpx.Response:
        return self.client.post(self.path(id_, move), json=body, headers={"If-Match": f'"{match}"'})

    def delete(self, id_: str, match: int) -> httpx.Response:
        return self.client.delete(self.path(id_), headers={"If-Match": f'"{match}"'})


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


def editor(server: Server, role: Any = "editor") -> Web:
    return Web(server, create_key(Paths(server.home), role).key)


def test_an_article_goes_from_draft_to_live_to_retired(server: Server) -> None:
    web, id_ = editor(server), "rooms/hall lamp%/灯"
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

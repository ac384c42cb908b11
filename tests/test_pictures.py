"""Pictures that editors put beside articles: known by their bytes, kept in their folder, seen by who may see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import Centre, tiny_settings, write_article
from server_process import Server, serving

from kb.access.keys import create_key
from kb.config import Paths
from kb.search.embedding import Embedder

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
KETTLE = "# Kettle\n\nThe lid of the kettle.\n"
HOSTILE_NAMES = (
    "../../../../tmp/owned.png", "..\\..\\owned.png", "/etc/passwd.png", "C:\\windows\\owned.png", "%2e%2e%2fowned.png",
    "....//....//owned.png", "a/../../owned.png", ".htaccess", ".png", "..", ".", "/", "\\", "con.png", "nul",
    "owned.php.png", "owned.svg", "owned.html", "owned.md", "kettle.md", "owned.png\0.html", "owned\r\nX-Bad: 1.png",
    "<img src=x onerror=alert(1)>.png", "\"><script>alert(1)</script>.png", "](javascript:alert(1)).png", "![x](y).png",
    "a b  c.png", "名字.png", "\u202egnp.exe", "x" * 900 + ".png", "🙂.png", "a;rm -rf ~.png", "$(touch owned).png",
    "`touch owned`.png", "|touch owned.png", "*.png", "?.png", "~root.png", "-rf.png",
)  # fmt: skip
NO_PICTURES = {
    "nothing": b"",
    "html": b"<html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "xml": b"<?xml version='1.0'?><svg/>",
    "script": b"#!/bin/sh\ntouch owned\n",
    "elf": b"\x7fELF" + bytes(60),
    "zip": b"PK\x03\x04",
    "pdf": b"%PDF-1.7",
    "late png": b"<script>alert(1)</script>" + PNG,
    "bmp": b"BM" + bytes(60),
    "riff of sound": b"RIFF\0\0\0\0WAVE",
    "utf-16 html": "<script>alert(1)</script>".encode("utf-16"),
    "markdown": b"# Kettle\n",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("pictures") / "home"
    write_article(home, "kitchen/kettle.md", KETTLE)
    write_article(home, "lamp.md", "# Lamp\n\nA lamp.\n")
    (home / "kb.toml").write_text("import_image_megabytes = 1\n")
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    key = create_key(Paths(home), "editor").key
    with serving(home, tiny_model, key=key) as running:
        yield running


def put(server: Server, name: str, content: bytes = PNG, id_: str = "kitchen/kettle") -> httpx.Response:
    path = f"/api/articles/{quote(id_, safe='')}/pictures"
    return server.client.post(path, params={"name": name}, content=content, headers={"Content-Type": "image/png"})


def files(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*") if "data" not in file.parts and "index" not in file.parts}


def test_a_picture_is_seen_by_editors_at_once_and_by_all_once_it_is_published(server: Server) -> None:
    kept: dict[str, Any] = put(server, "The lid.png").json()
    assert kept["path"] == f"kitchen/{kept['name']}"
    assert kept["name"].startswith("The-lid-")
    seen = server.client.get(f"/pictures/{kept['path']}", params={"of": "kitchen/kettle"})
    assert (seen.content, seen.headers["content-type"]) == (PNG, "image/png")
    assert "sandbox" in seen.headers["content-security-policy"]
    public = f"{server.client.base_url}/pictures/{kept['path']}?of=kitchen/kettle"
    assert httpx.get(public).status_code == 404
    assert server.client.get(f"/pictures/{kept['path']}", params={"of": "lamp"}).status_code == 404
    article = server.client.get("/api/articles/kitchen%2Fkettle")
    saved = server.client.put(
        "/api/articles/kitchen%2Fkettle",
        json={"text": f"{KETTLE}\n{kept['markdown']}\n"},
        headers={"If-Match": article.headers["etag"]},
    )
    assert saved.json()["images"] == [kept["name"]]
    published = server.client.post(
        "/api/articles/kitchen%2Fkettle/publish", json={}, headers={"If-Match": saved.headers["etag"]}
    )
    assert published.status_code == 200, published.text
    assert (server.home / "articles" / kept["path"]).read_bytes() == PNG
    assert httpx.get(public).content == PNG


@pytest.mark.parametrize("number", range(len(HOSTILE_NAMES)))
def test_a_name_leads_nowhere_but_into_the_articles_folder(number: int, server: Server) -> None:
    before = files(server.home.parent)
    reply = put(server, HOSTILE_NAMES[number], id_="lamp")
    assert reply.status_code == 201, reply.text
    name = reply.json()["name"]
    assert "/" not in name
    assert not set(name) & set("\\<>\"'`$|*?;&%\r\n\0 ")
    assert not name.startswith((".", "-", "~"))
    assert name.endswith(".png")
    assert len(name.encode()) < 255
    assert files(server.home.parent) == before


def test_what_is_published_lies_beside_its_article_and_nowhere_else(server: Server) -> None:
    for name in HOSTILE_NAMES:
        assert put(server, name, id_="lamp").status_code == 201
    before = files(server.home.parent)
    article = server.client.get("/api/articles/lamp")
    headers = {"If-Match": article.headers["etag"]}
    saved = server.client.put("/api/articles/lamp", json={"text": "# Lamp\n\nAnother lamp.\n"}, headers=headers)
    headers = {"If-Match": saved.headers["etag"]}
    assert server.client.post("/api/articles/lamp/publish", json={}, headers=headers).status_code == 200
    made = files(server.home.parent) - before
    assert {file.parent for file in made} == {server.home / "articles"}
    assert {file.suffix for file in made} == {".png"}
    assert len(made) > len(HOSTILE_NAMES) / 2


@pytest.mark.parametrize("kind", NO_PICTURES)
def test_what_is_no_picture_by_its_bytes_is_refused(kind: str, server: Server) -> None:
    reply = put(server, "lid.png", NO_PICTURES[kind])
    assert reply.status_code == 400
    assert "accepted are PNG, JPEG, GIF and WebP" in reply.json()["detail"]


def test_the_wrong_article_size_and_caller_are_refused(server: Server) -> None:
    assert put(server, "lid.png", id_="nowhere").status_code == 404
    assert put(server, "lid.png", PNG + bytes(1024 * 1024)).status_code == 413
    for role, status in (("public", 403), ("agent", 403)):
        key = create_key(Paths(server.home), role).key  # type: ignore[arg-type]
        reply = httpx.post(
            f"{server.client.base_url}/api/articles/lamp/pictures",
            content=PNG,
            headers={"Authorization": f"Bearer {key}"},
        )
        assert reply.status_code == status


@pytest.mark.parametrize(
    "place", ["..%2Fkb.toml", "%2e%2e/kb.toml", "lamp.md", "images", "../data/kb.sqlite", "%00.png"]
)
def test_an_editor_sees_pictures_and_no_other_file(place: str, server: Server) -> None:
    assert server.client.get(f"/pictures/{place}?of=lamp").status_code in (400, 404)

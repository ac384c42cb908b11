"""`POST /api/imports`: an editor's upload becomes drafts, and what cannot go in is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from import_samples import png
from server_process import Server, serving

from kb.access.callers import Role
from kb.access.keys import create_key
from kb.config import Paths

Upload = list[tuple[str, tuple[str, bytes]]]
FAQ = "标准问,答案\n怎么退款？,三天。\n坏,\n".encode("gb18030")
PAGE = b'<h1>Setting up</h1><p>Plug it in.</p><img src="img/a.png" alt="plug">'


@pytest.fixture(scope="module")
def server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("imports") / "home"
    (home / "articles").mkdir(parents=True)
    with serving(home, str(tiny_model), environment={"KB_IMPORT_MEGABYTES": "1"}) as running:
        yield running


def upload(server: Server, *files: tuple[str, bytes], role: Role = "editor", **query: Any) -> Any:
    headers = {"Authorization": f"Bearer {create_key(Paths(server.home), role).key}"}
    sent: Upload = [("files", file) for file in files]
    return server.client.post("/api/imports", params=query, files=sent, headers=headers)


def articles(server: Server) -> list[str]:
    folder = server.home / "articles"
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.md"))


def test_an_upload_becomes_drafts_with_its_pictures_after_a_preview_that_writes_nothing(server: Server) -> None:
    site = ("site/help.html", PAGE), ("site/img/a.png", png())
    files = (*site, ("faq.csv", FAQ), ("x.pdf", b"%PDF-1"), ("../up.md", b"# U\n\nu\n"))
    shown = upload(server, *files, preview=True, shown=1)
    assert shown.status_code == 200, shown.text
    assert articles(server) == []
    made = upload(server, *files)
    assert made.status_code == 200, made.text
    report = made.json()
    assert [(draft["asked"], draft["images"]) for draft in report["drafts"]] == [
        ("faq/怎么退款", 0), ("site/help", 1), ("up", 0),
    ]  # fmt: skip
    assert [(r["file"], r["row"], r["column"]) for r in report["refusals"]] == [
        ("faq.csv", 3, "答案"), ("x.pdf", None, None),
    ]  # fmt: skip
    assert shown.json()["preview"]
    assert [draft["text"] is None for draft in shown.json()["drafts"]] == [False, True, True]
    assert [draft["id"] for draft in shown.json()["drafts"]] == [draft["id"] for draft in report["drafts"]]
    assert server.search("plug")["hits"] == [], "a draft is found by nobody"


@pytest.mark.parametrize(
    ("files", "query", "status", "told"),
    [
        ([], {}, 400, "in a field 'files'"),
        ([("a.css", b"x")], {}, 400, "the upload: there is nothing in it"),
        ([("a.csv", FAQ)], {"column": "answer=回复"}, 400, "there is no column '回复'"),
        ([("a.csv", FAQ)], {"column": "x"}, 400, "accepted is FIELD=COLUMN"),
        ([("a.md", b"x"), ("./a.md", b"x")], {}, 400, "a.md: was sent twice"),
        ([("a" * 300, b"x")], {}, 400, "is no file name"),
        ([("a.md", bytes(1_200_000))], {}, 413, ""),
    ],
)
def test_an_upload_that_cannot_be_taken_says_why(
    server: Server, files: list[tuple[str, bytes]], query: dict[str, str], status: int, told: str
) -> None:
    refused = upload(server, *files, **query)
    assert (refused.status_code, told in refused.json()["detail"]) == (status, True), refused.text


def test_agents_may_not_import(server: Server) -> None:
    assert upload(server, ("a.html", PAGE), role="agent").status_code == 403
    assert server.client.post("/api/imports", files=[("files", ("a.html", PAGE))]).status_code == 401

"""What editors read, compare and change over HTTP, on a real server with the sample."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from server_process import Server, serving

from kb.access.keys import create_key
from kb.config import Paths


@pytest.fixture(scope="module")
def server(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("editors") / "home"))
    with serving(home, "bundled", key=create_key(Paths(home), "editor").key) as running:
        yield running


def test_revisions_are_read_and_compared_with_the_slashes_of_the_id_encoded(server: Server) -> None:
    id_ = "zh/returns/refund-time"
    listed = server.get(f"/api/articles/{quote(id_, safe='')}/revisions").json()
    assert (listed["document_id"], listed["live"], [one["revision"] for one in listed["revisions"]]) == (id_, 1, [1])
    one = server.get(f"/api/articles/{quote(id_, safe='')}/revisions/1").json()
    assert one["text"].startswith("---\n")
    assert one["title"] in one["text"]
    found = server.get(f"/api/articles/{quote(id_, safe='')}/diff").json()
    assert (found["from_revision"], found["to_revision"]) == (0, 1)
    assert f"+title: {one['title']}" in found["difference"]["unified"]
    for path in ("revisions/2", "diff?to=2", "diff?from=7"):
        assert server.client.get(f"/api/articles/{quote(id_, safe='')}/{path}").status_code == 404
    assert server.get(f"/api/articles/{id_}/revisions").status_code == 404


def test_a_text_is_previewed_as_it_would_be_shown_and_found(server: Server) -> None:
    text = (server.home / "articles/zh/errors/washer-w6.md").read_text("utf-8") + "\n::: agent\n只给客服。\n:::\n"
    found = server.client.post("/api/preview", json={"text": text, "id": "zh/errors/washer-w6"}).json()
    assert (found["title"], found["troubles"]) == ("云洗 W6 洗衣机故障代码", [])
    assert '<img src="zh/images/w6-drain-filter.svg"' in found["html"]
    assert "只给客服" not in found["html"]
    assert '<aside class="kb-agent"' in found["agents"]
    assert {one["role"] for one in found["passages"]} == {"text", "question"}
    assert [one["internal"] for one in found["passages"]].count(True) == 1
    assert "E3" in "".join(one["text"] for one in found["passages"])


def test_a_text_as_large_as_an_article_may_be_is_previewed(server: Server) -> None:
    text = "# 大\n\n" + "退款五天。" * 140_000
    assert len(text.encode()) > 2 * 1024 * 1024
    refused = server.client.post("/api/preview", json={"text": text}).json()
    assert "split it into several articles" in refused["troubles"][0]["message"]

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


def test_what_find_and_replace_would_change_is_seen_first(server: Server) -> None:
    body = {"find": "400-820-0316", "replace": "400-999-0000"}
    found = server.client.post("/api/replacements", json=body).json()
    assert found["hits"] > 10
    assert len(found["changed"]) > 5
    assert found["kept"] == []
    for one in found["changed"]:
        for place in one["places"]:
            assert place["after"] == place["before"].replace(body["find"], body["replace"])
    assert server.client.post("/api/replacements", json=body).json() == found
    for wrong in (
        {"find": "("} | {"regex": True},
        {"find": ""},
        {"find": "a*", "regex": True},
        {"find": "a", "who": "b"},
    ):
        refused = server.client.post("/api/replacements", json={"replace": "x"} | wrong)
        assert refused.status_code == 400, wrong


def test_translations_and_dates_are_listed(server: Server) -> None:
    groups = server.get("/api/translations").json()["groups"]
    assert any(group["retires"] == ["zh/app/pairing", "en/app/pairing"] for group in groups)
    due = server.get("/api/due", days=3_650).json()["due"]
    assert {one["kind"] for one in due} >= {"review"}
    assert [one["at"] for one in due] == sorted(one["at"] for one in due)
    owner = due[-1]["owner"]
    assert {one["owner"] for one in server.get("/api/due", days=3_650, owner=owner).json()["due"]} == {owner}
    assert server.get("/api/due", days=-1).status_code == 400


def test_what_is_near_an_article_and_near_a_text_is_told(server: Server) -> None:
    id_ = "zh/delivery/remote-areas"
    first = server.get(f"/api/articles/{quote(id_, safe='')}/similar").json()["similar"][0]
    assert (first["document_id"], len(first["same"])) == ("zh/delivery/remote-delivery", 1)
    assert server.get("/api/articles/nothing/similar").status_code == 404
    text = "# 退款要几天\n\n仓库验货后 8–9 个工作日内原路退回。\n"
    found = server.client.post("/api/similar", json={"text": text}).json()["similar"]
    assert found[0]["document_id"] == "zh/returns/refund-time"
    assert [pair["own"] for pair in found[0]["contradicts"]] == ["仓库验货后 8–9 个工作日内原路退回。"]
    assert server.client.post("/api/similar", json={"text": "---\nid: 1\n"}).status_code == 400

"""Whatever somebody writes, uploads or asks: no script of it runs in a browser, on any page, for any reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote
from xml.dom import minidom

import pytest
from conftest import ROOT, Centre, tiny_settings, write_article
from hostile import COUNT, MARKDOWN, SVG, TAGS, VALUES, svg
from server_process import Server, serving
from walking import Walk, employ, walking

from kb.access.keys import create_key
from kb.config import Paths
from kb.search.embedding import Embedder

ARMED = (
    "window.hits = []; for (const name of ['alert', 'prompt', 'confirm']) window[name] = (x) => hits.push(String(x));"
)
"""Every payload calls one of these."""
FOUND = (ROOT / "tests" / "data" / "inert.js").read_text("utf-8")


TOGETHER = 4
"""Bodies in one article, each below a heading of its own, so that a browser opens fewer pages."""


def numbered(texts: Sequence[str], folder: str) -> dict[str, str]:
    return {f"{folder}/{number:03}": text for number, text in enumerate(texts)}


def parted(texts: Sequence[str]) -> list[str]:
    groups = [texts[at : at + TOGETHER] for at in range(0, len(texts), TOGETHER)]
    return ["\n\n".join(f"## Part {number}\n\n{text}" for number, text in enumerate(group)) for group in groups]


BODIES = numbered(parted((*TAGS, *MARKDOWN)), "bodies")
FRONTS = numbered(VALUES, "values")
SHOWN = numbered([f"![x]({number:03}.svg)" for number in range(len(SVG))], "svg")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    """A home with an article for every input."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    for id_, text in (BODIES | SHOWN).items():
        write_article(home, f"{id_}.md", f"# Lamp\n\nA lamp.\n\n{text}\n\n::: agent\n{text}\n:::\n\nThe end.\n")
    for id_, text in FRONTS.items():
        front = {"title": text, "category": text, "product": text, "owner": text, "tags": [text], "questions": [text]}
        front |= {"answer": text, "actions": [{"label": text, "link": "https://ok.example/"}]}
        write_article(home, f"{id_}.md", f"---\n{json.dumps(front)}\n---\n\nA lamp.\n")
    for number, inner in enumerate(SVG):
        write_article(home, f"svg/{number:03}.svg", svg(inner))
    (home / "kb.toml").write_text("min_confidence = 0.0\naddress_requests = 0\nkey_requests = 0\n")
    employ(home)
    summary = Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    assert summary.refused <= 8, summary.problems
    with serving(home, tiny_model) as running:
        yield running


def assert_inert(walk: Walk) -> None:
    """Nothing ran, and nothing stands there that could. Raises AssertionError."""
    found = walk.page.evaluate(FOUND)
    assert found == [], f"{walk.page.url}: {found[:5]}"
    here = f"127.0.0.1:{walk.server.port}"
    elsewhere = [
        url for url in walk.asked if not url.startswith((f"http://{here}", f"ws://{here}", "about:", "data:,"))
    ]
    assert elsewhere == []


def test_there_are_two_hundred_inputs_and_what_runs_would_be_found(server: Server, chromium: str) -> None:
    assert COUNT >= 200
    with walking(chromium, server) as walk:
        walk.page.add_init_script(ARMED)
        walk.open("/")
        assert_inert(walk)
        for text in ("<p id=x>", "<a href=' javascript:alert(1)'>", "<style></style>", "<img src=//evil.example/x>"):
            walk.page.evaluate("(text) => document.body.insertAdjacentHTML('beforeend', text)", text)
        walk.page.evaluate("alert(1)")
        walk.page.evaluate("document.getElementById('x').setAttribute('onclick', 'alert(1)')")
        assert len(walk.page.evaluate(FOUND)) == 5
        assert any("evil.example" in url for url in walk.wrong)
        walk.wrong.clear()


def test_an_article_runs_nothing_for_who_sees_all_of_it(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        walk.page.add_init_script(ARMED)
        walk.sign_in("eva", "/")
        for id_, text in (BODIES | dict(list(FRONTS.items())[::2])).items():
            walk.open(f"/articles/{id_}")
            assert walk.page.locator("h2", has_text="Part").count() == 2 * text.count("## Part"), id_
            assert_inert(walk)


def test_an_article_runs_nothing_while_it_is_edited(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        walk.page.add_init_script(ARMED)
        walk.sign_in("eva", "/edit")
        assert_inert(walk)
        for id_ in [*list(BODIES)[::18], *list(FRONTS)[::25]]:
            walk.open(f"/edit/{id_}")
            walk.page.locator("#preview .waiting").wait_for(state="detached")
            walk.page.locator("[data-seen=agents]").click()
            walk.page.locator("#t-history").click()
            walk.page.locator("#revisions button").first.click()
            walk.page.locator("#diff ins").first.wait_for()
            assert_inert(walk)
            walk.page.locator("#about summary").click()
        assert walk.page.locator("#f-title").input_value() in VALUES


def test_an_agent_finds_and_reads_it_and_nothing_runs(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        walk.page.add_init_script(ARMED)
        walk.sign_in("mei", f"/agent?q={quote('a lamp')}")
        for asked in ("a lamp", *TAGS[::25]):
            walk.page.locator("#q").fill(asked)
            walk.page.keyboard.press("Enter")
            walk.page.locator("#articles .hit").first.wait_for()
            assert_inert(walk)
        for id_ in (*list(BODIES)[::4], *list(FRONTS)[1::2]):
            with walk.page.expect_response(lambda reply: "/api/documents/" in reply.url):
                walk.page.evaluate(
                    "(id) => document.dispatchEvent(new CustomEvent('kb:open', { detail: { document_id: id } }))", id_
                )
            walk.page.locator("#text :text('lamp')").first.wait_for()
            assert_inert(walk)


def test_lists_run_nothing(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        walk.page.add_init_script(ARMED)
        walk.open("/")
        assert_inert(walk)
        topics = walk.page.eval_on_selector_all(".shelves h3 a", "links => links.map((link) => link.href)")
        assert len(topics) > len(VALUES) / 2
        for topic in topics[::4]:
            walk.page.goto(topic)
            assert_inert(walk)
    site = server.client.get("/sitemap.xml")
    assert len(minidom.parseString(site.content).getElementsByTagName("loc")) > len(BODIES) + len(VALUES)


def test_what_is_asked_runs_nothing(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        walk.page.add_init_script(ARMED)
        walk.open("/")
        for text in TAGS[::6]:
            asked = walk.page.locator(".turn").count()
            walk.page.locator("#question").fill(text)
            walk.page.keyboard.press("Enter")
            walk.page.locator(".turn").nth(asked).wait_for()
            walk.page.locator(".waiting").wait_for(state="detached")
        assert_inert(walk)


class Strict(HTMLParser):
    """Refuses what runs."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("iframe", "object", "embed", "base", "style", "math")
        for name, value in attrs:
            assert not name.startswith("on"), self.get_starttag_text()
            assert not (value or "").lower().strip().startswith("javascript:") or name in ("value", "placeholder")
            assert tag != "script" or name != "src" or (value or "").startswith("/static/")


@pytest.mark.parametrize("number", range(0, len(TAGS), 3))
def test_what_is_asked_without_scripts_comes_back_as_text(number: int, server: Server) -> None:
    reply = server.client.post("/ask", data={"question": TAGS[number], "conversation": TAGS[-number]})
    assert reply.status_code == 200
    Strict().feed(reply.text)


def test_a_picture_runs_nothing_in_an_article_or_by_itself(server: Server, chromium: str) -> None:
    with walking(chromium, server) as walk:
        walk.page.add_init_script(ARMED)
        for id_ in SHOWN:
            walk.open(f"/articles/{id_}")
            assert walk.page.locator(".article img").count() == 1
            assert_inert(walk)
    for id_ in SHOWN:
        reply = server.client.get(f"/pictures/{id_}.svg?of={quote(id_)}")
        assert reply.headers["content-type"].startswith("image/svg+xml")
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert policy.endswith("sandbox")
        assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "vbscript:x", " javascript:alert(1)"]
)
def test_an_action_leads_to_no_script(link: str, server: Server) -> None:
    front = json.dumps({"actions": [{"label": "x", "link": link}]})
    with_key = {"text": f"---\n{front}\n---\n# Lamp\n\nA lamp.\n", "id": "lamp"}
    key = create_key(Paths(server.home), "editor").key
    reply = server.client.post("/api/articles", json=with_key, headers={"Authorization": f"Bearer {key}"})
    assert reply.status_code == 400, reply.text
    assert "actions" in reply.json()["detail"]

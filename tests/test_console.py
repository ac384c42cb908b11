"""What the agent's console is given over HTTP: opened documents, copies for customers, choices, and framed sign-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from conftest import ROOT, Centre, tiny_settings, write_article
from server_process import Server, serving
from websockets.sync.client import connect

from kb.access.keys import create_key
from kb.access.people import create_person
from kb.config import Paths, load_settings
from kb.errors import SettingsError
from kb.search.embedding import Embedder

SECRET = "Zanzibar"
"""Stands in nothing that the public may read."""
KETTLE = f"""---
owner: kitchen-team
review_by: 2027-06-30
product: kettle-k1
tags: [kitchen, lid]
applies_to: {{product: K1}}
---
# Kettle

The kettle stops when **the lid** is open. See [the manual][m].

::: agent
{SECRET} before: offer a new lid.
:::

It hums before it boils.

::: agent
{SECRET} between: a loud hum is {SECRET} too.
:::

## Water

Fill in water up to the mark.

::: agent
## {SECRET} heading

{SECRET} after: overfilling voids the warranty.
:::

[m]: https://example.com/manual
"""
FRAUD = f"---\naudience: agent\ntags: [fraud]\n---\n# Kettle fraud {SECRET}\n\n{SECRET}: some kettles are fakes.\n"
LOUNGE = (
    f"---\naudience: vip\ntags: [lounge]\nproduct: sofa\n---\n# Kettle lounge {SECRET}\n\n{SECRET} tea for members.\n"
)
TICKET = {
    "kind": "ticket", "id": "T-1", "subject": f"Kettle leaks {SECRET}", "status": "closed", "language": "en",
    "product": "kettle-k1", "tags": ["leak"], "messages": [{"author": "customer", "text": f"It leaks. {SECRET}"}],
    "resolution": f"The seal of the kettle was worn. {SECRET}", "closed_at": "2026-11-01T10:00:00Z",
}  # fmt: skip
PASSWORD = "a long password"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    """Articles for everybody, for agents and for a group, and a ticket; served, and may be framed."""
    home = tmp_path_factory.mktemp("console") / "home"
    for path, text in (("a/kettle.md", KETTLE), ("fraud.md", FRAUD), ("vip/lounge.md", LOUNGE)):
        write_article(home, path, text)
    tickets = home / "tickets.jsonl"
    tickets.write_text(json.dumps(TICKET) + "\n", "utf-8")
    settings = 'sites = ["https://crm.example"]\npublic_url = "https://kb.example"\nframed_sessions = true\n'
    (home / "kb.toml").write_text(settings)
    centre = Centre(home, tiny_settings(tiny_model), tiny_embedder)
    centre.reindex()
    centre.import_(tickets)
    create_person(Paths(home), "mei", PASSWORD, "agent")
    with serving(home, tiny_model) as running:
        yield running


@pytest.fixture(scope="module")
def agent(server: Server) -> Iterator[httpx.Client]:
    """As an agent, by a key."""
    with as_key(server, "agent") as client:
        yield client


def as_key(server: Server, *names: str) -> httpx.Client:
    key = create_key(Paths(server.home), "agent", [name for name in names if name != "agent"]).key
    return httpx.Client(base_url=server.client.base_url, headers={"Authorization": f"Bearer {key}"})


def opened(client: httpx.Client, id_: str, **parameters: str) -> httpx.Response:
    return client.get(f"/api/documents/{quote(id_, safe='')}", params=parameters)


def copied(client: httpx.Client, id_: str, **parameters: str) -> httpx.Response:
    return client.get(f"/api/documents/{quote(id_, safe='')}/copy", params=parameters)


def passages(client: httpx.Client) -> list[tuple[str, str]]:
    """Every passage that an agent can find, as `(document_id, passage_id)`: also ones that no search shows first."""
    found = client.get("/api/search", params={"q": "kettle", "k": 100}).json()
    hits = [*found["hits"], *found["tickets"]]
    numbered = [(hit["document_id"], f"{hit['document_id']}@{hit['revision']}#{n}") for hit in hits for n in range(12)]
    return [*numbered, *((hit["document_id"], "") for hit in hits)]


def test_no_internal_byte_comes_by_the_copy_for_customers(server: Server) -> None:
    with as_key(server, "agent", "vip") as client:
        asked = passages(client)
        assert {id_ for id_, _ in asked} == {"a/kettle", "fraud", "vip/lounge", "T-1"}
        replies = {(id_, passage): copied(client, id_, passage=passage) for id_, passage in asked}
        assert {reply.status_code for reply in replies.values()} == {200}
        internal = [copied(client, id_, passage=passage, internal="true").json() for id_, passage in asked]
    assert not any(SECRET in reply.text for reply in replies.values())
    for (id_, _), reply in replies.items():
        assert (reply.json()["text"] is not None) == (id_ == "a/kettle")
    assert sum(SECRET in made["text"] for made in internal) > 10, "so that the claim above can fail"
    assert all(made["text"].startswith("INTERNAL") for made in internal)


def test_a_copy_is_the_section_that_was_found_with_its_public_address(agent: httpx.Client) -> None:
    whole = copied(agent, "a/kettle").json()
    assert whole["part"] == "article"
    assert whole["text"] == (
        "Kettle\n\nThe kettle stops when the lid is open. See the manual.\nIt hums before it boils.\nWater\n"
        "Fill in water up to the mark.\nhttps://kb.example/articles/a/kettle"
    )
    found = agent.get("/api/search", params={"q": "Fill in water up to the mark"}).json()
    water = next(hit for hit in found["hits"] if hit["document_id"] == "a/kettle" and hit["heading"] == ["Water"])
    part = copied(agent, "a/kettle", passage=water["passage_id"]).json()
    assert (part["part"], part["heading"]) == ("section", ["Water"])
    assert part["text"] == ("Kettle › Water\n\nFill in water up to the mark.\nhttps://kb.example/articles/a/kettle")


def test_an_internal_copy_says_so_on_every_line_of_a_note(agent: httpx.Client) -> None:
    text = copied(agent, "a/kettle", internal="true").json()["text"]
    assert text.startswith("INTERNAL: not for customers\nKettle\n")
    assert f"[INTERNAL] {SECRET} between: a loud hum is {SECRET} too." in text
    assert all(line.startswith("[INTERNAL]") for line in text.split("\n") if SECRET in line)
    in_chinese = agent.get("/api/documents/T-1/copy", params={"internal": "true"}, headers={"Accept-Language": "zh"})
    assert in_chinese.json()["text"].startswith("INTERNAL 内部资料")
    assert "The seal of the kettle was worn." in in_chinese.json()["text"]


def test_an_opened_document_is_what_its_agent_may_read_at_what_was_found(agent: httpx.Client, server: Server) -> None:
    shown = opened(agent, "a/kettle").json()
    assert (shown["owner"], shown["review_by"], shown["public"]) == ("kitchen-team", "2027-06-30", True)
    assert shown["public_url"] == "https://kb.example/articles/a/kettle"
    assert shown["html"].count("kb-agent") == 3
    assert not shown["marked"]
    found = agent.get("/api/search", params={"q": f"{SECRET} between: a loud hum"}).json()["hits"]
    note = next(hit for hit in found if hit["document_id"] == "a/kettle")
    assert f'<mark id="cited">{SECRET}' in opened(agent, "a/kettle", passage=note["passage_id"]).json()["html"]
    ticket = opened(agent, "T-1").json()
    assert (ticket["kind"], ticket["public"], ticket["html"]) == ("ticket", False, "")
    assert "It leaks." in ticket["problem"]
    for id_ in ("vip/lounge", "nothing", "T-2"):
        for reply in (opened(agent, id_), copied(agent, id_), copied(agent, id_, internal="true")):
            assert reply.status_code == 404
            assert SECRET not in reply.text
    assert opened(server.client, "a/kettle").status_code == 401


def test_choices_are_of_what_an_agent_may_see(agent: httpx.Client, server: Server) -> None:
    page = agent.get("/agent").text
    for shown in ("kettle-k1", "kitchen", "fraud", "leak", '<option value="en">English'):
        assert shown in page
    for hidden in ("sofa", "lounge"):
        assert hidden not in page
    with as_key(server, "agent", "vip") as client:
        assert "sofa" in client.get("/agent").text
    assert '<option value="kettle-k1" selected>' in agent.get("/agent?product=kettle-k1").text
    unknown = agent.get("/agent", params={"product": "teapot", "q": '"><script>x'}).text
    assert 'data-model="teapot"' in unknown
    assert "<script>x" not in unknown


def test_what_is_typed_can_be_narrowed(server: Server) -> None:
    key = create_key(Paths(server.home), "agent").key
    with connect(f"ws://127.0.0.1:{server.port}/api/typing") as socket:
        socket.send(json.dumps({"key": key}))

        def asked(**more: object) -> dict[str, list[dict[str, str]]]:
            socket.send(json.dumps({"query": 1, "text": "kettle", "k": 9, **more}))
            return dict(json.loads(socket.recv(timeout=20)))

        assert {hit["document_id"] for hit in asked()["hits"]} == {"a/kettle", "fraud"}
        assert {hit["document_id"] for hit in asked(product="kettle-k1")["hits"]} == {"a/kettle"}
        assert [hit["document_id"] for hit in asked(tag="leak")["tickets"]] == ["T-1"]
        assert asked(language="zh")["hits"] == []
        other = next(hit for hit in asked(context=["product:X9"])["hits"] if hit["document_id"] == "a/kettle")
        assert other["contradicts"] == ["product"]
        assert "KEY:VALUE" in asked(context=["product"])["detail"]


FRAME = {"Sec-Fetch-Dest": "iframe", "Accept": "text/html"}


def test_the_console_is_framed_by_the_centres_own_sites_and_its_sign_in_page_by_none(server: Server) -> None:
    with httpx.Client(base_url=server.client.base_url) as browser:
        framed = browser.get("/agent?q=lid", headers=FRAME)
        assert (framed.status_code, framed.headers["location"]) == (303, "/signin/framed?next=%2Fagent%3Fq%3Dlid")
        page = browser.get(framed.headers["location"], headers=FRAME)
        assert page.headers["content-security-policy"].endswith("frame-ancestors 'self' https://crm.example")
        assert 'data-next="/agent?q=lid"' in page.text
        elsewhere = browser.get("/signin/framed?next=https://evil.example").text
        assert 'data-next="/"' in elsewhere
        assert 'href="https://evil' not in elsewhere
        assert browser.get("/agent").headers["location"] == "/signin?next=%2Fagent"
        assert "frame-ancestors 'none'" in browser.get("/signin").headers["content-security-policy"]
        browser.cookies.set("kb_session", "over")
        assert browser.get("/agent", headers=FRAME).headers["location"].startswith("/signin/framed")


def test_a_frame_gets_a_session_by_a_code_that_counts_once(server: Server) -> None:
    with (
        httpx.Client(base_url=server.client.base_url) as window,
        httpx.Client(base_url=server.client.base_url) as frame,
    ):
        signed = window.post("/api/session", json={"name": "mei", "password": PASSWORD}).json()
        cookie = window.cookies.get("kb_session") or ""
        window.cookies.clear()
        as_mei = {"Cookie": f"kb_session={cookie}"}
        assert window.post("/api/session/lend", headers=as_mei).status_code == 403, (
            "without the token of a page of ours"
        )
        token = {"X-CSRF-Token": signed["csrf_token"]}
        code = window.post("/api/session/lend", headers=as_mei | token).json()
        evil = {"Origin": "https://crm.example"}
        assert frame.post("/api/session/framed", json=code, headers=evil).status_code == 403
        kept = frame.post("/api/session/framed", json=code)
        assert kept.status_code == 204
        given = kept.headers["set-cookie"]
        assert given.endswith("; HttpOnly; Path=/; SameSite=None; Secure; Partitioned")
        assert frame.post("/api/session/framed", json=code).status_code == 401
        assert frame.post("/api/session/framed", json={"code": "x"}).status_code == 401
        framed = {"Cookie": given.partition(";")[0]}
        assert framed != as_mei
        frame.cookies.clear()
        assert frame.get("/api/session", headers=framed).json()["name"] == "mei"
        refused = frame.post("/api/feedback", json={"kind": "helpful", "answer_id": "x"}, headers=framed)
        assert refused.status_code == 403, "the frame's session changes nothing without its token either"


def test_framed_sessions_need_https(home: Path) -> None:
    for others in (
        {},
        {"sites": ["https://crm.example"]},
        {"sites": ["https://a.example"], "public_url": "http://b.c"},
    ):
        with pytest.raises(SettingsError, match="framed_sessions"):
            load_settings(home, {"framed_sessions": True, **others}, {})


def test_the_page_is_small() -> None:
    static = ROOT / "kb" / "web" / "static"
    whole = [*static.glob("agent*"), *(static / name for name in ("kb.css", "kit.js", "staff.js"))]
    assert sum(file.stat().st_size for file in whole) < 60_000

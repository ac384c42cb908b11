"""Front matter changed by key, texts compared, the queue of edits: what the editors' pages ask of the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Centre, tiny_settings, write_article
from editors import EVA, LI, WANG, Editors, text
from hypothesis import given, settings
from hypothesis import strategies as st
from server_process import Server, serving

from kb.access.keys import create_key
from kb.config import Paths
from kb.editing.waiting import queue
from kb.errors import InputError
from kb.ingest.frontmatter import read_front_matter
from kb.ingest.keyed import with_keys
from kb.search.embedding import Embedder
from kb.store import database

YAML = """\
# who owns this
title: Deleting   # keep short
tags: [a, "b c"]   # sorted

# they come from the log
questions:
  - How?
  # a nice one
  - Why?

# read again
review_by: 2026-01-31
answer: |
  One.
  Two.

# the end
owner: 'x'
"""


@pytest.mark.parametrize(
    ("changes", "gone", "come"),
    [
        ({"title": "New: one"}, ["title: Deleting   # keep short"], ["title: 'New: one'  # keep short"]),
        ({"tags": ["z", "y"]}, ['tags: [a, "b c"]   # sorted'], ["tags: [z, y]  # sorted"]),
        ({"review_by": "2027-02-01"}, ["review_by: 2026-01-31"], ["review_by: 2027-02-01"]),
        ({"answer": "Short"}, ["answer: |", "  One.", "  Two."], ["answer: Short"]),
        ({"owner": None, "title": ""}, ["title: Deleting   # keep short", "owner: 'x'"], []),
        ({"product": "007", "urgent": True}, [], ["product: '007'", "urgent: true"]),
        ({"owner": "x"}, [], []),
    ],
)
def test_a_key_is_changed_and_every_other_line_stays(changes: dict[str, Any], gone: list[str], come: list[str]) -> None:
    before, after = YAML.split("\n"), with_keys(YAML, changes).split("\n")
    left = [line for line in after if line not in come]
    kept = before.copy()
    for line in gone:
        kept.remove(line)
    assert left == kept
    assert [line for line in after if line in come] == come


def test_a_front_matter_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="not YAML"):
        with_keys("title: [a\n", {"title": "b"})
    assert with_keys("{title: a, owner: b}\n", {"title": "c"}) == "{title: c, owner: b}\n"


_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1, max_size=30)
_VALUES = (
    _WORDS
    | st.booleans()
    | st.lists(_WORDS, min_size=1, max_size=3)
    | st.dictionaries(_WORDS, _WORDS, min_size=1, max_size=2)
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["title", "tags", "questions", "answer", "owner", "product"]), _VALUES))
def test_whatever_is_set_is_read_again_or_refused(changes: dict[str, Any]) -> None:
    before = read_front_matter(YAML, source="").values
    try:
        after = with_keys(YAML, changes)
    except InputError:
        return
    assert read_front_matter(after, source="").values == before | changes
    assert "# the end" in after


def test_the_queue_tells_each_editor_what_waits_for_them(
    tmp_path: Path, tiny_model: Path, tiny_embedder: Embedder
) -> None:
    centre = Centre(tmp_path / "home", tiny_settings(tiny_model), tiny_embedder)
    for name in ("lamp", "desk"):
        centre.article(f"{name}.md", text("green"))
    centre.reindex()
    editors = Editors(centre, approval=True)

    def ids(actor: str) -> dict[str, list[str]]:
        with closing(database.open_for_reading(centre.paths.database)) as db:
            found = queue(db, actor)
        return {name: [one.id for one in getattr(found, name)] for name in found.__slots__ if getattr(found, name)}

    for name in ("lamp", "desk"):
        editors.desk.save(LI, name, editors.number(name), text("red"))
        editors.desk.submit(LI, name, editors.number(name))
    assert (ids("li"), ids("eva")) == ({"written": ["lamp", "desk"]}, {"review": ["lamp", "desk"]})
    editors.desk.approve(EVA, "lamp", editors.number("lamp"))
    editors.desk.send_back(EVA, "desk", editors.number("desk"), "Which red?")
    assert ids("li") == {"approved": ["lamp"], "returned": ["desk"]}
    assert ids("eva") == {"approved": ["lamp"]}
    editors.desk.save(WANG, "desk", editors.number("desk"), text("crimson"))
    assert "returned" not in ids("eva")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("edit") / "home"
    for number in range(60):
        write_article(home, f"lamps/{number:02}.md", f"---\nowner: o{number % 2}\n---\n# Lamp {number}\n\nIt glows.\n")
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    with serving(home, tiny_model) as running:
        yield running


@pytest.fixture
def headers(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(Paths(server.home), 'editor').key}", "Accept": "text/html"}


def test_the_list_is_narrowed_and_goes_on(server: Server, headers: dict[str, str]) -> None:
    first = server.client.get("/edit", headers=headers).text
    assert first.count("<tr>") == 51
    more = re.search(r'href="(/edit\?after=[^"]+)"', first)
    assert more
    assert server.client.get(more[1], headers=headers).text.count("<tr>") == 11
    narrowed = server.client.get("/edit?owner=o1&q=lamp+1&state=published", headers=headers).text
    assert narrowed.count("<tr>") == 7
    assert "No article is like that" in server.client.get("/edit?q=nothing", headers=headers).text
    assert server.client.get("/edit?state=nonsense", headers=headers).status_code == 200
    for path in ("/edit/lamps/01", "/edit/new", *(f"/edit?view={view}" for view in ("review", "due", "tickets"))):
        assert server.client.get(path, headers=headers).status_code == 200, path
    assert server.client.get("/edit/lamps/99", headers=headers).status_code == 404
    assert server.client.get("/edit/new?article", headers=headers).status_code == 404


def test_the_pages_are_for_editors(server: Server) -> None:
    agent = {"Authorization": f"Bearer {create_key(Paths(server.home), 'agent').key}"}
    for path in ("/edit", "/edit/lamps/01"):
        assert server.client.get(path, headers=agent).status_code == 403
        assert server.client.get(path, follow_redirects=False).headers["location"].startswith("/signin?next=")


def test_a_head_is_read_and_changed(server: Server, headers: dict[str, str]) -> None:
    def told(status: int = 200, **body: Any) -> dict[str, Any]:
        reply = server.client.post("/api/front-matter", json=body, headers=headers)
        assert reply.status_code == status, reply.text
        return dict(reply.json())

    assert told(head="---\ntitle: A # x\n---\n")["values"] == {"title": "A"}
    assert told(head="", set={"title": "B"})["head"] == "---\ntitle: B\n---\n"
    assert told(head="---\ntitle: B\n---\n", set={"title": None})["head"] == ""
    assert told(head="---\ntitle: [\n---\n")["troubles"][0]["line"] == 3
    assert "never closed" in told(head="---\ntitle: a\n")["troubles"][0]["message"]
    assert "titel" in told(400, head="", set={"titel": "x"})["detail"]
    told(400, head="text", set={})
    told(400, head="---\ntitle: [\n---\n", set={"title": "x"})


def test_two_texts_are_compared(server: Server, headers: dict[str, str]) -> None:
    found = server.client.post("/api/differences", json={"old": "a b\n", "new": "a c\n"}, headers=headers).json()
    assert [part["kind"] for part in found["hunks"][0]["lines"][0]["parts"]] == ["same", "removed", "added"]

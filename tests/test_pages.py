"""The help centre's pages as a browser without scripts gets them, from a real server."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import httpx
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from conftest import ROOT, Centre, tiny_settings, write_article
from server_process import Server, serving

from kb.access.keys import create_key
from kb.answer.quoted import article_html
from kb.config import Paths
from kb.provenance import meanings
from kb.readiness import CHECKS
from kb.search.embedding import Embedder
from kb.store.audit import ACTIONS
from kb.web.pages.interface import translations

WEB = ROOT / "kb" / "web"
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "ran"</script></svg>'
KETTLE = """---
category: kitchen
actions: [{label: Book a repair, link: https://example.com/repair}]
---
# Kettle

The kettle stops when **the lid** is open. Close it & press <again>.

![The lid](images/lid.svg)

::: agent
Offer a new lid for free.
:::
"""

LID = """---
id: lid
category: kitchen
---
# A new lid

Ask for a lid of the [kettle](/articles/kettle#more). ![A lid](../images/lid.svg)

## Ordering

Order it.

## Sizes & <shapes>

Two.

### Small

One.

## Fitting

Turn it.
"""
CHINESE = "---\ntranslation_of: kettle\ncategory: kitchen\n---\n# 水壶\n\n盖子打开时水壶会停。\n"
FRAUD = "---\naudience: agent\ncategory: risks\n---\n# Kettle fraud\n\n![x](images/fraud.svg)\n"
SETTINGS = 'min_confidence = 0.0\n[categories]\nkitchen = {en = "In the kitchen", zh = "厨房"}\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Iterator[Server]:
    """A small home, served: an article in two languages, one for agents, and pictures."""
    home = tmp_path_factory.mktemp("pages") / "home"
    write_article(home, "kettle.md", KETTLE)
    write_article(
        home, "zh/kettle.md", "---\ntranslation_of: kettle\ncategory: kitchen\n---\n# 水壶\n\n盖子打开时水壶会停。\n"
    )
    write_article(
        home, "fraud.md", "---\naudience: agent\ncategory: risks\n---\n# Kettle fraud\n\n![x](images/fraud.svg)\n"
    )
    for name in ("lid", "fraud", "unused"):
        write_article(home, f"images/{name}.svg", PICTURE)
    write_article(home, "lids/one.md", LID)
    (home / "kb.toml").write_text(
        'min_confidence = 0.0\n[categories]\nkitchen = {en = "In the kitchen", zh = "厨房"}\n'
    )
    Centre(home, tiny_settings(tiny_model), tiny_embedder).reindex()
    with serving(home, tiny_model) as running:
        yield running


def read(server: Server, path: str, **headers: str) -> str:
    """A page's text. Raises AssertionError for a failure."""
    response = server.client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert response.status_code == 200, response.text
    return response.text


def test_the_help_centre_speaks_the_languages_of_its_reader(server: Server) -> None:
    assert "How can we help?" in read(server, "/")
    assert "有什么可以帮您？" in read(server, "/", Accept_Language="zh-TW,zh;q=0.9,en;q=0.1")
    assert "有什么可以帮您？" in read(server, "/?lang=zh", Accept_Language="en")
    assert "How can we help?" in read(server, "/", Accept_Language="fr,;q=,x;q=y")
    shown = read(server, "/?lang=zh")
    assert '<html lang="zh-Hans">' in shown
    assert "厨房" in shown
    assert "水壶" in shown
    assert "Kettle" not in shown


def test_a_reader_without_scripts_asks_and_goes_on(server: Server) -> None:
    said = "Why does the kettle stop? <script>alert(1)</script>"
    first = server.client.post("/ask", data={"question": said})
    assert first.status_code == 200, first.text
    assert "<script>alert" not in first.text
    assert said in unescape(first.text)
    assert "The kettle stops when the lid is open." in first.text
    links = [unescape(link) for link in re.findall(r'<sup><a href="([^"]+)"', first.text)]
    assert links
    assert '<mark id="cited">The kettle stops when </mark>' in read(server, links[0])
    conversation = re.search(r'name="conversation" value="([^"]+)"', first.text)
    assert conversation
    second = server.client.post(
        "/ask", data={"question": "I want to talk to a person", "conversation": conversation[1]}
    )
    assert 'class="handover"' in second.text
    begun_again = server.client.post("/ask", data={"question": said, "conversation": "expired"})
    assert "The kettle stops when the lid is open." in begun_again.text
    assert server.client.post("/ask", data={"question": " "}).status_code == 200


def test_an_article_shows_its_reader_what_is_theirs(server: Server) -> None:
    public = read(server, "/articles/kettle")
    assert "<strong>the lid</strong>" in public
    assert public.count("<h1") == 1
    assert "new lid for free" not in public
    assert "Book a repair" in public
    assert 'hreflang="zh"' in public
    assert "In the kitchen" in public
    agent = read(server, "/articles/kettle", Authorization=f"Bearer {create_key(Paths(server.home), 'agent').key}")
    assert "Offer a new lid for free." in agent
    for path in ("/articles/fraud", "/articles/nothing"):
        assert server.client.get(path).status_code == 404


def test_a_picture_is_for_who_may_read_an_article_that_shows_it(server: Server) -> None:
    shown = server.client.get("/pictures/images/lid.svg?of=kettle")
    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("image/svg+xml")
    assert "sandbox" in shown.headers["content-security-policy"]
    refused = (
        "images/fraud.svg?of=fraud",
        "images/unused.svg?of=kettle",
        "kettle.md?of=kettle",
        "..%2Fkb.toml?of=kettle",
    )
    for path in refused:
        assert server.client.get(f"/pictures/{path}").status_code == 404, path


def test_an_article_whose_id_is_not_its_path_shows_its_pictures_and_leads_to_others(server: Server) -> None:
    page = read(server, "/articles/lid")
    assert 'src="/pictures/images/lid.svg?of=lid"' in page
    assert server.client.get("/pictures/images/lid.svg?of=lid").status_code == 200
    assert 'href="/articles/kettle#s-more"' in page


def test_a_long_article_begins_with_its_headings_and_says_when_it_changed(server: Server) -> None:
    page = read(server, "/articles/lid")
    contents = page.partition('class="contents"')[2].partition("</nav>")[0]
    links = re.findall(r'class="level(\d)"><a href="#([^"]+)">([^<]+)<', contents)
    assert links == [
        ("2", "s-ordering", "Ordering"),
        ("2", "s-sizes-", "Sizes &amp; &lt;shapes&gt;"),
        ("3", "s-small", "Small"),
        ("2", "s-fitting", "Fitting"),
    ]
    assert all(f'id="{anchor}"' in page for _, anchor, _ in links)
    assert re.search(r'<time datetime="20\d\d-', page)
    assert "contents" not in read(server, "/articles/kettle")


def test_articles_near_in_meaning_are_named_in_the_same_language_and_public(server: Server) -> None:
    related = read(server, "/articles/kettle").partition('id="related-title"')[2].partition("</section>")[0]
    assert re.findall(r'href="([^"]+)"', related) == ["/articles/lid"]
    assert 'id="related-title"' not in read(server, "/articles/zh/kettle")


def test_a_reader_says_whether_an_article_helped(server: Server) -> None:
    said = {"kind": "not_helpful", "article": "kettle", "id": "page-1"}
    for _ in range(2):
        answered = server.client.post("/feedback", data=said)
        assert answered.status_code == 200, answered.text
        assert 'name="about" value="kettle"' in answered.text
    with closing(sqlite3.connect(server.home / "data" / "journal.sqlite")) as db:
        kept = db.execute("SELECT kind, revision, channel FROM signals WHERE about = 'kettle'").fetchall()
    assert kept == [("not_helpful", 1, "web")]
    handed = server.client.post("/ask", data={"question": "I want to talk to a person", "about": "kettle"})
    assert 'class="handover"' in handed.text
    for wrong in (
        {"kind": "helpful", "article": "fraud"},
        {"kind": "helpful", "article": "nothing"},
        {"kind": "helpful", "answer": "0" * 32},
    ):
        assert server.client.post("/feedback", data=wrong).status_code == 404
    for wrong in (
        {"kind": "helpful"},
        {"kind": "wonderful", "article": "kettle"},
        {"kind": "solved", "article": "lid"},
    ):
        assert server.client.post("/feedback", data=wrong).status_code == 400
    by_program = {"kind": "helpful", "document_id": "kettle"}
    assert server.client.post("/api/feedback", json=by_program).status_code == 200
    assert server.client.post("/api/feedback", json=by_program | {"document_id": "fraud"}).status_code == 404


def test_who_was_not_helped_by_an_answer_has_a_person_at_once(server: Server) -> None:
    first = server.client.post("/ask", data={"question": "Why does the kettle stop?"}).text
    form = re.search(r'<form class="helpful".*?</form>', first, re.DOTALL)
    assert form
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', form[0]))
    handed = server.client.post("/feedback", data=hidden | {"kind": "not_helpful"})
    assert 'class="handover"' in handed.text
    assert f'name="conversation" value="{hidden["conversation"]}"' in handed.text
    verdict = {"kind": "not_solved", "answer": hidden["answer"], "rating": "2", "note": "slow"}
    unhappy = server.client.post("/feedback", data=verdict | {"conversation": hidden["conversation"]})
    assert "We are sorry" in unhappy.text
    assert hidden["conversation"] in unhappy.text
    assert server.client.post("/feedback", data=verdict | {"rating": "6"}).status_code == 400


@pytest.mark.parametrize("path", ["/nowhere", "/articles/nothing", "/articles/fraud", "/topics/risks"])
def test_a_page_that_is_not_there_offers_to_ask(path: str, server: Server) -> None:
    gone = server.client.get(path, headers={"Accept": "text/html"})
    assert gone.status_code == 404
    assert 'action="/ask"' in gone.text
    assert "noindex" in gone.text


def test_pages_name_themselves_for_search_engines(server: Server) -> None:
    for path, title in (("/", "Help centre"), ("/topics/kitchen", "In the kitchen"), ("/articles/kettle", "Kettle")):
        page = read(server, path)
        assert re.search(rf"<title>{title}", page), path
        description = re.search(r'name="description" content="([^"]{10,})"', page)
        assert description, path
        assert 'hreflang="x-default"' in page, path
        assert page.count('rel="canonical"') == 1, path
    asked = server.client.post("/ask", data={"question": "Why does the kettle stop?"}).text
    assert "<title>Why does the kettle stop?" in asked


def test_topics_and_sitemap_list_what_anybody_may_read(server: Server) -> None:
    assert "Kettle" in read(server, "/topics/kitchen")
    assert server.client.get("/topics/risks").status_code == 404
    site = read(server, "/sitemap.xml")
    assert "/articles/zh/kettle</loc><lastmod>20" in site
    assert site.count('hreflang="zh" href="http') >= 2
    assert 'hreflang="x-default"' in site
    assert "/topics/kitchen?lang=zh</loc>" in site
    assert "fraud" not in site
    assert "Sitemap: " in read(server, "/robots.txt")


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_choice_leads_back_to_a_page_of_ours_alone(back: str, server: Server) -> None:
    chosen = server.client.get("/preferences", params={"lang": "zh", "back": back}, follow_redirects=False)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")


def test_a_choice_is_remembered(server: Server) -> None:
    with httpx.Client(base_url=server.client.base_url, follow_redirects=True) as browser:
        assert "跳到正文" in browser.get("/preferences?lang=zh&text=large&back=/topics/kitchen").text
        assert 'class="large"' in browser.get("/").text


def test_pages_come_with_a_strict_policy_and_scripts_that_may_be_kept(server: Server) -> None:
    response = server.client.get("/")
    assert "unsafe-inline" not in response.headers["content-security-policy"]
    assert not re.search(r"<script(?! type=\"module\")(?! src=)|<style| on[a-z]+=| style=", response.text)
    assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', response.text)
    assert len(assets) == 4
    for asset in assets:
        found = server.client.get(asset)
        assert found.status_code == 200
        assert "immutable" in found.headers["cache-control"]
        assert (found.headers.get("content-encoding") == "gzip") == asset.endswith((".css", ".js"))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!127\.0\.0\.1)', response.text)


def test_every_text_of_the_pages_is_there_in_chinese() -> None:
    keywords = dict.fromkeys(("_", "gettext", "ngettext"))
    found = extract_from_dir(WEB, [("templates/**.html", "jinja2"), ("**.py", "python")], keywords=keywords)
    texts = {message if isinstance(message, str) else message[0] for _, _, message, *_ in found}
    assert len(texts) > 30
    texts |= {*meanings().values(), *ACTIONS.values(), *CHECKS.values()}
    known: list[str] = []
    for file in (WEB / "locale" / "zh").iterdir():
        with file.open("rb") as opened:
            known += [m.id if isinstance(m.id, str) else m.id[0] for m in read_po(opened) if m.id and m.string]
    assert sorted(known) == sorted(texts)
    assert translations("zh").gettext("Ask") == "提问"


BODY = "# Lid\n\nOpen it. **Close** it & wait.\n\n| a | b |\n|---|---|\n| one | two |\n\n![The lid](lid.svg)\n"


@pytest.mark.parametrize(
    ("quote", "marked"),
    [
        ("Open it.", '<mark id="cited">Open it.</mark>'),
        ("**Close** it & wait.", '<strong><mark id="cited">Close</mark></strong><mark> it &amp; wait.</mark>'),
        ("one | two", '<td><mark id="cited">one </mark></td>'),
        ("![The lid](lid.svg)", '<mark id="cited"><img src="lid.svg" alt="The lid"></mark>'),
    ],
)
def test_a_quote_is_marked_where_it_stands(quote: str, marked: str) -> None:
    start = BODY.index(quote)
    html = article_html(BODY, "lid.md", "en", agents=False, span=(start, start + len(quote)))
    assert marked.replace(" </mark></td>", "</mark></td>") in html.replace(" </mark></td>", "</mark></td>")
    assert re.sub(r'</?mark(?: id="cited")?>', "", html) == article_html(BODY, "lid.md", "en", agents=False)


@pytest.mark.parametrize("span", [(0, 0), (-1, 3), (5, 4), (0, 10_000), (1, 3)])
def test_a_span_that_fits_nothing_marks_nothing(span: tuple[int, int]) -> None:
    assert article_html("#a b", "lid.md", "en", agents=False, span=span).count("cited") <= 1
    plain = article_html(BODY, "lid.md", "en", agents=False)
    marked = article_html(BODY, "lid.md", "en", agents=False, span=span)
    assert re.sub(r'</?mark(?: id="cited")?>', "", marked) == plain

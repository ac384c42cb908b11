"""An article as HTML: whatever its author wrote, a page may put it in, and agents' blocks are for agents."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_files import sample_articles

from kb.editing.preview import preview
from kb.errors import InputError
from kb.ingest.markup import markup
from kb.ingest.rendering import find_agent_blocks
from kb.model import Passage

DATA = Path(__file__).parent / "data"
TAGS = {
    "h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong",
    "s", "table", "thead", "tbody", "tr", "th", "td", "a", "img", "aside",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title", "rel"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "aside": {"class", "aria-label"},
    "th": {"class"}, "td": {"class"}, **{f"h{level}": {"id"} for level in range(1, 7)},
}  # fmt: skip
STRINGS = [line.replace("\\n", "\n") for line in (DATA / "hostile_markdown.txt").read_text("utf-8").splitlines()]
"""One a line; `\\n` stands for a line end."""
AROUND = {
    "alone": "{}\n",
    "in a sentence": "Before {} after\n",
    "in a quotation": "> {}\n",
    "in a list": "- one\n\n  {}\n",
    "in a table": "| a | b |\n|---|---|\n| {} | c |\n",
    "in a heading": "## Title {}\n",
    "for agents": "Text.\n\n::: agent\n{}\n:::\n\nMore.\n",
}
REFERENCE = "\n\n[r]: javascript:alert(1)\n"


class Harmless(HTMLParser):
    """Asserts of every tag that it is one that an article may have, with what it may have."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attributes:
            assert name in ATTRIBUTES.get(tag, set()), (tag, name)
            assert value is not None
            if name == "href":
                assert value.startswith(("#s-", "/articles/")) or urlsplit(value).scheme in (
                    "http",
                    "https",
                    "mailto",
                    "tel",
                ), value
            if name == "src":
                place = unquote(value)
                assert not urlsplit(value).scheme
                assert not place.startswith(("/", "\\", "."))
                assert ".." not in place
        if tag not in ("br", "hr", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    handle_decl = unknown_decl = handle_pi = handle_comment  # type: ignore[assignment]


def read(html: str) -> Harmless:
    """What a page would get of it."""
    reader = Harmless()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


def test_there_are_enough_hostile_strings() -> None:
    assert len(set(STRINGS)) >= 60


@pytest.mark.parametrize("place", AROUND)
def test_nothing_hostile_comes_through_wherever_it_stands(place: str) -> None:
    for text in STRINGS:
        body = AROUND[place].replace("{}", text) + REFERENCE
        for agents in (False, True):
            if text.startswith("```") and place == "for agents":
                with pytest.raises(InputError):  # a fence that swallows the end of a block
                    markup(body, path="en/a.md", agents=agents)
            else:
                read(markup(body, path="en/a.md", agents=agents).html)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from([*STRINGS, "\n", "\n\n", "- ", "> ", "    ", "a", "`", "[", "](", ")"]), max_size=8))
def test_nothing_hostile_comes_through_however_it_is_put_together(pieces: list[str]) -> None:
    read(markup("".join(pieces), path="a.md").html)


def test_what_may_be_there_is_there() -> None:
    html = markup(
        "# Top\n\n**b** *i* ~~s~~ `c` [web](https://a.example/?q=1&r=2) [mail](mailto:a@b.example)\n"
        "[call](tel:+86400) [up](#Top)\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n3. three\n\n"
        "![Valve](../images/valve.png)\n\n<order-id><br>x\n",
        path="en/app/a.md",
    ).html
    for part in (
        '<h1 id="s-top">Top</h1>', "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code>",
        '<a href="https://a.example/?q=1&amp;r=2" rel="noopener noreferrer">web</a>', 'href="mailto:a@b.example"',
        'href="tel:+86400"', 'href="#s-top"', '<td class="kb-right">2</td>', '<ol start="3">',
        '<img src="en/images/valve.png" alt="Valve">', "&lt;order-id&gt;<br>",
    ):  # fmt: skip
        assert part in html
    assert 'id="s-退款"' in markup("## 退款\n", path="a.md").html


def test_headings_of_the_same_name_have_anchors_of_their_own() -> None:
    ids = re.findall('id="([^"]+)"', markup("# A\n\n# A\n\n# ???\n\n# ???\n", path="a.md").html)
    assert len(set(ids)) == 4


def test_what_is_left_out_is_said_with_its_line() -> None:
    body = "One.\n\n::: agent\n[a](javascript:1)\n:::\n\nTwo\n[b](x.md) and\n![c](http://d.example/c.png)\n"
    refused = markup(body, path="a.md", agents=True).refused
    assert [one.line for one in refused] == [4, 8, 9]
    assert "javascript:1" in refused[0].message
    assert [one.line for one in markup(body, path="a.md").refused] == [8, 9]


@pytest.mark.parametrize("article", sample_articles(ROOT).values(), ids=lambda article: article.id)
def test_agents_see_what_customers_do_and_their_blocks_marked(article: object) -> None:
    body, id_ = article.body, article.id  # type: ignore[attr-defined]
    public, whole = (markup(body, path=f"{id_}.md", agents=agents) for agents in (False, True))
    asides = re.findall(r'<aside class="kb-agent" aria-label="For agents only">.*?</aside>\n', whole.html, re.DOTALL)
    assert len(asides) == len(find_agent_blocks(body).blocks)
    assert re.sub(r"<aside .*?</aside>\n", "", whole.html, flags=re.DOTALL) == public.html
    assert not public.refused
    read(whole.html)


PLACES = [
    ("1. one\n\n   ::: agent\n   note\n   :::\n\n2. two\n", r"one</p>\n<aside.*note.*</aside>\n</li>"),
    ("| a |\n|---|\n| 1 |\n::: agent\nnote\n:::\n| 2 |\n", r"<td>2</td>.*</table>\n<aside"),
    ("::: agent\nnote\n:::\nText\n", r"^<aside.*</aside>\n<p>Text"),
    ("Text\n\n::: agent\nnote\n:::\n", r"Text</p>\n<aside.*</aside>\n$"),
    ("> quoted\n> ::: agent\n> note\n> :::\n", r"</blockquote>\n<aside.*note.*</aside>\n$"),
    ("One\n\n::: agent\nnote\n:::\n\n::: agent\nsecond\n:::\n\nTwo\n", r"One.*note.*second.*Two"),
]


@pytest.mark.parametrize(("body", "pattern"), PLACES)
def test_a_block_for_agents_stands_where_it_was_written(body: str, pattern: str) -> None:
    html = markup(body, path="a.md", agents=True).html
    assert re.search(pattern, html, re.DOTALL), html
    assert "note" not in markup(body, path="a.md").html
    read(html)


def test_the_mark_is_in_the_language_of_the_article() -> None:
    body = "x\n\n::: agent\ny\n:::\n"
    for language, mark in (("zh", "仅供客服人员"), ("zh-Hant", "僅供客服人員"), ("en-GB", "For agents only")):
        assert f"<strong>{mark}</strong>" in markup(body, path="a.md", language=language, agents=True).html


def test_a_malformed_marker_shows_nothing() -> None:
    with pytest.raises(InputError):
        markup("::: agents\nsecret\n:::\n", path="a.md", agents=True)


def test_threads_share_it() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: markup("# A\n\n# A\n", path="a.md").html, range(64)))
    assert len(set(made)) == 1


def _whole(article: object) -> list[Passage]:
    body = article.body  # type: ignore[attr-defined]
    return [Passage(0, "text", ("T",), 0, len(body), body, body)]


def test_a_preview_tells_what_is_wrong_with_line_and_key_and_shows_what_it_can() -> None:
    text = "---\nstatus: live\ncolour: red\n---\n# 退款\n\n[a](javascript:1)\n"
    found = preview(text, path="a.md", timezone=UTC, split=_whole)
    assert [(one.line, one.field, one.fatal) for one in found.troubles] == [
        (2, "status", True), (3, "colour", True), (7, "body", False)
    ]  # fmt: skip
    assert (found.title, found.passages) == (None, ())
    assert found.html is not None
    assert "退款" in found.html
    marked = preview("# 退款\n\n::: agents\nx\n:::\n", path="a.md", timezone=UTC, split=_whole)
    assert (marked.html, marked.agents) == (None, None)
    assert [one.line for one in marked.troubles] == [3, 5]
    good = preview("\ufeff# 退款\r\n\r\n五天\r\n", path="a.md", timezone=UTC, split=_whole)
    assert (good.title, good.language, good.troubles, len(good.passages)) == ("退款", "zh", (), 1)

"""What a document holds is in its draft: headings, lists, tables, links, code, emphasis, pictures; nothing else is."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from import_samples import EN, FOLDER, ZH, png

from kb.editing.proposals import Proposal
from kb.errors import InputError
from kb.importers.bringing import Options, bring
from kb.importers.identity import id_of_question, ids_of
from kb.importers.limits import Limits
from kb.importers.report import Report
from kb.ingest.articles import read_article
from kb.ingest.markup import markup
from kb.ingest.plaintext import MARKDOWN
from kb.model import Article
from kb.progress import silent

LIMITS = Limits(file=8_000_000, unpacked=20_000_000, picture=100_000, files=50)


@dataclass
class Recorded:
    """A `Proposals` that keeps what it is given."""

    given: list[Proposal] = field(default_factory=list)

    def propose(self, proposal: Proposal) -> str:
        self.given.append(proposal)
        return proposal.id


def brought(*files: Path, limits: Limits = LIMITS, **options: Any) -> tuple[list[Proposal], Report]:
    """The proposals of an import, and its report."""
    recorded = Recorded()
    report = bring(files, recorded, Options(**options), limits, UTC, silent)
    assert report.made == len(recorded.given)
    return recorded.given, report


def of_html(folder: Path, html: str, name: str = "page.html") -> tuple[Article, Proposal, list[str]]:
    """The article, proposal and notes of a page with this body."""
    (folder / name).write_text(html if "<html" in html else f"<html><body>{html}</body></html>", "utf-8")
    [proposal], report = brought(folder / name)
    return article_of(proposal), proposal, [note.message for note in report.notes]


def article_of(proposal: Proposal) -> Article:
    return read_article(proposal.text.encode(), path=f"{proposal.id}.md", timezone=UTC)


class Shape(HTMLParser):
    """What a reader sees of HTML, by Python's own parser: texts by the element they stand in."""

    BLOCKS = ("h1", "h2", "h3", "li", "td", "th", "a", "strong", "em", "code", "pre", "blockquote")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self.depths: list[tuple[str, int]] = []
        self.counts: Counter[str] = Counter()
        self.links: list[str] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        self.links += [str(value) for name, value in attrs if tag == "a" and name == "href"]
        if tag in (*self.BLOCKS, "ul", "ol"):
            self._open.append((tag, []))
        if tag == "li":
            self.depths.append(("", sum(name in ("ul", "ol") for name, _ in self._open)))

    def handle_data(self, data: str) -> None:
        for name, parts in self._open:
            if name != "li" or not any(n in ("ul", "ol") for n, _ in self._open[self._open.index((name, parts)) + 1 :]):
                parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            name, parts = self._open.pop()
            if name not in ("ul", "ol"):
                self.texts.append((name, unicodedata.normalize("NFKC", "".join("".join(parts).split()))))

    def of(self, *names: str) -> list[str]:
        return [text for name, text in self.texts if name in names]


def rendered(article: Article) -> Shape:
    """The article as the help centre shows it."""
    shown = markup(article.body, path=f"{article.id}.md")
    assert shown.refused == ()
    return Shape(shown.html)


def squeezed(texts: Sequence[str]) -> list[str]:
    return [unicodedata.normalize("NFKC", "".join(text.split())) for text in texts]


@pytest.mark.parametrize(
    ("name", "texts"),
    [("manual.zh.docx", ZH), ("manual.en.docx", EN), ("help.zh.html", ZH), ("help.en.html", EN)],
)
def test_a_document_keeps_its_headings_lists_tables_links_code_and_emphasis(name: str, texts: dict[str, Any]) -> None:
    [proposal], report = brought(FOLDER / name)
    article, shape = article_of(proposal), rendered(article_of(proposal))
    assert [shape.of("h1"), shape.of("h2"), shape.of("h3")] == [
        squeezed([texts["title"]]), squeezed(texts["heads"][:2]), squeezed(texts["heads"][2:]),
    ]  # fmt: skip
    items = [*texts["steps"], *texts["bullets"]]
    assert sorted(shape.of("li")) == sorted(squeezed([text for _, text in items]))
    assert [depth for _, depth in shape.depths] == [level + 1 for level, _ in items]
    assert (shape.counts["ol"], shape.counts["ul"], shape.counts["table"]) == (4, 2, 2)
    assert '<ol start="2">' in MARKDOWN.render(article.body), "a list goes on with its number after a paragraph"
    cells = [cell for row in (*texts["table"], *texts["merged"]) for cell in row]
    assert shape.of("th", "td") == squeezed(cells)
    assert shape.links[:1] == [texts["link"][1]] or texts["link"][1] in shape.links
    assert squeezed([texts["link"][0]])[0] in shape.of("a")
    assert shape.of("strong")[0].rstrip("。.") == squeezed([texts["intro"][1].rstrip("。.")])[0]
    assert shape.of("em") == squeezed([texts["emphasis"][1]])
    assert squeezed([texts["intro"][3]])[0] in shape.of("code")
    assert "".join(texts["code"].split()) in shape.of("pre")
    assert shape.of("blockquote") == squeezed([texts["quote"]])
    assert (article.title, article.language) == (texts["title"], "zh" if texts is ZH else "en")
    for hidden in ("deleted", "hidden", "comment"):
        assert texts[hidden] not in proposal.text
    assert all(text not in proposal.text for text in texts["nav"])
    assert (texts["inserted"] in proposal.text) == name.endswith(".docx")
    assert f"![{texts['alt']}]({proposal.images[0].name})" in proposal.text
    assert proposal.images[0].content == png()
    assert any("1 merged cells, whose text is repeated" in note.message for note in report.notes)
    assert not any("compare them" in note.message for note in report.notes)


def test_every_word_of_a_page_is_in_its_markdown(tmp_path: Path) -> None:
    html = (FOLDER / "help.zh.html").read_text("utf-8")
    main = re.sub(r"(?s)<!--.*?-->|<span style.*?</span>", "", html.partition("<main>")[2].partition("</main>")[0])
    article, _, _ = of_html(tmp_path, main)
    wanted = Counter("".join(re.sub("<[^>]*>", "", main).split()))
    found = Counter("".join(re.sub("<[^>]*>", "", MARKDOWN.render(article.body)).split()))
    assert not wanted - found


def test_lists_and_headings_that_word_writes_into_html_are_such() -> None:
    [proposal], report = brought(FOLDER / "word.zh.html")
    shape = rendered(article_of(proposal))
    assert shape.of("h1") == ["退货流程"]
    assert shape.depths == [("", 1), ("", 2), ("", 2), ("", 1), ("", 1)]
    assert (shape.counts["ol"], shape.counts["ul"], shape.of("strong")) == (2, 1, ["七天", "联系我们"])
    assert shape.of("th", "td") == ["快递", "费用", "顺丰", "到付"]
    assert "mso" not in proposal.text
    assert "隐藏" not in proposal.text
    assert not re.search(r"^[a-b]\)|Wingdings", proposal.text, re.MULTILINE)
    told = "\n".join(note.message for note in report.notes)
    assert "1 bold paragraphs look like headings" in told
    assert "'file:///C:/Users/x/image001.png' was left out" in told


def test_typed_lists_become_lists_and_are_told(tmp_path: Path) -> None:
    typed = "<p>1. 插电</p><p>2. <b>按</b>键</p><p>2026. 年</p><p>- a</p><p>- b</p><p>3) c</p>"
    article, _, notes = of_html(tmp_path, typed)
    assert article.body == "1. 插电\n2. **按**键\n\n2026\\. 年\n\n- a\n- b\n\n3\\) c\n"
    assert notes == ["2 lists were typed as paragraphs (1., 2., … or dashes) and became lists"]


def test_text_of_a_document_that_mammoth_does_not_read_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(FOLDER / "bold.zh.docx") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    unknown = "<w:p><w:r><w:t>看得见</w:t></w:r><w:unknown><w:r><w:t>读不到</w:t></w:r></w:unknown></w:p><w:sectPr"
    parts["word/document.xml"] = parts["word/document.xml"].replace(b"<w:sectPr", unknown.encode(), 1)
    (tmp_path / "a.docx").write_bytes(packed(parts))
    [proposal], report = brought(tmp_path / "a.docx")
    assert "看得见" in proposal.text
    assert "3 characters of the document could not be read: compare them" in [note.message for note in report.notes]


def test_bold_paragraphs_in_place_of_headings_are_told_and_not_guessed() -> None:
    [proposal], report = brought(FOLDER / "bold.zh.docx")
    assert rendered(article_of(proposal)).counts["h1"] == 0
    assert article_of(proposal).title == "退款说明"
    [note] = report.notes
    assert "2 bold paragraphs look like headings" in note.message
    assert "'退款时间', '退款方式'" in note.message


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>请<b>先断电。</b>再拆<b>“外壳”</b>吧</p>", "请**先断电**。再拆“**外壳**”吧"),
        ("<p>拨打*131#，再按 5 * 3</p>", "拨打*131#，再按 5 * 3"),
        ("<p>a_b_c 与 SKU_1</p>", "a_b_c 与 SKU_1"),
        ("<p>*a* _b_ `c` ~~d~~ [e](f) &lt;g&gt; &amp;amp; \\*</p>", None),
        ("<p># a</p><p>- b</p><p>&gt; c</p><p>1. d</p><p>---</p><p>=</p><p>::: agent</p><p>：：：</p><p>+ e</p>", None),
        ("<p>x<br># y<br>- z</p>", None),
        ("<p>看！<a href='tel:1'>这里</a> Look!<a href='https://e.com/a(b) c'>here</a></p>", None),
        ("<b>整段<p>一</p><p>二</p></b>", "**整段**\n\n**一**\n\n**二**"),
        ("<p><b>a</b><b>b</b><i>c</i></p>", None),
        ("<ul><li>a</li></ul><ul><li>b</li></ul>", "- a\n\n* b"),
        ("<ol start=7><li>a<p>b</p></li></ol>", None),
        ("<p>第一行\n第二行 and\nthird</p>", "第一行第二行 and third"),
        ("<p>10 m<sup>2</sup>，H<sub>2</sub>O</p>", "10 m²，H₂O"),
        ("<dl><dt>保修</dt><dd>三年</dd></dl>", "**保修**\n\n三年"),
        ("<ul>loose<li>in</li></ul><li>alone</li>", None),
        ("<table><tr><td>a|b<td><code>c|d</code></tr><tr><td><ul><li>x</li><li>y</li></ul><td>z</tr></table>",
         "| a\\|b | `c\\|d` |\n| --- | --- |\n| - x<br>- y | z |"),
        ("<table><tr><td><h2>版面</h2><p>文</p></td><td>右</td></tr></table>", "## 版面\n\n文\n\n右"),
        ("<pre>a\n```\nb</pre>", "````\na\n```\nb\n````"),
    ],
)  # fmt: skip
def test_html_reads_back_as_it_was(tmp_path: Path, html: str, markdown: str | None) -> None:
    article, _, notes = of_html(tmp_path, html)
    assert markdown is None or article.body.strip() == markdown
    assert not [note for note in notes if "compare them" in note]
    text = "".join(re.sub(r"<[^>]*>", "", html).split())
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    seen = "".join(Shape(f"<pre>{MARKDOWN.render(article.body)}</pre>").of("pre")[-1].split())
    assert Counter(unicodedata.normalize("NFKC", text)) - Counter(seen) == Counter()


def test_pictures_come_from_the_folder_alone_and_are_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "site" / "img").mkdir(parents=True)
    (tmp_path / "outside.png").write_bytes(png())
    (tmp_path / "site" / "img" / "a b.png").write_bytes(png())
    (tmp_path / "site" / "img" / "no.png").write_bytes(b"<svg onload=alert(1)>")
    (tmp_path / "site" / "img" / "big.png").write_bytes(png() + bytes(LIMITS.picture))
    (tmp_path / "site" / "img" / "link.png").symlink_to(tmp_path / "outside.png")
    sources = ("img/a%20b.png", "../outside.png", "img/link.png", "img/no.png", "img/big.png", "/etc/hostname",
               "http://127.0.0.1:1/x.png", "file:///etc/hostname", "data:image/png;base64,AAAA")  # fmt: skip
    pictures = "".join(f'<img src="{source}" alt="{number}">' for number, source in enumerate(sources))
    _, proposal, notes = of_html(tmp_path / "site", f"<p>x</p>{pictures}")
    assert [image.content for image in proposal.images] == [png()]
    assert proposal.text.count("![") == 1
    assert "[6](http://127.0.0.1:1/x.png)" in proposal.text
    assert len([note for note in notes if "was left out" in note]) == 7
    assert len([note for note in notes if "lies outside of the imported folder" in note]) == 2
    assert any("100,000 (setting import_image_megabytes)" in note for note in notes)


def test_a_folder_with_markdown_and_subfolders_has_stable_ids_that_do_not_collide(tmp_path: Path) -> None:
    folder = tmp_path / "手册"
    (folder / "sub" / ".hidden").mkdir(parents=True)
    decomposed = unicodedata.normalize("NFD", "café")
    (folder / "sub" / f"{decomposed}.html").write_text(
        "<h1>Café</h1><p><a href='../a.md'>a</a> <a href='b.htm'>b</a></p>"
    )
    (folder / "a.md").write_text("---\nquestions: [怎么装？]\n---\n# 安装\n\n![图](pics/1.png) 请看。\n", "utf-8")
    (folder / "a.html").write_text("<p>同名的网页</p>", "utf-8")
    (folder / "sub" / ".hidden" / "x.html").write_text("<p>x</p>")
    (folder / "pics").mkdir()
    (folder / "pics" / "1.png").write_bytes(png())
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7")
    first, report = brought(folder)
    assert [proposal.id for proposal in first] == ["a-html", "a", "sub/café"]
    assert [proposal.id for proposal in brought(folder)[0]] == [proposal.id for proposal in first]
    assert [p.id for p in brought(folder / "a.md", under="washers/new")[0]] == ["washers/new/a"]
    assert "[a](/articles/a) b" in first[2].text
    assert article_of(first[1]).questions == ("怎么装？",)
    assert f"![图]({first[1].images[0].name})" in first[1].text
    assert [(refusal.file, refusal.message) for refusal in report.refusals] == [
        ("notes.pdf", "is a PDF: save it as DOCX, or export its text as HTML")
    ]


def test_ids_are_ids_whatever_a_file_is_called() -> None:
    names = ["../../etc/passwd.html", "a\x07b.docx", "..html", " x /y.md", "A.html", "a.docx", "a.html"]
    found = ids_of(names)
    assert len({id_.casefold() for id_ in found}) == len(names)
    for id_ in (*found, id_of_question("faq", "?" * 300), id_of_question("faq", "怎么/办" * 99)):
        text = f"---\nid: {id_!r}\n---\n# T\n\nx\n" if "'" not in id_ else ""
        assert read_article(text.encode(), path="x.md", timezone=UTC).id == id_
        assert all(len(part.encode()) < 200 for part in id_.split("/"))
    assert id_of_question("faq", "a/b") != id_of_question("faq", "a-b") == "faq/a-b"


def test_a_link_leads_on_or_becomes_its_text(tmp_path: Path) -> None:
    article, _, notes = of_html(
        tmp_path,
        '<h2 id="h">Set up Wi-Fi</h2><a id="n"></a><h2>第二 节</h2><p><a href="#h">one</a> <a href="#n">二</a> '
        '<a href="#x">three</a> <a href="/shop">four</a> <a href="//e.com/a">five</a> '
        '<a href="JavaScript:1">six</a></p>',
    )
    assert article.body.splitlines()[-1] == "[one](#set-up-wi-fi) [二](#第二-节) three four [five](https://e.com/a) six"
    assert sorted(notes) == [
        "a link that leads nowhere for others became text: /shop",
        "a link that leads nowhere for others became text: JavaScript:1",
        "links within the page became text (1)",
    ]
    shown = markup(article.body, path="page.md").html
    targets = [unquote(target) for target in re.findall(r'href="#([^"]*)"', shown)]
    assert targets == re.findall(r'id="([^"]*)"', shown), "each leads to its heading as the help centre names it"


def test_pages_in_old_encodings_are_read(tmp_path: Path) -> None:
    for number, (encoding, declared) in enumerate(
        [("gb18030", "gb2312"), ("gb18030", None), ("big5", "big5"), ("utf-8-sig", None), ("utf-16", None)]
    ):
        meta = f'<meta charset="{declared}">' if declared else ""
        text = "這台洗衣機的排水管在哪裡" if encoding == "big5" else "这台洗衣机的排水管在哪里，怎么清洗滤网"
        (tmp_path / f"{number}.html").write_bytes(f"<html>{meta}<h1>{text}</h1></html>".encode(encoding))
        [proposal], _ = brought(tmp_path / f"{number}.html")
        assert article_of(proposal).title == text, encoding


def packed(parts: dict[str, bytes]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return stream.getvalue()


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (
            "zip.docx",
            packed({"word/document.xml": b"<x/>", "word/media/1": bytes(30_000_000)}),
            "unpacks to 30,000",
        ),
        ("many.docx", packed({"word/document.xml": b"<x/>"} | {f"p{n}": b"" for n in range(10_001)}), "10,002 parts"),
        ("entities.docx", packed({"word/document.xml": BOMB}), "declares a document type"),
        ("entities.xlsx", packed({"xl/workbook.xml": BOMB}), "declares a document type"),
        ("hollow.docx", packed({"word/document.xml": b"<x/>"}), "is no sound DOCX"),
        ("cut.docx", packed({"word/document.xml": b"<x/>"})[:60], "is damaged"),
        ("other.zip", packed({"a.txt": b"x"}), "neither DOCX nor XLSX"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "Office before 2007"),
        ("empty.html", b"  ", "is empty"),
        ("deep.html", b"<html>" + b"<div>" * 300, "more than 200 deep"),
        ("wide.html", b"<p>x" * 100_001, "100,001 marks"),
        ("nothing.html", b"<html><script>x</script></html>", "holds no text"),
        ("large.html", b"<p>" + bytes(8_000_000), "has 8,000,003 bytes"),
        ("bytes.bin", bytes(range(256)), "is no text"),
        ("agent.md", b"# T\n\n::: agent\nx\n", "never closed"),
        ("copies.html", b"<table><tr><td colspan=99>" + b"x" * 20_000, "more than 1,000,000 characters"),
        ("book.html", b"<p>" + b"x" * 2_200_000, "the limit is 2,097,152"),
        ("span.html", b"<table><tr><td rowspan=60 colspan=999>x" + b"<tr>" * 60, "20,000 cells"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # the bytes of an archive hold the time
)
def test_what_cannot_be_imported_is_refused_with_its_reason(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    made, report = brought(tmp_path / name)
    assert not made
    assert [refusal.file for refusal in report.refusals] == [name]
    assert told in report.refusals[0].message


def test_more_files_than_the_limit_are_refused_before_one_is_read(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.md").write_text("# T\n\nx\n")
    with pytest.raises(InputError, match=r"more than 3 files; accepted are 3 \(setting import_files\)"):
        brought(tmp_path, limits=Limits(1_000, 1_000, 1_000, 3))

"""Claims about article files: what is read, what is refused, what is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.ingest.articles import (
    MAX_BYTES,
    MalformedArticle,
    SourceFile,
    list_articles,
    read_article,
    read_source,
    write_article,
)
from kb.ingest.language import detect_language
from kb.ingest.passages import split_article
from kb.model import Action, Article

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROOT = Path(__file__).parent.parent / "articles"


def read(text: str | bytes, path: str = "zh/a.md") -> Article:
    data = text.encode() if isinstance(text, str) else text
    return read_article(data, path=path, timezone=SHANGHAI)


def refused(text: str | bytes, path: str = "zh/a.md") -> str:
    with pytest.raises(MalformedArticle) as caught:
        read(text, path)
    return str(caught.value)


def front(*lines: str, body: str = "# T\n\ntext\n") -> str:
    return "\n".join(["---", *lines, "---", body])


def test_a_file_without_front_matter_is_a_public_article() -> None:
    article = read("# 退货 **规则**\n\n七天内可以退货。\n", "zh/returns/seven.md")
    assert (article.id, article.title, article.language) == ("zh/returns/seven", "退货 规则", "zh")
    assert (article.audience, article.status) == (("public",), "published")


def test_every_key_is_read() -> None:
    article = read(
        front(
            "id: x/y",
            "title: A title",
            "language: zh-hant",
            "audience: [agent, vip]",
            "status: draft",
            "valid_from: 2026-01-01",
            "valid_to: 2026-01-31",
            "review_by: 2026-02-01T10:00Z",
            "owner: 007",
            "product: P",
            "category: c",
            "tags: 退货",
            "urgent: true",
            "questions: [a, b, a]",
            "not_questions:\n  - c",
            "answer: |\n  one\n  two",
            "actions:\n  - {label: Go, link: 'https://x.example/y'}",
            "applies_to: {region: CN, plan: 5}",
            "translation_of: en/y",
        )
    )
    assert article == Article(
        id="x/y",
        title="A title",
        body="# T\n\ntext\n",
        language="zh-Hant",
        audience=("agent", "vip"),
        status="draft",
        valid_from=datetime(2025, 12, 31, 16, tzinfo=UTC),
        valid_to=datetime(2026, 1, 31, 16, tzinfo=UTC),
        review_by=datetime(2026, 2, 1, 10, tzinfo=UTC),
        owner="007",
        product="P",
        category="c",
        tags=("退货",),
        urgent=True,
        questions=("a", "b"),
        not_questions=("c",),
        answer="one\ntwo",
        actions=(Action("Go", "https://x.example/y"),),
        applies_to=(("plan", "5"), ("region", "CN")),
        translation_of="en/y",
    )


def test_all_problems_of_a_file_are_told_with_their_lines() -> None:
    message = refused(
        front("titel: x", "urgent: perhaps", "status: live", "owner: a", "owner: b", body="# T\n\n::: tip\n")
    )
    assert [line.split(": ")[0] for line in message.split("\n")] == [f"zh/a.md:{n}" for n in (2, 3, 4, 6, 10)]
    assert "did you mean `title`?" in message
    assert "accepted are draft, published, retired" in message
    assert "duplicate key `owner`, first on line 5" in message


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("valid_from: 2026-13-01", "valid_from"),
        ("valid_from: next week", "accepted is a date"),
        ("valid_from: 2026-02-01\nvalid_to: 2026-01-01", "lies before valid_from '2026-02-01'"),
        ("language: chinese", "BCP 47"),
        ("id: ../x", "`..`"),
        ("id: /x", "starts or ends with `/`"),
        ("id: 'a\\b'", "backslash"),
        ('id: "a\\u0007"', "control character"),
        ("title: [a]", "accepted is a string"),
        ("tags: {a: b}", "a string or a list"),
        ("audience: agent, vip", "write a list|accepted is one name"),
        ("actions: x", "accepted is a list"),
        ("actions: [{label: x}]", "actions.link: missing"),
        ("actions: [{label: x, link: 'javascript:alert(1)'}]", "javascript"),
        ("actions: [{label: x, link: '//evil.example'}]", "leads elsewhere"),
        ("actions: [{label: x, link: 'https:///x'}]", "names no host"),
        ("applies_to: [a]", "accepted is a mapping"),
        ("a: &x [1]\nb: *x", "anchors"),
        ("title: !!python/object:os.system x", "the tag"),
        ("title:\n\tx", "tab"),
        ("title: 'x", "not YAML"),
        ("just text", "must be a mapping"),
        ("title: " + "[" * 5000, "not YAML"),
        ("title: " + "x" * 70_000, "65536"),
    ],
)
def test_a_malformed_key_names_what_was_found_and_what_is_accepted(line: str, told: str) -> None:
    message = refused(front(line))
    assert any(part in message for part in told.split("|")), message
    assert message.startswith("zh/a.md:")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"---\ntitle: x\n", "never closed"),
        (b"---\ntitle: x\n---\n\n", "is empty"),
        (b"", "is empty"),
        (b"no heading", "no heading to take it from"),
        (b"# T\n\nab\xff", "byte 7 (0xff) is not UTF-8"),
        (b"# T\n\na\0b", "zh/a.md:3: holds a NUL"),
        (
            b"---\naudience: [vip]\n---\n# T\n::: agent\nx\n:::\n",
            "zh/a.md:5: body: `::: agent` needs the audience public",
        ),
        (b"x" * (MAX_BYTES + 1), "2,097,153 bytes, the limit is 2,097,152"),
    ],
)
def test_a_malformed_file_is_refused(data: bytes, told: str) -> None:
    assert told in refused(data)


def test_empty_values_equal_absent_keys() -> None:
    assert read(front("title: ''", "owner:", "tags: []", "audience: ''", "status: null")) == read(front())


def test_line_ends_and_a_byte_order_mark_are_made_one() -> None:
    assert read(b"\xef\xbb\xbf---\r\nowner: a\r\n---\r\n# T\r\n\r\ntext\r\n") == read(front("owner: a"))


def test_a_rule_in_the_body_is_no_front_matter() -> None:
    assert read("# T\n\na\n\n---\n\nb\n").body.endswith("\n---\n\nb\n")


def test_a_title_never_comes_from_a_block_for_agents() -> None:
    assert read("::: agent\n# Secret\n:::\n\n# Shown\n\nx").title == "Shown"
    assert "no heading" in refused("::: agent\n# Secret\n:::\n\nx")
    assert read("---\naudience: agent\n---\n::: agent\n# Notes\n\nx\n:::\n").title == "Notes"


def test_the_far_future_that_help_desks_write_is_accepted() -> None:
    assert read(front("valid_to: 9999-12-31")).valid_to == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("如何重置 WiFi password", "zh"),
        ("如何申請退貨與換貨？台灣本島", "zh-Hant"),
        ("How do I send it back?", "en"),
        ("返品はどうすればいいですか", "ja"),
        ("12 34", "und"),
    ],
)
def test_the_language_is_detected(text: str, language: str) -> None:
    assert detect_language(text) == language


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)
STRIPPED = TEXT.map(str.strip)
WORDS = st.lists(STRIPPED.filter(bool), max_size=3, unique=True).map(tuple)
NAMES = st.sampled_from(["agent", "vip", "店长", "on", "1"])
ARTICLES = st.builds(
    Article,
    id=st.sampled_from(["a", "中文/退货", "1", "null", "x y/z: #"]),
    title=STRIPPED.map(lambda text: " ".join(text.split())).filter(bool),
    body=TEXT.filter(lambda text: text.strip() and "::" not in text and "：：" not in text),
    language=st.sampled_from(["zh", "zh-Hant", "en"]),
    audience=st.lists(NAMES, min_size=1, max_size=2, unique=True).map(tuple),
    status=st.sampled_from(["draft", "published", "retired"]),
    valid_from=st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2000, 1, 1), timezones=st.just(UTC)),
    valid_to=st.none() | st.datetimes(datetime(2001, 1, 1), timezones=st.just(UTC)),
    owner=STRIPPED.map(lambda text: text or None),
    tags=WORDS,
    urgent=st.booleans(),
    questions=WORDS,
    answer=STRIPPED.map(lambda text: text or None),
    actions=st.lists(st.builds(Action, STRIPPED.filter(bool), st.just("/a?b=c#d")), max_size=2).map(tuple),
    applies_to=st.dictionaries(STRIPPED.filter(bool), STRIPPED.filter(bool), max_size=2).map(
        lambda pairs: tuple(sorted(pairs.items()))
    ),
)


# No deadlines: other work on the machine must not fail a claim about values.
@settings(deadline=None)
@given(ARTICLES)
def test_what_is_written_reads_back_the_same(article: Article) -> None:
    assert read(write_article(article)) == article


@settings(deadline=None)
@given(ARTICLES, ARTICLES)
def test_what_is_written_over_an_original_reads_back_the_same(article: Article, old: Article) -> None:
    assert read(write_article(article, original=write_article(old))) == article
    assert read(write_article(article, original=write_article(old), timezone=SHANGHAI)) == article


def test_comments_and_untouched_keys_survive_a_rewrite() -> None:
    original = front("# owned by returns", "owner: li  # ask first", "valid_from: 2026-01-01", "tags: [a, b]")
    article = read(original)
    assert write_article(article, original=original, path="zh/a.md", timezone=SHANGHAI) == original
    changed = Article(**{key: getattr(article, key) for key in Article.__slots__} | {"owner": "wang", "urgent": True})
    written = write_article(changed, original=original, path="zh/a.md", timezone=SHANGHAI)
    assert written == original.replace("owner: li ", "owner: wang").replace("b]\n", "b]\nurgent: true\n")
    assert read(write_article(changed, original=original)) == changed


def test_only_article_files_inside_the_folder_are_listed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "articles", tmp_path / "outside.md"
    for name in ("b.md", "README.md", "a/README.md", "a/x.md", ".hidden.md", ".git/y.md", "z.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("# T")
    outside.write_text("# T")
    (folder / "link.md").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "folder.md").mkdir()
    assert [source.path for source in list_articles(folder)] == ["a/README.md", "a/x.md", "b.md"]


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "big.md"
    with file.open("wb") as stream:
        stream.truncate(50 * 1024**3)
    with pytest.raises(MalformedArticle, match="53,687,091,200 bytes, the limit is 2,097,152; split it"):
        read_source(SourceFile("big.md", file))
    with pytest.raises(MalformedArticle, match="cannot be read"):
        read_source(SourceFile("gone.md", tmp_path / "gone.md"))


def test_the_shipped_articles_parse_and_survive_a_rewrite() -> None:
    for source in list_articles(ROOT):
        data = read_source(source)
        article = read(data, source.path)
        assert write_article(article, original=data.decode(), path=source.path, timezone=SHANGHAI) == data.decode()
        assert split_article(article, count_tokens=len, budget=400)

"""Claims about passages, sentences and renderings."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kb.errors import InputError
from kb.ingest.passages import sentences, split_article, split_ticket
from kb.ingest.rendering import plain_text, public_rendering, whole_offset
from kb.model import Article, Passage, Ticket

BUDGET = 60
SECRET = "zqxsecret"
BLOCKS = st.sampled_from(
    [
        "# 退货\n",
        "## How to start\n",
        "### 常见问题\n",
        "您可以在七天内**无理由**退货。运费由谁承担？看原因！\n",
        "Open the app. Then tap **Return** and wait for the driver; bring the label.\n",
        "- 第一步\n- second\n  - nested one\n- third\n",
        "1. 打开\n2. 提交申请，等待审核\n",
        "| 项目 | 费用 |\n|---|---|\n| 上门 | 60 元 |\n| 自寄 | 0 |\n" + "| row | 12345678901234567890 |\n" * 6,
        "```\ncode ::: agent\n\n::: agent\n```\n",
        "> 引用一句话。Second sentence.\n",
        "![图](x.svg)\n",
        "[ref]: https://example.com\n",
        "---\n",
        "\n",
        "没有标点的长句子" * 30 + "\n",
        "[" * 150 + "！？" * 90 + "\n",
        "😀 emoji 句子。\u2028 分行\r x\n",
    ]
)
TEXTS = st.one_of(BLOCKS, st.text(max_size=80).filter(lambda text: "::" not in text and "：：" not in text))
BODIES = st.lists(TEXTS, min_size=1, max_size=9).map("\n".join)
COUNTS = st.sampled_from([len, lambda text: len(text) // 2, lambda text: len(text.split()) + 2])


def article(body: str, **keys: object) -> Article:
    return Article(id="a", title="标题 Title", body=body, language="zh", **keys)  # type: ignore[arg-type]


def split(body: str, budget: int = BUDGET, **keys: object) -> tuple[Passage, ...]:
    return split_article(article(body, **keys), count_tokens=len, budget=budget)


def with_block(body: str, at: int) -> str:
    """The body with an agent block at a place where a paragraph may stand: at its end, or between two blank lines."""
    places = [index + 2 for index in range(len(body)) if body.startswith("\n\n", index)]
    safe = [place for place in places if plain_fences(body[:place])]
    place = safe[at % len(safe)] if safe else 0
    return f"{body[:place]}::: agent\n# {SECRET}\n\n- {SECRET} item\n:::\n\n{body[place:]}"


def plain_fences(text: str) -> bool:
    return text.count("```") % 2 == 0


# No deadlines: other work on the machine must not fail a claim about values.
@settings(deadline=None)
@example("![图](x.svg)\n\n\x0c", len, 20)
@given(BODIES, COUNTS, st.integers(20, 300))
def test_every_passage_is_the_stretch_of_the_body_that_its_span_names(
    body: str, count: Callable[[str], int], budget: int
) -> None:
    public = public_rendering(body).body
    for passage in split_article(article(body), count_tokens=count, budget=budget):
        assert public[passage.start : passage.end] == passage.text == passage.text.strip()


@settings(deadline=None)
@example("0\n:\n0\n:\n0000000000000000\n[ref]: https://example.com\n", 40)
@example("0000000\n:00000\x1f\n" + "没有标点的长句子" * 30 + "\n", 40)
@given(BODIES, st.integers(40, 300))
def test_no_passage_counts_more_than_the_budget(body: str, budget: int) -> None:
    assert all(len(passage.embedded) <= budget for passage in split(body, budget))


@settings(deadline=None)
@given(BODIES)
def test_passages_follow_one_another_without_overlap(body: str) -> None:
    spans = [(passage.start, passage.end) for passage in split(body)]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@settings(max_examples=100, deadline=None)
@given(st.lists(BLOCKS, min_size=1, max_size=9).map("\n".join), st.integers(0, 20))
def test_an_agent_block_leaves_no_trace_in_public_passages(body: str, at: int) -> None:
    noted = with_block(body, at)
    try:
        rendering = public_rendering(noted)
    except InputError:
        return  # a marker that could be text or not is refused, which shows nothing
    public = [passage for passage in split(noted, questions=("怎么退？",)) if not passage.internal]
    without = split(rendering.body, questions=("怎么退？",))
    assert SECRET not in rendering.body
    assert [passage for passage in public if passage.role == "text"] == [p for p in without if p.role == "text"]
    assert not any(SECRET in f"{passage.text}{passage.heading}{passage.embedded}" for passage in public)


@settings(deadline=None)
@given(BODIES, st.integers(0, 20))
def test_cutting_a_block_gives_back_the_body_without_it(body: str, at: int) -> None:
    if not public_rendering(body).removed and "\r" not in body:
        try:
            rendering = public_rendering(with_block(body, at))
        except InputError:
            return
        assert rendering.body.rstrip() == body.rstrip()


@settings(deadline=None)
@given(BODIES, st.integers(0, 20))
def test_a_public_offset_leads_to_the_same_character_of_the_whole_body(body: str, at: int) -> None:
    noted = with_block(body, at)
    try:
        rendering = public_rendering(noted)
    except InputError:
        return
    for offset, character in enumerate(rendering.body):
        assert noted[whole_offset(rendering, offset)] == character


@settings(deadline=None)
@given(BODIES, st.sampled_from(["zh", "en", "zh-Hant", "und"]))
def test_sentences_are_in_order_apart_and_never_empty(body: str, language: str) -> None:
    last = 0
    for start, end in sentences(body, language):
        assert last <= start < end <= len(body)
        assert body[start:end].strip() == body[start:end]
        last = end


def test_sentences_of_paragraphs_items_and_rows_are_units_without_their_marks() -> None:
    text = "> 第一句。第二句？\n\n- item one. Still it\n2. 二\n\n| A | B |\n|---|---|\n| x | y |\n\nSee Dr. Li. Done"
    found = [text[start:end] for start, end in sentences(text, "zh")]
    assert found == ["第一句。", "第二句？", "item one. Still it", "二", "x | y", "See Dr. Li.", "Done"]


def test_a_sentence_never_ends_inside_a_link() -> None:
    text = "Read [the rules. All of them](https://x.example/a.B) first. Then call."
    assert [text[start:end] for start, end in sentences(text, "en")] == [text[:-11], "Then call."]


def test_a_heading_is_a_sentence_only_when_alone() -> None:
    assert sentences("## 只有标题", "zh") == ((3, 7),)
    assert sentences("## 标题\n\n内容。", "zh") == ((7, 10),)


def test_plain_text_keeps_words_and_drops_marks() -> None:
    text = "# T\n\n**“退货”**后 `code` [link](x) ![alt](y) <b>b</b> <order-id>\n\n"
    text += "1. a\n2. b\n\n- c\n\n| x | y |\n|--|--|\n| 1 | 2 |"
    assert plain_text(text) == "T\n“退货”后 code link alt b <order-id>\n1. a\n2. b\n- c\nx | y\n1 | 2"


def test_a_split_table_repeats_its_header_only_in_what_is_embedded() -> None:
    rows = "".join(f"| 项目{number} | {number} 元 |\n" for number in range(20))
    first, second, *_ = split(f"| 名称 | 费用 |\n|---|---|\n{rows}")
    assert first.text.startswith("| 名称 | 费用 |")
    assert "名称" not in second.text
    assert second.embedded.startswith("标题 Title\n名称 | 费用\n项目")


def test_a_list_that_fits_stays_whole() -> None:
    found = split("一段很长的介绍文字，" * 4 + "\n\n- 甲\n- 乙\n- 丙\n")
    assert found[-1].text == "- 甲\n- 乙\n- 丙"


def test_the_heading_path_stands_before_the_text() -> None:
    (found,) = split("# 标题 Title\n\n## 运费\n\n### 大件\n\n免费。")
    assert found.heading == ("标题 Title", "运费", "大件")
    assert found.embedded == "标题 Title > 运费 > 大件\n免费。"


def test_a_heading_over_nothing_is_found_as_a_passage() -> None:
    assert [passage.text for passage in split("intro\n\n## 电话 400-1\n")] == ["intro", "## 电话 400-1"]


def test_a_block_for_agents_is_an_internal_passage_under_the_public_headings() -> None:
    body = "## 运费\n\n免费。\n\n::: agent\n### 例外\n\n可减免。\n:::\n\n## 时间\n\n三天。\n\n::: agent\n内部。\n:::\n"
    found = [passage for passage in split(body) if passage.internal]
    assert [passage.heading[1:] for passage in found] == [("运费", "例外"), ("时间",)]
    assert [body[passage.start : passage.end] for passage in found] == ["可减免。", "内部。"]


def test_a_curated_question_stands_for_the_first_passage() -> None:
    text, question = split("内容。", questions=("怎么**退**？",))
    assert (question.role, question.embedded) == ("question", "怎么退？")
    assert (question.text, question.start, question.end) == (text.text, text.start, text.end)


def test_a_question_about_an_article_without_public_text_is_internal() -> None:
    assert all(passage.internal for passage in split("::: agent\n内部\n:::", questions=("问？",)))


@pytest.mark.parametrize(
    "body",
    [
        "::: agent\nx",
        ":::",
        "::: tip\nx\n:::",
        "：：： agent\nx\n：：：",
        "- ::: agent\n  x\n  :::",
        "```\n::: agent\nx\n:::",
    ],
)
def test_a_malformed_marker_shows_nothing(body: str) -> None:
    with pytest.raises(InputError, match="line 1"):
        public_rendering(body)


def test_a_marker_inside_code_closes_nothing() -> None:
    assert public_rendering("a\n\n::: agent\n```\n:::\n```\nsecret\n:::\n\nb").body == "a\n\nb"
    assert public_rendering("```\n::: agent\n```\n").removed == ()


def test_a_monstrous_sentence_is_cut_with_little_counting() -> None:
    counted = 0

    def count(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return len(text)

    found = split_article(article("啊" * 100_000), count_tokens=count, budget=256)
    assert counted < 100_000 * 40
    assert sum(len(passage.text) for passage in found) == 100_000


@settings(deadline=None)
@given(BODIES, st.text(max_size=200), st.integers(60, 200))
def test_a_ticket_is_split_behind_its_subject_and_problem(body: str, problem: str, budget: int) -> None:
    ticket = Ticket(id="t", subject="退款", problem=problem, resolution=body, language="zh")
    for passage in split_ticket(ticket, count_tokens=len, budget=budget):
        assert body[passage.start : passage.end] == passage.text
        assert passage.heading == ("退款",)
        assert passage.embedded.startswith("退款")
        assert len(passage.embedded) <= budget


def test_a_number_sign_in_a_ticket_is_no_heading() -> None:
    ticket = Ticket(id="t", subject="s", problem="p", resolution="# 88231\nrefunded", language="en")
    (found,) = split_ticket(ticket, count_tokens=len, budget=100)
    assert found.text == ticket.resolution
    assert found.embedded == "s\np\n88231\nrefunded"


@settings(max_examples=50, deadline=None)
@given(BODIES, st.sampled_from(["zh", "en"]))
def test_a_passage_knows_where_the_sentences_of_its_text_are(body: str, language: str) -> None:
    article = Article("a", "A", body, language, questions=("Why?",))
    for passage in split_article(article, count_tokens=len, budget=60):
        assert passage.sentences == sentences(passage.text, language)

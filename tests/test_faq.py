"""A FAQ table goes in whole: every cell of 200 rows, whatever its encoding; what is wrong is told by row and column."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC
from pathlib import Path

import openpyxl
import pytest
from conftest import Shell
from test_importers import LIMITS, article_of, brought

from kb.errors import UsageError
from kb.importers.bringing import Options, bring
from kb.ingest.plaintext import plain_text
from kb.progress import silent

HEADER = ["标准问", "相似问", "相似问", "答案", "分类"]
ENGLISH = ["Standard Question", "Similar questions 1", "Similar questions 2", "Answer", "Category"]
SEPARATORS = ("\n", "；", ";", "|")
LONG = "第一步，关闭电源并拔下插头。" * 30


def table() -> list[list[str]]:
    """200 rows: short and long answers, of several lines, with whatever Markdown, YAML and CSV would misread."""
    odd = ["*131#", "a_b", "#1", "- x", '"q"', "1. 开机", "<b>", "是: 否", "007", "a,b", "yes", "'", "50%", "& |"]
    rows = []
    for n in range(200):
        mark = odd[n % 14]
        question = f"How do I return no {n} {mark}?" if n % 2 else f"第{n}个型号的洗衣机怎么退货？{mark}"
        similar = [f"退货 {n}", f"怎么退 {odd[(n + 1) % 14].replace('|', '')}{n}", f"return {n}"]
        long = (f"三到五天，{mark}。", f"1. 申请 {n}\n2. 寄回\n3. 等待", LONG, f"第一段 {n}。\n\n第二段：{mark}")
        first = SEPARATORS[n % 4].join(similar[:2]) if n % 3 else ""
        category = ("售后", "Returns", "物流: 快递")[n % 3]
        rows.append([question, first, similar[2] if n % 5 else "", long[n % 4], category])
    return rows


def written(file: Path, rows: list[list[str]], header: list[str] = HEADER, encoding: str = "utf-8") -> Path:
    """A table as XLSX or CSV."""
    if file.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for row in [header, *rows]:
            book.active.append(row)
        for cells in book.active.iter_rows():
            for cell in cells:
                cell.data_type = "s" if cell.value is not None else cell.data_type
        book.save(file)
    else:
        stream = io.StringIO(newline="")
        csv.writer(stream).writerows([header, *rows])
        file.write_bytes(stream.getvalue().encode(encoding))
    return file


@pytest.mark.parametrize(
    ("name", "encoding", "header", "count"),
    [("faq.xlsx", "", HEADER, 200), ("faq.csv", "gb18030", HEADER, 200), ("faq.csv", "utf-8-sig", ENGLISH, 20)],
)
def test_two_hundred_rows_go_in_and_no_cell_is_lost(
    tmp_path: Path, name: str, encoding: str, header: list[str], count: int
) -> None:
    rows = table()[:count]
    made, report = brought(written(tmp_path / name, rows, header, encoding))
    assert (report.made, report.refused, len(made)) == (count, 0, count)
    assert len({proposal.id for proposal in made}) == count
    [columns] = report.columns
    assert (len(columns.fields["similar"]), columns.unread, columns.rows) == (2, (), count)
    for proposal, (question, first, second, answer, category) in zip(made, rows, strict=True):
        article = article_of(proposal)
        assert (article.title, article.category) == (question, category)
        assert list(article.questions) == [*_split(first), *_split(second)]
        assert article.answer == (None if len(answer) > 300 or "\n\n" in answer else answer)
        assert _lines(plain_text(article.body)) == _lines(f"{question}\n{answer}")
    moved, _ = brought(written(tmp_path / name, rows[9::-1], header, encoding))
    assert [proposal.id for proposal in moved] == [proposal.id for proposal in made[9::-1]], "rows may move"


def _split(cell: str) -> list[str]:
    for separator in SEPARATORS:
        cell = cell.replace(separator, "\n")
    return [part.strip() for part in cell.split("\n") if part.strip()]


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


def test_bad_rows_are_told_by_row_and_column_and_the_good_ones_go_in(tmp_path: Path) -> None:
    rows = [
        ["怎么退款？", "退钱", "", "三天。", "售后"],
        ["", "", "", "没有问题", ""],
        ["没有答案", "", "", "", ""],
        ["怎么退款?", "", "", "五天。", ""],
        ["", "钱什么时候到", "退款几天", "", ""],
        ["坏标记", "", "", "正文\n：： agent", ""],
        ["最后一个", "怎么退款", "", "好", ""],
    ]
    made, report = brought(written(tmp_path / "faq.csv", rows))
    assert [article_of(proposal).title for proposal in made] == ["怎么退款？", "坏标记", "最后一个"]
    assert [(r.row, r.column, r.message) for r in report.refusals] == [
        (3, "标准问", "is empty; accepted is a text"),
        (4, "答案", "is empty; accepted is a text"),
        (5, "标准问", "row 2 asks the same, '怎么退款?'; keep one of the two"),
        (6, "标准问", "is empty; accepted is a text"),
    ]
    assert [(note.place, note.message) for note in report.notes] == [
        ("faq.csv: row 8", "'怎么退款' is the question of row 2 as well")
    ]


def test_similar_questions_may_stand_one_a_row_and_merged_cells_count_for_each(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [
        ["分类", "问题", "扩展问", "回复"],
        ["售后", "怎么退款", "退钱", "三天。"],
        [None, None, "退款几天", None],
        [None, "怎么换货", None, "寄回。"],
        ["物流", "几天到", None, 3.0],
    ]:
        book.active.append(row)
    book.active.merge_cells("A2:A4")
    book.create_sheet("旧的")
    book.save(tmp_path / "faq.xlsx")
    made, report = brought(tmp_path / "faq.xlsx")
    articles = list(map(article_of, made))
    assert [(a.title, a.questions, a.category) for a in articles] == [
        ("怎么退款", ("退钱", "退款几天"), "售后"), ("怎么换货", (), "售后"), ("几天到", (), "物流"),
    ]  # fmt: skip
    assert articles[2].answer == "3"
    assert report.columns[0].further_sheets == ("旧的",)
    assert any("only the first sheet was read" in note.message for note in report.notes)


def test_an_answer_in_html_is_read_as_such(tmp_path: Path) -> None:
    rich = '<p>请<b>联系</b>客服</p><ul><li><a href="https://e.com">在线</a></li></ul><script>x</script>'
    rows = [["富文本", "", "", rich, ""], ["短的", "", "", "<p>三天&nbsp;到账</p>", ""]]
    made, _ = brought(written(tmp_path / "faq.csv", rows))
    first, second = map(article_of, made)
    assert (first.body, first.answer) == ("# 富文本\n\n请**联系**客服\n\n- [在线](https://e.com)\n", None)
    assert (second.body, second.answer) == ("# 短的\n\n三天 到账\n", "三天 到账")


def test_a_preview_shows_the_columns_and_what_would_be_refused_and_writes_nothing(tmp_path: Path) -> None:
    rows = [[f"问 {n}", "", "", "" if n == 7 else "答", "x"] for n in range(9)]
    file = written(tmp_path / "faq.csv", rows, ["题目", "相似问", "相似问", "内容", "备注"])
    with pytest.raises(UsageError, match=r"no column for the question .*; there are '题目'.* --column question=COLUMN"):
        brought(file, columns={"answer": ["内容"]})
    options = Options(columns={"question": ["题目"], "answer": ["内容"]}, shown=2)
    report = bring([file], None, options, LIMITS, UTC, silent)
    assert (report.preview, report.made, report.refused) == (True, 8, 1)
    assert [draft.text is not None for draft in report.drafts] == [True, True, *[False] * 6]
    assert (report.refusals[0].row, report.refusals[0].column) == (9, "内容")
    assert report.columns[0].unread == ("备注",)
    with pytest.raises(UsageError, match="there is no column '没有'; there are '题目'"):
        brought(file, columns={"question": ["没有"]})


def test_the_shell_imports_what_it_recognises_and_makes_drafts_only(home: Path, tmp_path: Path, shell: Shell) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.html").write_text("<h1>Setting up</h1><p>Plug it in.</p>")
    faq = written(
        tmp_path / "faq.csv", [["怎么退款？", "", "", "三天。", ""], ["坏", "", "", "", ""]], encoding="gb18030"
    )
    shown = shell(home, "import", str(faq), "--faq", "--preview")
    assert shown.returncode == 0, shown.stderr
    assert "question  ← 标准问" in shown.stdout
    assert "1 drafts of 1 files would be made; nothing written; 1 refused" in shown.stdout
    assert "faq.csv: row 3: 答案: is empty" in shown.stderr
    assert not list((home / "articles").iterdir())
    done = shell(home, "import", str(folder), str(faq), "--json")
    assert done.returncode == 3, done.stderr
    report = json.loads(done.stdout)
    assert [(draft["id"], draft["kind"], draft["row"]) for draft in report["drafts"]] == [
        ("a", "html", None), ("faq/怎么退款", "faq", 2),
    ]  # fmt: skip
    indexed = shell(home, "reindex", "--json")
    assert json.loads(indexed.stdout)["searchable"] == 0, "a draft is found by nobody"
    mixed = home / "t.jsonl"
    mixed.write_text("{}\n")
    refused = shell(home, "import", str(faq), str(mixed))
    assert (refused.returncode, "import them in two calls" in refused.stderr) == (2, True)
    wrong = shell(home, "import", str(faq), "--column", "reply=回复")
    assert (wrong.returncode, "with the fields question, similar, answer" in wrong.stderr) == (2, True)

"""`kb import` of other systems' files: no good row is lost, and a bad one is told by file, row, column and value."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from conftest import Centre, Shell

from kb.errors import InputError, UsageError
from kb.ingest.exports import Layout
from kb.ingest.rows import encoding_of, rows

HEADER = "工单号,标题,状态,问题,处理结果,关闭时间,标签\n"
GOOD = 'C-{n},洗衣机漏水,已解决,"洗衣机漏水，电话13812345678",更换密封圈。,2026/11/{n} 9:30,漏水;洗衣机\n'
MAP = {
    "id": "工单号", "subject": "标题", "status": "状态", "question": "问题", "resolution": "处理结果",
    "closed_at": "关闭时间", "tags": "标签",
}  # fmt: skip
FLAG = ",".join(f"{field}={column}" for field, column in MAP.items())
LAYOUT = Layout(mapping=MAP)


def import_(centre: Centre, file: Path, layout: Layout = LAYOUT) -> Any:
    return centre._write(lambda writer: writer.import_files([file], lambda *_: None, layout=layout))


def stored(centre: Centre) -> dict[str, dict[str, Any]]:
    return {id_: json.loads(content) for id_, content in centre.rows("SELECT document_id, content FROM revisions")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_mapped_csv_is_read_in_its_encoding_and_redacted(centre: Centre, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "crm.csv"
    file.write_bytes((HEADER + "".join(GOOD.format(n=n) for n in (11, 12))).encode(encoding))
    assert encoding_of(file) == encoding
    assert import_(centre, file).added == 2
    ticket = stored(centre)["C-11"]
    assert (ticket["subject"], ticket["resolution"]) == ("洗衣机漏水", "更换密封圈。")
    assert ticket["problem"] == "洗衣机漏水，电话[phone]"
    assert ticket["closed_at"].startswith("2026-11-11T09:30")
    assert ticket["tags"] == ["漏水", "洗衣机"]


def test_a_mapped_workbook_is_read_with_numbers_and_dates(centre: Centre, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(list(MAP.values()))
    book.active.append([7, "Kettle", "Resolved", "kettle?", "Changed it.", datetime(2026, 11, 2, 9), "a|b"])
    book.active.append([None] * 7)
    book.active.append([8.0, "Mop", "open", "mop?", None, None, None])
    book.save(tmp_path / "crm.xlsx")
    summary = import_(centre, tmp_path / "crm.xlsx")
    assert (summary.added, summary.skipped, summary.refused) == (1, 1, 0)
    assert stored(centre)["7"]["tags"] == ["a", "b"]


BAD = [
    ("C-2,x,已解决,q,r,昨天,t\n", "关闭时间 (closed_at)"),
    ('C-3,"x,已解决,q,r,2026-11-01,t\n', "quotation mark"),
    ("C-4,x,已解决,q,r,2026-11-01,t,more,cells\n", "9 cells, the header 7"),
    (",x,已解决,q,r,2026-11-01,t\n", "工单号 (id)"),
]


def test_bad_rows_are_told_by_row_and_column_and_cost_no_good_one(centre: Centre, tmp_path: Path) -> None:
    file = tmp_path / "crm.csv"
    body = "".join(GOOD.format(n=10 + number) + bad for number, (bad, _) in enumerate(BAD))
    file.write_bytes((HEADER + body + GOOD.format(n=20)).encode() + b"C-9,\xff,x,q,r,,t\n" + GOOD.format(n=21).encode())
    summary = import_(centre, file)
    assert (summary.added, summary.refused) == (6, 5)
    for number, (_, told) in enumerate(BAD):
        assert any(f"{file}:{3 + 2 * number}: " in problem and told in problem for problem in summary.problems), told
    assert any("标题" in problem and "not utf-8" in problem for problem in summary.problems)
    assert not any("昨天" in str(content) for content in stored(centre).values())


def test_a_quotation_mark_within_a_cell_is_no_opening_one(centre: Centre, tmp_path: Path) -> None:
    file = tmp_path / "crm.csv"
    file.write_text(HEADER + 'C-1,5" hose,已解决,q,"two\nlines, ""so""",2026-11-01,t\n' + GOOD.format(n=12), "utf-8")
    summary = import_(centre, file)
    assert summary.added == 2
    assert stored(centre)["C-1"]["subject"] == '5" hose'
    assert stored(centre)["C-1"]["resolution"] == 'two\nlines, "so"'


def test_articles_come_from_a_table_too(centre: Centre, tmp_path: Path) -> None:
    file = tmp_path / "faq.tsv"
    file.write_text("key\tq\ta\nf-1\tIs it open?\tYes, always.\n", "utf-8")
    layout = Layout(mapping={"kind": "article", "id": "key", "title": "q", "body": "a", "audience": ":agent"})
    assert import_(centre, file, layout).added == 1
    assert stored(centre)["f-1"]["audience"] == ["agent"]


@pytest.mark.parametrize(
    ("mapping", "told"),
    [({"id": "工单号", "status": "没有"}, "no column '没有'"), ({"id": "工单号"}, "status"), ({"idd": "x"}, "'idd'")],
)
def test_a_mapping_that_does_not_fit_is_told_before_anything_is_read(
    centre: Centre, tmp_path: Path, mapping: dict[str, str], told: str
) -> None:
    file = tmp_path / "crm.csv"
    file.write_text(HEADER + GOOD.format(n=11), "utf-8")
    with pytest.raises(UsageError, match=told):
        import_(centre, file, Layout(mapping=mapping))


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("kb.ingest.rows.UNPACKED_BYTES", 10_000_000)
    file = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/sharedStrings.xml", b"0" * 20_000_000)
    assert file.stat().st_size < 100_000
    with pytest.raises(InputError, match="unpacks to 20,000,000 bytes"):
        list(rows(file))
    file.write_bytes(b"no workbook")
    with pytest.raises(InputError, match="is no XLSX"):
        list(rows(file))


TICKET = {
    "id": 5, "subject": "Zebra", "status": "closed", "requester_id": 1, "updated_at": "2026-11-02T09:00:00Z",
    "tags": [],
}  # fmt: skip
COMMENTS = [
    {"ticket_id": 5, "author_id": 1, "body": "zebra? I am Ann Lee", "public": True},
    {"ticket_id": 5, "author_id": 2, "body": "Zebra fed.", "public": True},
    {"ticket_id": 5, "author_id": 2, "body": "grumble", "public": False},
]
USERS = [{"id": 1, "name": "Ann Lee", "role": "end-user"}, {"id": 2, "name": "Bo", "role": "agent"}]


@pytest.mark.parametrize("shape", ["document", "lines"])
def test_a_zendesk_export_is_joined_into_tickets(centre: Centre, tmp_path: Path, shape: str) -> None:
    file = tmp_path / ("zendesk.json" if shape == "document" else "zendesk.jsonl")
    whole = {"tickets": [TICKET, {"id": 6}], "comments": COMMENTS, "users": USERS}
    lines = [TICKET, {"id": 6}, *COMMENTS, *USERS]
    file.write_text(json.dumps(whole) if shape == "document" else "\n".join(map(json.dumps, lines)), "utf-8")
    summary = import_(centre, file, Layout(format="zendesk"))
    assert (summary.added, summary.refused) == (1, 1)
    ticket = stored(centre)["zendesk-5"]
    assert ticket["resolution"] == "Zebra fed."
    assert "Ann" not in json.dumps(ticket)
    assert "grumble" not in json.dumps(ticket)


def test_a_preview_shows_rows_as_they_would_be_stored_and_writes_nothing(
    home: Path, shell: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "crm.csv"
    file.write_bytes((HEADER + GOOD.format(n=11) + BAD[0][0] + GOOD.format(n=12)).encode("gb18030"))
    done = shell(home, "import", str(file), "--map", FLAG, "--preview", "2")
    assert done.returncode == 0, done.stderr
    assert "[phone]" in done.stdout
    assert "C-11" in done.stdout
    assert "C-12" not in done.stdout
    assert "关闭时间" in done.stderr
    assert not (home / "data" / "kb.sqlite").exists()
    done = shell(home, "import", str(file), "--map", FLAG, "--json")
    assert (done.returncode, json.loads(done.stdout)["added"]) == (3, 2)


def test_a_section_of_kb_toml_maps_the_file_of_its_name(home: Path, shell: Shell, tmp_path: Path) -> None:
    section = "\n".join(f'{field} = "{column}"' for field, column in MAP.items())
    (home / "kb.toml").write_text(f"[sources.crm]\n{section}\n", "utf-8")
    file = tmp_path / "crm.csv"
    file.write_text(HEADER + GOOD.format(n=11), "utf-8")
    done = shell(home, "import", str(file), "--json")
    assert json.loads(done.stdout)["added"] == 1, done.stderr

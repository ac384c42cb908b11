"""Makes the documents of `tests/data/imports`: `python tests/import_samples.py` after a change here."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from docx import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Inches

FOLDER = Path(__file__).parent / "data" / "imports"

ZH: dict[str, Any] = {
    "title": "滚筒洗衣机使用手册",
    "intro": ("首次使用前，请先", "拆除运输螺栓。", "然后接通电源，屏幕显示 ", "READY", "。"),
    "emphasis": ("水温", "不得", "超过 60 ℃（见“注意事项”）。"),
    "heads": ("安装", "排水", "故障代码"),
    "steps": [(0, "放置机器"), (1, "调平四脚"), (2, "用水平仪检查"), (1, "锁紧螺母"), (0, "连接水管"), (0, "接通电源")],
    "bullets": [(0, "地面应坚固"), (1, "不得铺地毯"), (0, "附近有地漏")],
    "between": "排水管高度为 60 至 100 厘米。",
    "table": [["代码", "原因", "处理"], ["E-4021", "水压不足", "打开水龙头；清洗滤网"],
              ["E-4022", "排水受阻", "清理排水泵|检查软管"]],
    "merged": [["型号", "容量", "电压"], ["W8", "8 kg", "220 V"], ["W10", "10 kg", "220 V"]],
    "link": ("在线预约维修", "https://example.com/repair?model=W8"),
    "code": "kb ask 洗衣机不进水\nexit 0",
    "quote": "儿童不得单独操作本机。",
    "note": "请联系客服。",
    "deleted": "旧电话四零零一二三。", "inserted": "新热线为九五零零零。", "hidden": "内部成本价",
    "comment": "这里要核对",
    "alt": "运输螺栓的位置",
    "nav": ("首页", "产品", "版权所有"),
}  # fmt: skip
EN: dict[str, Any] = {
    "title": "Front loader manual",
    "intro": ("Before first use, ", "remove the transit bolts.", " Then plug it in; the display shows ", "READY", "."),
    "emphasis": ("The water must ", "never", " be hotter than 60 °C (see notes_and_hints and 5 * 3)."),
    "heads": ("Set up", "Draining", "Error codes"),
    "steps": [(0, "Place the machine"), (1, "Level its feet"), (2, "Check with a spirit level"), (1, "Lock the nuts"),
              (0, "Connect the hose"), (0, "Plug it in")],
    "bullets": [(0, "The floor is firm"), (1, "No carpet"), (0, "A drain is near")],
    "between": "The hose ends 60 to 100 cm above the floor.",
    "table": [["Code", "Cause", "What to do"], ["E-4021", "Low pressure", "Open the tap; clean the strainer"],
              ["E-4022", "Blocked drain", "Clear the pump | check the hose"]],
    "merged": [["Model", "Load", "Voltage"], ["W8", "8 kg", "220 V"], ["W10", "10 kg", "220 V"]],
    "link": ("Book a repair online", "https://example.com/repair?model=W8"),
    "code": "kb ask washer takes no water\nexit 0",
    "quote": "Children must not operate it alone.",
    "note": "Please call us.",
    "deleted": "Old hotline zero one.", "inserted": "New hotline nine five.", "hidden": "internal cost price",
    "comment": "check this",
    "alt": "Where the transit bolts are",
    "nav": ("Home", "Products", "All rights reserved"),
}  # fmt: skip


def png(red: int = 200) -> bytes:
    """A picture of four by four pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\0" + bytes([red, 30, 30]) * 4) * 4
    head = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def word(texts: dict[str, Any]) -> Any:
    """A manual with everything that must survive, and everything that must not."""
    made = Document()
    made.core_properties.title = "Document1"
    made.add_paragraph(texts["heads"][0] + "\t3", style=made.styles.add_style("toc 1", 1))
    made.add_heading(texts["title"], 1)
    intro = made.add_paragraph()
    for number, text in enumerate(texts["intro"]):
        run = intro.add_run(text)
        run.bold = number == 1
        if number == 3:
            run.style = (
                made.styles["HTML Code"] if "HTML Code" in made.styles else made.styles.add_style("HTML Code", 2)
            )
    emphasis = made.add_paragraph()
    for number, text in enumerate(texts["emphasis"]):
        emphasis.add_run(text).italic = number == 1
    made.add_heading(texts["heads"][0], 2)
    lists = _numberings(made)
    for level, text in texts["steps"][:4]:
        _item(made, text, lists[0], level)
    made.add_paragraph(texts["between"])
    for level, text in texts["steps"][4:]:
        _item(made, text, lists[0], level)
    for level, text in texts["bullets"]:
        _item(made, text, lists[1], level)
    made.add_picture(BytesIO(png()), width=Inches(1))
    drawing = made.paragraphs[-1]._p.find(f".//{qn('wp:docPr')}")
    drawing.set("descr", texts["alt"])
    made.add_heading(texts["heads"][1], 2)
    _changed(made, texts)
    link = made.add_paragraph()
    _hyperlink(link, *texts["link"])
    made.add_paragraph(texts["quote"], style="Intense Quote")
    code = made.styles.add_style("HTML Preformatted", 1)
    for line in texts["code"].split("\n"):
        made.add_paragraph(line, style=code)
    made.add_heading(texts["heads"][2], 3)
    _table(made, texts["table"])
    made.add_paragraph(texts["note"])
    table = _table(made, texts["merged"])
    table.cell(1, 2).merge(table.cell(2, 2)).text = texts["merged"][1][2]
    return made


def _numberings(made: Any) -> tuple[int, int]:
    numbering = made.part.numbering_part.element
    for id_, kind in ((901, "decimal"), (902, "bullet")):
        levels = "".join(
            f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="%{n + 1}."/></w:lvl>'
            for n in range(4)
        )
        abstract = parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{id_}">{levels}</w:abstractNum>')
        numbering.insert(0, abstract)
        numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="{id_}"><w:abstractNumId w:val="{id_}"/></w:num>'))
    return 901, 902


def _item(made: Any, text: str, list_: int, level: int) -> None:
    properties = made.add_paragraph(text)._p.get_or_add_pPr()
    properties.append(
        parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="{list_}"/></w:numPr>')
    )


def _changed(made: Any, texts: dict[str, Any]) -> None:
    paragraph = made.add_paragraph(texts["note"])
    tracked = f'{nsdecls("w")} w:id="1" w:author="A" w:date="2026-01-01T00:00:00Z"'
    paragraph._p.append(parse_xml(f"<w:del {tracked}><w:r><w:delText>{texts['deleted']}</w:delText></w:r></w:del>"))
    paragraph._p.append(parse_xml(f"<w:ins {tracked}><w:r><w:t>{texts['inserted']}</w:t></w:r></w:ins>"))
    paragraph.add_run(texts["hidden"]).font.hidden = True
    made.add_comment(paragraph.runs[0], text=texts["comment"], author="A")


def _hyperlink(paragraph: Any, text: str, address: str) -> None:
    id_ = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    paragraph._p.append(
        parse_xml(f'<w:hyperlink {nsdecls("w", "r")} r:id="{id_}"><w:r><w:t>{text}</w:t></w:r></w:hyperlink>')
    )


def _table(made: Any, rows: list[list[str]]) -> Any:
    table = made.add_table(len(rows), len(rows[0]))
    for y, row in enumerate(rows):
        for x, text in enumerate(row):
            table.cell(y, x).text = text
    return table


def html(texts: dict[str, Any], language: str) -> str:
    """The same as a page of a help centre, with its frame around."""
    home, products, rights = texts["nav"]
    picture = "data:image/png;base64," + base64.b64encode(png()).decode()
    intro, emphasis = texts["intro"], texts["emphasis"]
    (name, address), heads = texts["link"], texts["heads"]
    merged = texts["merged"]
    return f"""<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8"><title>{texts["title"]} | Example</title>
<style>p {{ color: red }}</style><script>track("{texts["hidden"]}")</script></head>
<body><header><a href="/">{home}</a></header><nav><ul><li><a href="/p">{products}</a></li></ul></nav>
<main><h1>{texts["title"]}</h1><!-- {texts["comment"]} -->
<p>{intro[0]}<b>{intro[1]}</b>{intro[2]}<code>{intro[3]}</code>{intro[4]}</p>
<p>{emphasis[0]}<em>{emphasis[1]}</em>{emphasis[2]}</p>
<h2>{heads[0]}</h2>
{_nested(texts["steps"][:4], "ol")}
<p>{texts["between"]}</p>
<ol start="2">{"".join(f"<li>{text}</li>" for _, text in texts["steps"][4:])}</ol>
{_nested(texts["bullets"], "ul")}
<p><img src="{picture}" alt="{texts["alt"]}"><img src="pictures/drum%201.png" alt="2"></p>
<p><img src="https://example.com/far.png" alt="far"></p>
<h2>{heads[1]}</h2>
<p>{texts["note"]}<span style="display: none">{texts["hidden"]}</span></p>
<p><a href="{address}">{name}</a> <a href="javascript:alert(1)">{texts["note"]}</a></p>
<blockquote><p>{texts["quote"]}</p></blockquote>
<pre><code class="language-sh">{texts["code"]}
</code></pre>
<h3>{heads[2]}</h3>
<table><thead><tr>{_cells(texts["table"][0], "th")}</tr></thead><tbody>
{"".join(f"<tr>{_cells(row, 'td')}</tr>" for row in texts["table"][1:])}</tbody></table>
<table><tr>{_cells(merged[0], "th")}</tr><tr>{_cells(merged[1][:2], "td")}<td rowspan="2">{merged[1][2]}</td></tr>
<tr>{_cells(merged[2][:2], "td")}</tr></table>
</main><footer>{rights}</footer></body></html>
"""


def _cells(texts: list[str], name: str) -> str:
    return "".join(f"<{name}>{text}</{name}>" for text in texts)


def _nested(items: list[tuple[int, str]], name: str) -> str:
    made, depth = "", -1
    for level, text in items:
        made += (
            f"<{name}><li>" * (level - depth) if level > depth else f"</li></{name}>" * (depth - level) + "</li><li>"
        )
        made, depth = made + text, level
    return made + f"</li></{name}>" * (depth + 1)


WORD_HTML = """<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word">
<head><meta http-equiv=Content-Type content="text/html; charset=gb2312"><title>退货</title>
<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->
<style>p.MsoNormal {margin:0cm; mso-style-unhide:no;}</style></head>
<body lang=ZH-CN><div class=WordSection1>
<p class=MsoToc1><a href="#_Toc1">退货流程<span
style='mso-tab-count:1 dotted'>.... </span>1</a></p>
<h1><a name="_Toc1"><span style='font-family:宋体'>退货流程</span></a><o:p></o:p></h1>
<p class=MsoNormal><span style='mso-bidi-font-size:10.5pt'>
收到货后<b style='mso-bidi-font-weight:normal'>七天</b>
内可以退货，请保留发票。</span><o:p>&nbsp;</o:p></p>
<p class=MsoListParagraph style='margin-left:21pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>1.<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span><![endif]>提交申请</p>
<p class=MsoListParagraph style='margin-left:42pt;mso-list:l0 level2 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>a)<span style='font:7.0pt "Times New Roman"'>&nbsp; </span></span><![endif]>填写订单号</p>
<p class=MsoListParagraph style='margin-left:42pt;mso-list:l0 level2 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>b)<span style='font:7.0pt "Times New Roman"'>&nbsp; </span></span><![endif]>上传照片</p>
<p class=MsoListParagraph style='margin-left:21pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>2.<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span><![endif]>寄回商品</p>
<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'><![if !supportLists]><span
style='font-family:Wingdings;
mso-list:Ignore'>l<span>&nbsp; </span></span><![endif]>包装完好</p>
<p class=MsoNormal><span style='mso-hide:all;display:none'>隐藏的批注</span><span
lang=EN-US>Please keep the box.</span></p>
<table class=MsoTableGrid border=1><tr><td><p class=MsoNormal>快递</p></td><td><p class=MsoNormal>费用</p></td></tr>
<tr><td><p class=MsoNormal>顺丰</p></td><td><p class=MsoNormal>到付</p></td></tr></table>
<p class=MsoNormal><b>联系我们<o:p></o:p></b></p><p class=MsoNormal>请拨打客服热线。</p>
<p class=MsoNormal><img width=1 src="file:///C:/Users/x/image001.png" alt="地图"></p>
</div></body></html>
"""


def bold() -> Any:
    """A document whose headings are bold paragraphs."""
    made = Document()
    made.core_properties.title = "退款说明"
    for head, text in (("退款时间", "原路退回，一般三至五天到账。"), ("退款方式", "退到原支付账户。")):
        made.add_paragraph().add_run(head).bold = True
        made.add_paragraph(text)
    return made


def _settled(data: bytes) -> bytes:
    """A package without the time of its making, so that it is the same when made again."""
    import zipfile

    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "docProps/thumbnail.jpeg":
                content = b""
            content = re.sub(rb'w:date="[^"]*"', b'w:date="2026-01-01T00:00:00Z"', content)
            new.writestr(zipfile.ZipInfo(part.filename), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def main() -> None:
    """Writes them all."""
    (FOLDER / "pictures").mkdir(parents=True, exist_ok=True)
    for name, made in (("manual.zh", word(ZH)), ("manual.en", word(EN)), ("bold.zh", bold())):
        stream = BytesIO()
        made.save(stream)
        (FOLDER / f"{name}.docx").write_bytes(_settled(stream.getvalue()))
    (FOLDER / "help.zh.html").write_text(html(ZH, "zh-CN"), "utf-8")
    (FOLDER / "help.en.html").write_text(html(EN, "en"), "utf-8")
    (FOLDER / "word.zh.html").write_bytes(WORD_HTML.encode("gb18030"))
    (FOLDER / "pictures" / "drum 1.png").write_bytes(png(90))


if __name__ == "__main__":
    main()

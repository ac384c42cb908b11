"""Which columns of a FAQ table hold what: by their names in Chinese or English, or as somebody says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from kb.errors import UsageError

FIELDS: Mapping[str, tuple[str, ...]] = {
    "question": (
        "标准问", "标准问题", "标准问法", "標準問", "標準問題", "主问题", "主问法", "主問題", "问题", "問題", "提问",
        "问", "问句", "知识标题", "知识点", "标题", "標題", "standardquestion", "mainquestion", "question", "q",
        "faq", "title",
    ),
    "similar": (
        "相似问", "相似问题", "相似问法", "相似問", "相似問題", "相似問法", "扩展问", "扩展问题", "扩展问法",
        "擴展問", "同义问", "同义问法", "同义句", "其他问法", "其它问法", "其他問法", "别的问法", "similarquestions",
        "similarquestion", "similar", "alternativequestions", "alternativequestion", "otherquestions",
        "questionvariants", "variants", "variant", "utterances", "utterance", "alsoasked", "questions",
    ),
    "answer": (
        "答案", "标准答案", "標準答案", "回答", "答复", "答覆", "回复", "回覆", "应答", "答案内容", "回答内容",
        "回复内容", "答", "standardanswer", "answer", "answers", "reply", "response", "a",
    ),
    "category": (
        "分类", "分類", "类别", "類別", "类目", "類目", "所属分类", "知识分类", "问题分类", "目录", "category",
        "categories", "group", "topic", "section",
    ),
    "id": (
        "id", "编号", "編號", "知识id", "知识编号", "问题编号", "number", "no",
    ),
    "product": (
        "产品", "產品", "商品", "型号", "product", "model",
    ),
    "tags": (
        "标签", "標籤", "关键词", "關鍵詞", "关键字", "tags", "tag", "keywords", "labels",
    ),
}  # fmt: skip
"""The names of each field, the most telling first."""
_NEEDED = ("question", "answer")
_SEVERAL = ("similar", "tags")
_IDLE = re.compile(r"[\s_*＊:：\-]+|[(（\[【].*?[)）\]】]")
_NUMBERED = re.compile(r"\d+$")


def field_columns(header: Sequence[str], chosen: Mapping[str, Sequence[str]], file: str) -> dict[str, tuple[str, ...]]:
    """The columns of each field that the table has. Raises UsageError where the question or the answer has none."""
    _refuse_unknown(header, chosen, file)
    taken = {column for columns in chosen.values() for column in columns}
    found: dict[str, tuple[str, ...]] = {}
    for field, names in FIELDS.items():
        if field in chosen:
            found[field] = tuple(chosen[field])
            continue
        free = [
            column for column in header if column and column not in taken and _rank(column, names, field) is not None
        ]
        free.sort(key=lambda column: (_rank(column, names, field), header.index(column)))
        columns = sorted(free, key=header.index) if field in _SEVERAL else free[:1]
        if columns:
            found[field] = tuple(columns)
    missing = [field for field in _NEEDED if field not in found]
    if missing:
        told = "; ".join(f"no column for the {field} (such as {', '.join(FIELDS[field][:3])})" for field in missing)
        there = ", ".join(map(repr, filter(None, header)))
        raise UsageError(f"{file}: {told}; there are {there}: say which with --column {missing[0]}=COLUMN")
    return found


def is_faq(header: Sequence[str]) -> bool:
    """Whether a table has a question and an answer by their names."""
    return all(any(_rank(column, FIELDS[field], field) is not None for column in header if column) for field in _NEEDED)


def read_choices(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What `--column FIELD=COLUMN` says; a field may be named several times. Raises UsageError."""
    chosen: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not column or field not in FIELDS:
            accepted = f"accepted is FIELD=COLUMN, such as answer=回复, with the fields {', '.join(FIELDS)}"
            raise UsageError(f"--column {pair!r}: {accepted}")
        chosen[field] = (*chosen.get(field, ()), column)
    return chosen


def _refuse_unknown(header: Sequence[str], chosen: Mapping[str, Sequence[str]], file: str) -> None:
    for field, columns in chosen.items():
        if field not in _SEVERAL and len(columns) > 1:
            raise UsageError(f"{file}: --column {field}: found {len(columns)} columns; accepted is one")
        for column in columns:
            if column not in header:
                there = ", ".join(map(repr, filter(None, header)))
                raise UsageError(f"{file}: --column {field}: there is no column {column!r}; there are {there}")


def _rank(column: str, names: Sequence[str], field: str) -> int | None:
    """How telling a column's name is for a field, from 0; None where it is none of its names."""
    plain = _IDLE.sub("", unicodedata.normalize("NFKC", column).casefold())
    if field in _SEVERAL and plain not in names:
        plain = _NUMBERED.sub("", plain)
    return names.index(plain) if plain in names else None

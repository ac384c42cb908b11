"""What another system calls its fields: a declared mapping turns its row or message into an import record."""

from __future__ import annotations

import re
from collections.abc import Mapping as Values
from dataclasses import dataclass
from datetime import date, datetime
from html.parser import HTMLParser
from typing import Any

from kb.errors import UsageError
from kb.ingest.articles import KEYS as ARTICLE_KEYS

_TICKET = (
    "id", "subject", "status", "question", "resolution", "product", "language", "tags", "closed_at", "customer_ref",
    "customer.name", "customer.email", "customer.phone",
)  # fmt: skip
_ARTICLE = tuple(key for key in ("body", *ARTICLE_KEYS) if key not in ("actions", "applies_to"))
_LISTS = {"tags": re.compile(r"[,，;；|\n]"), "questions": re.compile(r"[|\n]"), "not_questions": re.compile(r"[|\n]"),
          "audience": re.compile(r"[,，;；|\n]")}  # fmt: skip
_OPTIONS = ("kind", "prefix", "html", "messages")
_MESSAGES = ("from", "text", "author", "at", "authors", "public")
_RESOLVED = {
    "resolved": "solved", "done": "solved", "complete": "solved", "completed": "solved", "已解决": "solved",
    "已解決": "solved", "已完成": "solved", "已办结": "solved", "完成": "solved", "解决": "solved", "已关闭": "closed",
    "已關閉": "closed", "关闭": "closed", "关单": "closed", "结案": "closed", "結案": "closed",
}  # fmt: skip
_DATE = re.compile(
    r"(\d{4})\s*[/.年-]\s*(\d{1,2})\s*[/.月-]\s*(\d{1,2})日?(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?(.*)"
)
_FLAGS = {"true": True, "yes": True, "1": True, "是": True, "false": False, "no": False, "0": False, "否": False}

PRESETS: Values[str, Values[str, Any]] = {
    "freshdesk": {
        "prefix": "freshdesk-", "html": True, "id": "freshdesk_webhook.ticket_id",
        "subject": "freshdesk_webhook.ticket_subject", "question": "freshdesk_webhook.ticket_description",
        "status": "freshdesk_webhook.ticket_status", "tags": "freshdesk_webhook.ticket_tags",
        "resolution": "freshdesk_webhook.ticket_latest_public_comment",
        "customer": {
            "name": "freshdesk_webhook.ticket_requester_name", "email": "freshdesk_webhook.ticket_requester_email",
            "phone": "freshdesk_webhook.ticket_requester_phone",
        },
        "customer_ref": "freshdesk_webhook.ticket_requester_email",
    },
    "intercom": {
        "prefix": "intercom-", "html": True, "id": "data.item.id", "subject": "data.item.title",
        "status": "data.item.state", "question": "data.item.source.body",
        "customer": {"name": "data.item.source.author.name", "email": "data.item.source.author.email"},
        "customer_ref": "data.item.source.author.id",
        "messages": {
            "from": "data.item.conversation_parts.conversation_parts", "text": "body", "author": "author.type",
            "authors": {"user": "customer", "lead": "customer", "contact": "customer", "admin": "agent",
                        "bot": "system"},
        },
    },
}  # fmt: skip
"""Mappings of webhooks that need no declaration; one of the same name in kb.toml takes its place."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field comes from (`path`: a column, or keys joined by dots), what its words mean, or a constant."""

    path: str
    values: Values[str, str]
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a ticket's messages are, and in each its text, author, time, and whether the customer sees it."""

    path: str
    text: str
    author: str
    authors: Values[str, str]
    at: str | None
    public: str | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """How records of one source are read; `prefix` comes before each id."""

    kind: str
    columns: Values[str, Column]
    prefix: str
    html: bool
    thread: Thread | None

    def column(self, key: str | None) -> str | None:
        """The column that a field of ours comes from."""
        found = self.columns.get({"messages": "question"}.get(key or "", key or "").split("[")[0])
        return found.path or None if found else None

    def record(self, row: Values[str, Any]) -> dict[str, Any]:
        """The import record of a row."""
        made: dict[str, Any] = {"kind": self.kind}
        for key, column in self.columns.items():
            value = column.constant if column.constant is not None else _found(row, column.path)
            value = column.values.get(str(value), value) if not isinstance(value, list | dict) else value
            _put(made, key, self._value(key, value))
        if self.prefix and isinstance(made.get("id"), str) and made["id"]:
            made["id"] = self.prefix + made["id"]
        if self.kind == "ticket":
            self._conversation(made, row)
        return made

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, list | dict):
            return [plain(v) for v in value] if isinstance(value, list) else value
        text = plain(value)
        if key in _LISTS:
            return [part.strip() for part in _LISTS[key].split(text) if part.strip()]
        if key == "urgent":
            return _FLAGS.get(text.lower(), text or False)
        if key == "status" and self.kind == "ticket":
            return _RESOLVED.get(text.lower(), text)
        if key.endswith("_at") or key in ("valid_from", "valid_to", "review_by"):
            return iso(text)
        return without_html(text) if self.html and key in ("question", "resolution", "subject", "body") else text

    def _conversation(self, made: dict[str, Any], row: Values[str, Any]) -> None:
        question = made.pop("question", "")
        messages = [{"author": "customer", "text": question}] if question else []
        said: list[str] = []
        for item in _found(row, self.thread.path) or () if self.thread else ():
            if self.thread is None or not isinstance(item, dict):
                continue
            text = plain(_found(item, self.thread.text))
            text = without_html(text) if self.html else text
            author = plain(_found(item, self.thread.author))
            author = self.thread.authors.get(author, author)
            if not text or (self.thread.public and not _found(item, self.thread.public)):
                continue
            messages.append({"author": author, "text": text})
            said += [text] if author == "agent" else []
        made["messages"] = messages
        if not made.get("resolution") and said:
            made["resolution"] = said[-1]
        if not made.get("subject") and question:
            made["subject"] = question.strip().splitlines()[0][:200]


def read_mapping(values: Values[str, Any], name: str) -> Mapping:
    """A mapping as kb.toml or `--map` declares it. Raises UsageError naming the key and what is accepted."""
    kind = values.get("kind", "ticket")
    if kind not in ("ticket", "article"):
        raise UsageError(f"{name}: kind: found {kind!r}; accepted are ticket and article")
    accepted, columns = _TICKET if kind == "ticket" else _ARTICLE, {}
    for key, value in _flat(values):
        if key not in accepted:
            raise UsageError(f"{name}: {key!r} is no field of a {kind}; accepted are {', '.join(accepted)}")
        columns[key] = _column(value, f"{name}: {key}")
    thread = _thread(values.get("messages"), name)
    needed = {"id", "status"} if kind == "ticket" else {"id", "body"}
    if missing := needed - columns.keys():
        raise UsageError(
            f"{name}: {', '.join(sorted(missing))} is not mapped; name its column, or a constant as ':text'"
        )
    return Mapping(kind, columns, str(values.get("prefix", "")), bool(values.get("html", False)), thread)


def _flat(values: Values[str, Any]) -> list[tuple[str, Any]]:
    pairs = []
    for key, value in values.items():
        if key == "customer" and isinstance(value, dict) and not value.keys() & {"from", "values"}:
            pairs += [(f"customer.{inner}", path) for inner, path in value.items()]
        elif key not in _OPTIONS:
            pairs.append((key, value))
    return pairs


def _column(value: Any, place: str) -> Column:
    """`"column"`, `":constant"`, or `{ from = "column", values = { theirs = "ours" } }`."""
    if isinstance(value, str) and value:
        return Column("", {}, value[1:]) if value.startswith(":") else Column(value, {})
    if isinstance(value, dict) and isinstance(value.get("from"), str) and value.keys() <= {"from", "values"}:
        return Column(value["from"], {str(k): str(v) for k, v in dict(value.get("values", {})).items()})
    raise UsageError(
        f'{place}: found {value!r}; accepted are "column", ":constant", {{ from = "…", values = {{ … }} }}'
    )


def _thread(value: Any, name: str) -> Thread | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not {"from", "text", "author"} <= value.keys() or value.keys() - set(_MESSAGES):
        raise UsageError(f"{name}: messages: accepted are the keys {', '.join(_MESSAGES)}; the first three are needed")
    authors = {str(k): str(v) for k, v in dict(value.get("authors", {})).items()}
    return Thread(value["from"], value["text"], value["author"], authors, value.get("at"), value.get("public"))


def _found(row: Any, path: str) -> Any:
    """A value by its column's name, or by keys joined by dots."""
    if isinstance(row, dict) and path in row:
        return row[path]
    for key in path.split("."):
        if isinstance(row, list):
            row = row[int(key)] if key.isdigit() and int(key) < len(row) else None
        else:
            row = row.get(key) if isinstance(row, dict) else None
    return row


def _put(made: dict[str, Any], key: str, value: Any) -> None:
    if value in ("", None, []):
        return
    if key.startswith("customer."):
        made.setdefault("customer", {})[key.partition(".")[2]] = value
    else:
        made[key] = value


def plain(value: Any) -> str:
    """A cell as text: whole numbers without a point, times as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip()


def iso(text: str) -> str:
    """A date as spreadsheets write it (`2026/1/5 9:30`, `2026年1月5日`) as ISO 8601; anything else as it is."""
    if not (parts := _DATE.fullmatch(text)):
        return text
    year, month, day, hour, minute, second, rest = parts.groups()
    clock = f"T{int(hour):02}:{minute}:{second or '00'}" if hour else ""
    return f"{year}-{int(month):02}-{int(day):02}{clock}{rest}"


class _Text(HTMLParser):
    """The text of HTML, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("script", "style")
        self.parts += ["\n"] if tag in ("br", "p", "div", "li", "tr", "h1", "h2", "h3", "blockquote") else []

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        self.parts += [] if self._hidden else [data]


def without_html(text: str) -> str:
    """The text of HTML; what holds no tags and no entities stays as it is."""
    if "<" not in text and "&" not in text:
        return text
    reader = _Text()
    reader.feed(text)
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts).replace("\xa0", " ")).strip()

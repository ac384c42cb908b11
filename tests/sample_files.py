"""The sample's files read without kb: front matter by ruamel.yaml, everything else by plain string work."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from kb.config import Paths, Settings
from kb.knowledge import KnowledgeBase

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""The sample's time zone, as its kb.toml says."""

JsonRecord = dict[str, Any]


@dataclass(frozen=True)
class ArticleFile:
    """An article file as its author sees it."""

    id: str
    front: JsonRecord
    body: str

    @property
    def title(self) -> str:
        """The `title`, or else the first heading."""
        headings = (line.lstrip("# ") for line in self.body.split("\n") if line.startswith("#"))
        return str(self.front.get("title") or next(headings))

    @property
    def public_body(self) -> str:
        return cut_agent_blocks(self.body)

    @property
    def agent_text(self) -> str:
        return "\n".join(inner for inner, _, _ in _agent_blocks(self.body.split("\n")))

    @property
    def state(self) -> str:
        """`live`, or why it is not: `draft`, `retired`, `expired`, `not-yet-valid`."""
        status = self.front.get("status", "published")
        now = datetime.now(SHANGHAI)
        if status != "published":
            return str(status)
        if (start := _moment(self.front.get("valid_from"), 0)) and now < start:
            return "not-yet-valid"
        if (end := _moment(self.front.get("valid_to"), 1)) and now >= end:
            return "expired"
        return "live"

    @property
    def audience(self) -> frozenset[str]:
        named = self.front.get("audience") or "public"
        return frozenset([named] if isinstance(named, str) else named)

    @property
    def is_public(self) -> bool:
        return self.state == "live" and "public" in self.audience

    def texts(self, body: str) -> list[str]:
        """Everything of it that a reader could be shown: id, title, questions, answer, actions, tags and `body`."""
        front = self.front
        actions = [value for action in front.get("actions") or [] for value in action.values()]
        listed = [text for key in ("questions", "not_questions", "tags") for text in front.get(key) or []]
        plain = [front.get(key) for key in ("answer", "product", "category", "owner")]
        return [self.id, self.title, *(text for text in plain if text), *actions, *listed, body]


def read_article_file(file: Path, folder: Path) -> ArticleFile:
    text = file.read_text("utf-8").replace("\r\n", "\n")
    front: JsonRecord = {}
    if text.startswith("---\n"):
        yaml, text = text[4:].split("\n---\n", 1)
        front = YAML(typ="safe", pure=True).load(yaml) or {}
    return ArticleFile(front.get("id") or file.relative_to(folder).as_posix().removesuffix(".md"), front, text)


@lru_cache
def sample_articles(home: Path) -> dict[str, ArticleFile]:
    folder = home / "articles"
    files = [read_article_file(file, folder) for file in sorted(folder.rglob("*.md")) if file != folder / "README.md"]
    return {article.id: article for article in files}


def read_lines(file: Path) -> list[JsonRecord]:
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line.strip()]


def cut_agent_blocks(body: str) -> str:
    """The body without its `::: agent` blocks and the blank line after each, or before one that ends the body."""
    lines = body.split("\n")
    blocks = _agent_blocks(lines)
    for _, first, last in reversed(blocks):
        end = last + 1
        if end < len(lines) - 1 and not lines[end].strip():
            end += 1
        lines[first:end] = []
        if not "".join(lines[first:]).strip():
            lines[first:] = []
            lines = [*"\n".join(lines).rstrip().split("\n"), ""]
    return "\n".join(lines)


def _agent_blocks(lines: Sequence[str]) -> list[tuple[str, int, int]]:
    """(text, number of the opening line, number of the closing line) of every block."""
    found, opened = [], -1
    for number, line in enumerate(lines):
        if line.strip() == "::: agent":
            opened = number
        elif line.strip() == ":::":
            found.append(("\n".join(lines[opened + 1 : number]), opened, number))
    return found


def _moment(value: object, days: int) -> datetime | None:
    """A date or time of the front matter; a bare date is its start, `days` later."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=SHANGHAI)
    assert isinstance(value, date), value
    return datetime(value.year, value.month, value.day, tzinfo=SHANGHAI) + timedelta(days=days)


def opened(home: Path, like: KnowledgeBase, **changed: Any) -> KnowledgeBase:
    """Another knowledge base over `home` that shares the loaded model of `like`, with some settings changed."""
    values = {name: getattr(like.settings, name) for name in Settings.__struct_fields__}
    return KnowledgeBase(Paths(home), Settings(**(values | changed)), embedder=like._embedder)

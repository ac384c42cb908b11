"""Markdown read as plain text, for embedding, keywords and reading at a glance."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Raw HTML is recognised inside a line, so that it can be dropped, and never as a block, whose text would be lost.
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).disable("html_block")

_HTML = re.compile(
    r"<!|<\?|</?(?:a|abbr|b|big|blockquote|body|br|button|center|cite|code|dd|del|details|div|dl|dt|em|font|footer|form|"
    r"h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li|link|main|mark|meta|nav|object|ol|p|pre|q|s|script|"
    r"section|small|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|video)\b",
    re.IGNORECASE,
)
_BREAK = re.compile(r"</?(?:br|p|div|li|tr)\b", re.IGNORECASE)
_BLOCKS = MarkdownIt("commonmark").enable("table").disable(["html_block", "inline"])
# Same lengths, because offsets must hold: markdown-it would take `\r` as a line end and grow nothing for NUL.
_UNIFORM = str.maketrans({"\r": " ", "\0": "\ufffd"})


def parse_markdown(text: str, references: MutableMapping[str, Any] | None = None) -> list[Token]:
    """The tokens of a text; their lines count `\\n` only. `references` gathers and gives its link definitions."""
    return MARKDOWN.parse(text.translate(_UNIFORM), {} if references is None else references)


def parse_blocks(text: str) -> list[Token]:
    """The tokens of a text's blocks, in a quarter of the time: runs of words stay unread."""
    return _BLOCKS.parse(text.translate(_UNIFORM))


def plain_text(markdown: str, references: MutableMapping[str, Any] | None = None) -> str:
    """What a reader sees: marks go, links keep their text, images their alternative text, items their `1. ` or `- `.

    One line a paragraph, item, table row (cells joined by ` | `) or line break. Raw HTML is dropped; placeholders such
    as `<order-id>` stay.
    """
    return plain_tokens(parse_markdown(markdown, dict(references) if references else None))


def plain_tokens(tokens: Iterable[Token]) -> str:
    """The plain text of parsed blocks."""
    lines: list[str] = []
    cells: list[str] = []
    marker, in_row = "", False
    for token in tokens:
        if token.type == "list_item_open":
            marker += f"{token.info}{token.markup} " if token.info else "- "
        elif token.type == "tr_open":
            in_row, cells = True, []
        elif token.type == "tr_close":
            in_row = False
            lines.append(marker + " | ".join(cells).strip(" |"))
            marker = ""
        elif token.type in ("inline", "fence", "code_block"):
            text = inline_text(token) if token.type == "inline" else token.content.strip("\n")
            (cells if in_row else lines).append(marker + text)
            marker = ""
    return "\n".join(line for line in lines if line)


def inline_text(token: Token) -> str:
    """The plain text of one run of words."""
    parts: list[str] = []
    for child in token.children or ():
        if child.type == "text":
            # Beside Chinese punctuation CommonMark leaves `**` standing; its author meant bold.
            parts.append(child.content.replace("**", ""))
        elif child.type in ("code_inline", "text_special"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(inline_text(child))
        elif child.type == "html_inline":
            parts.append(shown_tag(child.content))
    return "".join(parts).strip()


def shown_tag(tag: str) -> str:
    """What a reader sees of a typed tag: a line break, a placeholder such as `<order-id>`, or nothing."""
    if _BREAK.match(tag):
        return "\n"
    return "" if _HTML.match(tag) else tag

"""An article's Markdown as HTML that a page may put in as it stands: as customers see it, or as agents do."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any
from urllib.parse import quote, unquote

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

from kb.ingest.plaintext import inline_text, shown_tag
from kb.ingest.rendering import AgentBlock, Rendering, find_agent_blocks, public_rendering, whole_offset
from kb.ingest.sentences import line_starts

_ANCHOR = "s-"
"""Before every anchor: a heading named `body` or `location` must not take the place of something of the page's own."""
_SCHEMES = ("http", "https", "mailto", "tel")
_ARTICLE = re.compile(r"/articles/(?!/)([^?#\\\x00-\x1f]+)(?:#(.*))?")
"""A link to another article, as importers write it; whether its reader may read that is looked at there."""
_SCHEME = re.compile(r"[\s\x00-\x1f]*([a-zA-Z][a-zA-Z0-9+.-]*):")
_UNIFORM = str.maketrans({"\r": " ", "\0": "\ufffd"})
_MARKS = {"zh-Hant": "僅供客服人員", "zh": "仅供客服人员", "": "For agents only"}


def _slug(title: str) -> str:
    return _ANCHOR + re.sub(r"[^\w-]", "", "-".join(title.strip().lower().split()))


_MARKDOWN = (
    MarkdownIt("commonmark", {"html": True})  # so that a tag is known as one, and left out
    .enable(["table", "strikethrough"])
    .disable("html_block")
    .use(anchors_plugin, max_level=6, slug_func=_slug)
)
_MARKDOWN.validateLink = lambda url: True  # type: ignore[method-assign]  # each is looked at here, and told of
_CLEANER = nh3.Cleaner(
    tags={
        "h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "code", "em",
        "strong", "s", "table", "thead", "tbody", "tr", "th", "td", "a", "img", "aside",
    },
    clean_content_tags={"script", "style"},
    attributes={"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}, "aside": {"aria-label"}}
    | {f"h{level}": {"id"} for level in range(1, 7)},
    allowed_classes={"aside": {"kb-agent"}} | {tag: {"kb-left", "kb-right", "kb-center"} for tag in ("td", "th")},
    url_schemes=set(_SCHEMES),
    link_rel="noopener noreferrer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refused:
    """A link or picture that is left out; `line` is the body's, from 1."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Markup:
    """What a reader sees, and what the author wrote that no reader sees."""

    html: str
    refused: tuple[Refused, ...]


def markup(body: str, *, path: str, language: str = "en", agents: bool = False) -> Markup:
    """The HTML of a body that lies at `path` under `articles/`; with its blocks for agents, marked, where `agents`.

    Without those asides both are the same. No tag that the author typed comes through; a picture's `src` is its path
    under `articles/`. Raises InputError where a `:::` marker is malformed.
    """
    tokens, env, refused = rendered(body, path=path, language=language, agents=agents)
    return Markup(html_of(tokens, env), refused)


def rendered(
    body: str, *, path: str, language: str = "en", agents: bool = False
) -> tuple[list[Token], dict[str, Any], tuple[Refused, ...]]:
    """The tokens that `markup` makes HTML of, what `html_of` needs besides, and what is left out.

    A block for agents is an `aside`, which begins with a paragraph that says so. Raises InputError, as `markup`.
    """
    rendering = public_rendering(body)
    env: dict[str, Any] = {}
    reading = _Reading(path, body, rendering)
    tokens = reading.clean(_MARKDOWN.parse(rendering.body.translate(_UNIFORM), env), None)
    if agents:
        tokens = _with_asides(tokens, rendering, find_agent_blocks(body).blocks, reading, env, _mark(language))
    return tokens, env, tuple(sorted(reading.refused, key=lambda refused: refused.line))


def html_of(tokens: Sequence[Token], env: dict[str, Any]) -> str:
    """The HTML of tokens that `rendered` gave, or of some of them."""
    return _CLEANER.clean(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, env))


def _mark(language: str) -> str:
    return next(mark for tag, mark in _MARKS.items() if language.startswith(tag))


def _with_asides(
    tokens: list[Token],
    rendering: Rendering,
    blocks: Sequence[AgentBlock],
    reading: _Reading,
    env: dict[str, Any],
    mark: str,
) -> list[Token]:
    """The public tokens with each block for agents where it was cut out."""
    begins = [(token.map[0], number) for number, token in enumerate(tokens) if token.nesting >= 0 and token.map]
    made, at = list[Token](), 0
    for line, block in _cut_at(rendering, blocks):
        place = bisect_left(begins, (line, 0))
        indented = reading.is_indented(block)
        to = max(at, _place(tokens, begins[place][1] if place < len(begins) else len(tokens), indented=indented))
        made += [*tokens[at:to], *reading.aside(block, dict(env), mark)]
        at = to
    return made + tokens[at:]


def _cut_at(rendering: Rendering, blocks: Sequence[AgentBlock]) -> Iterator[tuple[int, AgentBlock]]:
    """Each block with the line of the public body, from 0, before which it was cut out."""
    starts, waiting, gone = line_starts(rendering.body), deque(blocks), 0
    for start, end in rendering.removed:
        while waiting and waiting[0].start < end:
            yield bisect_left(starts, start - gone), waiting.popleft()
        gone += end - start


def _place(tokens: Sequence[Token], at: int, *, indented: bool) -> int:
    """Where a block may stand that goes before a token: within the list item before, or behind a whole table."""
    while indented and at and tokens[at - 1].type in ("ordered_list_close", "bullet_list_close", "list_item_close"):
        at -= 1
        if tokens[at].type == "list_item_close":
            return at
    if at < len(tokens) and tokens[at].type in ("thead_open", "tbody_open", "tr_open", "th_open", "td_open"):
        return next(n for n in range(at, len(tokens)) if tokens[n].type == "table_close") + 1
    if at < len(tokens) and tokens[at].type == "list_item_open" and tokens[at - 1].type == "list_item_close":
        return at - 1
    return at


class _Reading:
    """One body being made into HTML: what it refuses on the way."""

    def __init__(self, path: str, body: str, rendering: Rendering) -> None:
        self._folder, self._body, self._rendering = posixpath.dirname(path), body, rendering
        self._starts, self._whole_starts = line_starts(rendering.body), line_starts(body)
        self.refused: list[Refused] = []

    def is_indented(self, block: AgentBlock) -> bool:
        """Whether a block stands as far to the right as what belongs to an item of a list."""
        return self._body.startswith(("  ", "\t"), block.start)

    def aside(self, block: AgentBlock, env: dict[str, Any], mark: str) -> list[Token]:
        """A block for agents, and what says so; its anchors are none that a public heading can have."""
        inner = dedent(self._body[block.inner_start : block.inner_end].translate(_UNIFORM))
        tokens = self.clean(_MARKDOWN.parse(inner, env), block)
        for token in tokens:
            if token.type == "heading_open":
                token.attrSet("id", f"agent{block.line}-{token.attrGet('id')}")
        opening, closing = Token("aside_open", "aside", 1, block=True), Token("aside_close", "aside", -1, block=True)
        opening.attrs = {"class": "kb-agent", "aria-label": mark}
        marked = [
            Token("strong_open", "strong", 1),
            Token("text", "", 0, content=mark),
            Token("strong_close", "strong", -1),
        ]
        named = Token("inline", "", 0, children=marked)
        opened, closed = Token("paragraph_open", "p", 1, block=True), Token("paragraph_close", "p", -1, block=True)
        return [opening, opened, named, closed, *tokens, closing]

    def clean(self, tokens: list[Token], block: AgentBlock | None) -> list[Token]:
        """The tokens without raw HTML, and without links and pictures that lead elsewhere than they may."""
        for token in tokens:
            if token.type == "inline":
                token.children = list(self._inline(token, block))
            elif token.type in ("td_open", "th_open") and (style := token.attrs.pop("style", None)):
                token.attrs["class"] = f"kb-{str(style).removeprefix('text-align:')}"
        return tokens

    def _inline(self, run: Token, block: AgentBlock | None) -> Iterator[Token]:
        line = (run.map or (0, 0))[0]
        dropped: list[bool] = []
        for child in run.children or ():
            line += child.type in ("softbreak", "hardbreak")
            if child.type == "link_open":
                dropped.append(not self._may_lead(str(child.attrGet("href") or ""), line, block, child))
            if child.type in ("link_open", "link_close"):
                if not (dropped[-1] if child.type == "link_open" else dropped.pop()):
                    yield child
            elif child.type == "html_inline":
                yield from _typed(child)
            elif child.type == "image":
                yield self._picture(child, line, block)
            else:
                child.content = child.content.replace("**", "") if child.type == "text" else child.content
                yield child

    def _may_lead(self, link: str, line: int, block: AgentBlock | None, token: Token) -> bool:
        if link.startswith("#"):
            token.attrSet("href", "#" + quote(_slug(unquote(link[1:]).removeprefix(_ANCHOR))))
            return True
        if (other := _ARTICLE.fullmatch(link)) and ".." not in unquote(other[1]).split("/"):
            heading = f"#{quote(_slug(unquote(other[2]).removeprefix(_ANCHOR)))}" if other[2] else ""
            token.attrSet("href", f"/articles/{quote(unquote(other[1]))}{heading}")
            return True
        scheme = _SCHEME.match(unquote(link))
        if scheme and scheme[1].lower() in _SCHEMES and scheme[0][:-1] == scheme[1]:
            return True
        accepted = f"accepted are {', '.join(_SCHEMES)}, `/articles/ID` and, to a heading of this article, `#heading`"
        self._refuse(line, block, f"the link to `{link[:80]}` is left out, its text stays; {accepted}")
        return False

    def _picture(self, token: Token, line: int, block: AgentBlock | None) -> Token:
        source = str(token.attrGet("src") or "")
        place = posixpath.normpath(posixpath.join(self._folder, unquote(source)))
        if source and _is_beside(unquote(source)) and not place.startswith(".."):
            token.attrSet("src", quote(place))
            return token
        accepted = "accepted is a path from the article to a file under articles/, such as `images/valve.png`"
        self._refuse(line, block, f"the picture `{source[:80]}` is left out, its description stays; {accepted}")
        return Token("text", "", 0, content=inline_text(Token("inline", "", 0, children=[token])))

    def _refuse(self, line: int, block: AgentBlock | None, message: str) -> None:
        whole = block.line + line if block is not None else self._whole_line(line)  # a block begins behind its marker
        self.refused.append(Refused(whole + 1, message))

    def _whole_line(self, line: int) -> int:
        return bisect_right(self._whole_starts, whole_offset(self._rendering, self._starts[line])) - 1


def _typed(token: Token) -> Iterator[Token]:
    """What a reader sees of a typed tag: a line break, a placeholder such as `<order-id>`, or nothing."""
    text = shown_tag(token.content)
    if text == "\n":
        yield Token("hardbreak", "br", 0)
    elif text:
        yield Token("text", "", 0, content=text)


def _is_beside(source: str) -> bool:
    return not (_SCHEME.match(source) or source.startswith("/") or re.search(r"[\\?#\x00-\x1f]", source))

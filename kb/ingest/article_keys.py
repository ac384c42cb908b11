"""An article's keys that need more than a type: audience, title, actions, what it applies to."""

from __future__ import annotations

from urllib.parse import urlsplit

from kb.ingest.fields import Fields, shown
from kb.ingest.plaintext import inline_text, parse_markdown, plain_text
from kb.model import EVERY, PUBLIC, Action

_TITLE_LENGTH = 60


def read_audience(read: Fields) -> tuple[str, ...]:
    """Who may see the article; everyone where nobody is named."""
    audience = read.texts("audience") or (PUBLIC,)
    for name in audience:
        if name == EVERY or any(character.isspace() or character in ",，、;；" for character in name):
            read.refuse("audience", f"found {shown(name)}; accepted is one name, or a list such as [public, agent]")
    return audience


def default_title(body: str) -> str | None:
    """The plain text of a body's first heading."""
    tokens = parse_markdown(body) if "#" in body or "\n-" in body or "\n=" in body else []
    texts = [inline_text(tokens[index + 1]) for index, token in enumerate(tokens) if token.type == "heading_open"]
    return next((" ".join(text.split()) for text in texts if text), None)


def read_title(read: Fields, public: str, *, from_record: bool) -> str:
    """The title, or the first heading of the public body, or of a record its first line."""
    title = read.text("title") or default_title(public)
    if not title and from_record:
        title = _first_line(public)
    if not title and not read.has("title"):
        read.refuse("title", "missing, and the body has no heading to take it from; give a `title` or start with `# …`")
    return " ".join((title or "").split())


def _first_line(body: str) -> str | None:
    line = next(iter(plain_text(body[: _TITLE_LENGTH * 20]).split("\n")), "")
    if len(line) <= _TITLE_LENGTH:
        return line or None
    start, space, _ = line[:_TITLE_LENGTH].rpartition(" ")
    return f"{start if space and len(start) > _TITLE_LENGTH // 2 else line[:_TITLE_LENGTH]}…"


def read_actions(read: Fields) -> tuple[Action, ...]:
    """The next steps that an answer offers."""
    actions = []
    for item in read.items("actions"):
        if not isinstance(item, dict):
            read.refuse("actions", f"found {shown(item)}; accepted is a mapping with `label` and `link`")
            continue
        line = read.line_of("actions")
        inner = Fields(item, source=read.source, line=line, accepted=("label", "link"), prefix="actions.")
        for key in ("label", "link"):
            inner.require(key, "a string")
        label, link = inner.text("label"), inner.text("link")
        trouble = link and _link_trouble(link)
        if trouble:
            inner.refuse("link", f"found {shown(link)}, {trouble}; accepted are http(s), mailto, tel, a relative path")
        read.adopt(inner)
        actions.append(Action(label or "", link or ""))
    return tuple(actions)


def _link_trouble(link: str) -> str | None:
    """Why a page must not offer a link; browsers forgive much, so anything unusual is trouble."""
    if "\\" in link or any(character.isspace() or not character.isprintable() for character in link):
        return "which holds a space, a backslash or a control character"
    try:
        parts = urlsplit(link)
    except ValueError:
        return "which is no address"
    if parts.scheme in ("http", "https"):
        return None if parts.netloc else "which names no host"
    if parts.scheme in ("mailto", "tel"):
        return None if parts.path else "which is empty"
    outside = parts.scheme or parts.netloc or ":" in link.partition("/")[0] or link.startswith("//")
    return "which leads elsewhere" if outside else None


def read_applies_to(read: Fields) -> tuple[tuple[str, str], ...]:
    """Product, plan, region that the article holds for, sorted by key."""
    mapping = read.mapping("applies_to")
    inner = Fields(mapping, source=read.source, line=read.line_of("applies_to"), accepted=mapping, prefix="applies_to.")
    pairs = [(key.strip(), inner.text(key)) for key in mapping]
    read.adopt(inner)
    return tuple(sorted((key, value) for key, value in pairs if value))

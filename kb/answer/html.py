"""An answer as HTML that a page may put in as it stands: nothing of a document or a question is markup in it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kb.answer.streaming import Told
from kb.model import Action

_SCHEMES = ("https://", "http://", "mailto:", "tel:", "/")


def page(parts: Sequence[Told], actions: Sequence[Action], choices: Sequence[str]) -> str:
    """Sentences with numbered sources, then next steps, or what the answer asks back between."""
    sources = list(dict.fromkeys((p.citation.title, p.citation.url) for p in parts if p.citation))
    numbers = {source: number for number, source in enumerate(sources, 1)}
    blocks = [_block([p for p in parts if p.urgent is urgent], numbers, urgent=urgent) for urgent in (True, False)]
    listed = [
        _list("kb-choices", [f'<button type="button">{escape(choice)}</button>' for choice in choices]),
        _list("kb-actions", [_link(action.label, action.link) for action in actions]),
        _list("kb-sources", [_link(title, url) for title, url in sources], ordered=True),
    ]
    return "".join([*blocks, *listed])


def _block(parts: Sequence[Told], numbers: dict[tuple[str, str | None], int], *, urgent: bool) -> str:
    if not parts:
        return ""
    text = ""
    for number, part in enumerate(parts):
        text += (escape(part.before).replace("\n", "<br>") if number else "") + escape(part.text).replace("\n", "<br>")
        if part.citation:
            text += f"<sup>{numbers[part.citation.title, part.citation.url]}</sup>"
    return f'<p class="kb-urgent" role="alert">{text}</p>' if urgent else f'<p class="kb-answer">{text}</p>'


def _list(name: str, items: Sequence[str], *, ordered: bool = False) -> str:
    tag = "ol" if ordered else "ul"
    inner = "".join(f"<li>{item}</li>" for item in items)
    return f'<{tag} class="{name}">{inner}</{tag}>' if items else ""


def _link(label: str, url: str | None) -> str:
    """A link where it leads to somewhere that a page may lead to, else its label."""
    if url is None or not url.lower().startswith(_SCHEMES) or url.startswith("//"):
        return escape(label)
    return f'<a href="{escape(url)}">{escape(label)}</a>'

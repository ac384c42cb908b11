"""The sentence that an answer quotes, marked in the page of its article."""

from __future__ import annotations

import re

from kb.ingest.markup import markup

MARK = "cited"
"""The id of the marked sentence."""
_BEGIN, _END = "\ue000", "\ue001"  # of the private use area: no author types these
_LEFT = re.compile(f"[{_BEGIN}{_END}]|%EE%80%8[01]")
_TAG = re.compile(r'(<[^>"]*(?:"[^"]*"[^>"]*)*>)')


def article_html(body: str, path: str, language: str, *, agents: bool, span: tuple[int, int] | None = None) -> str:
    """The HTML of a body; what stands at `span`, in code points of it, is marked, the first of it with the id `cited`.

    Nothing is marked where the span lies outside, or begins or ends within something that is no text.
    """
    body = _LEFT.sub("", body) if span is None else body
    plain = markup(body, path=path, language=language, agents=agents).html
    if span is None or not 0 <= span[0] < span[1] <= len(body) or _LEFT.search(body):
        return plain
    start, end = span
    framed = f"{body[:start]}{_BEGIN}{body[start:end]}{_END}{body[end:]}"
    html = markup(framed, path=path, language=language, agents=agents).html
    marked = _marked(html)
    return marked if _LEFT.sub("", html) == plain else plain


def _marked(html: str) -> str:
    """Every run of text between the two signs within a mark of its own, so that no tag is crossed."""
    made, inside, first = list[str](), False, True
    for piece in _TAG.split(html):
        if piece.startswith("<") and not (inside and piece.startswith("<img")):
            made.append(_LEFT.sub("", piece))
            continue
        for part in re.split(f"([{_BEGIN}{_END}])", piece):
            if part in (_BEGIN, _END):
                inside = part == _BEGIN
            elif inside and part.strip():
                made.append(f'<mark id="{MARK}">{part}</mark>' if first else f"<mark>{part}</mark>")
                first = False
            else:
                made.append(part)
    return "".join(made)

"""Citations: the exact span of a document that a sentence of an answer comes from."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote as url_quote

from kb.errors import CitationError


@dataclass(frozen=True, slots=True)
class Citation:
    """`quote == body[start:end]` of that revision's body; offsets count Unicode code points.

    For a caller who may not see a document's `::: agent` blocks, the body is its public rendering.
    """

    document_id: str
    revision: int
    title: str
    heading: tuple[str, ...]
    start: int
    end: int
    quote: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a text, `text[start:end]`, and which of the citations it comes from; None where it says no fact.

    What lies between two statements is white space.
    """

    start: int
    end: int
    citation: int | None = None


def cite(
    body: str,
    start: int,
    end: int,
    *,
    document_id: str,
    revision: int,
    title: str,
    heading: tuple[str, ...],
    url: str | None,
) -> Citation:
    """A citation of `body[start:end]`. Raises CitationError where the span is empty or outside the body."""
    if not 0 <= start < end <= len(body):
        raise CitationError(f"{document_id} revision {revision}: no span {start}:{end} in {len(body)} characters")
    return Citation(document_id, revision, title, heading, start, end, body[start:end], url)


def document_url(document_id: str, kind: str) -> str | None:
    """The page of an article, relative to the service; tickets have none."""
    return f"/articles/{url_quote(document_id)}" if kind == "article" else None

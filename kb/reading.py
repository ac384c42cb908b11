"""A document as an agent reads it on a call: at the passage that was found, and what may be copied out of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kb import library
from kb.errors import NotShown
from kb.ingest.plaintext import parse_markdown, plain_text
from kb.ingest.rendering import Rendering, find_agent_blocks, public_rendering, whole_offset
from kb.knowledge import KnowledgeBase
from kb.model import PUBLIC, Article, StoredPassage, Ticket

INTERNAL = "[INTERNAL]"
"""Before every paragraph for agents in a text that is copied for colleagues."""
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """One revision of a document; `public` where anybody may read it without its `::: agent` blocks.

    `spans` are places of the passage in the whole body, the widest first: all of it, then its sentences. `changed_at`
    is when the revision went live, in ISO 8601.
    """

    document_id: str
    revision: int
    document: Article | Ticket
    public: bool
    spans: tuple[Span, ...]
    changed_at: str


@dataclass(frozen=True, slots=True)
class Clipping:
    """Plain text to be pasted elsewhere; `part` is how much of the document it is, `heading` where it stands there."""

    title: str
    heading: tuple[str, ...]
    part: Literal["section", "article", "note", "ticket"]
    text: str
    url: str | None
    """Its page, relative to the service."""


def read(kb: KnowledgeBase, document_id: str, audiences: Collection[str], passage_id: str | None = None) -> Reading:
    """What these audiences, agents' among them, may read now. Raises NotShown."""
    revision = library.live_revision(kb, document_id, audiences)
    if revision is None:
        revision = library.live_revision(kb, document_id, audiences, "ticket")
    if revision is None:
        raise NotShown("there is no such article or ticket that you may read: check its id")
    document = kb.reader.document(document_id, revision)
    found = _passage(kb, document_id, revision, passage_id)
    spans = () if found is None or isinstance(document, Ticket) else tuple(_spans(document.body, found))
    public = library.live_revision(kb, document_id, {PUBLIC}) == revision
    return Reading(document_id, revision, document, public, spans, kb.reader.changed_at(document_id, revision))


def for_customers(kb: KnowledgeBase, document_id: str, passage_id: str | None = None) -> Clipping | None:
    """What anybody may read of it: the passage's section, or the article where that is not public or none is named.

    None where nothing of the document is public. It is made of the public rendering alone.
    """
    try:
        shown = library.article(kb, document_id, {PUBLIC})
    except NotShown:
        return None
    passages = kb.reader.passages_of(document_id, shown.revision)
    section = _section([p for p in passages if not p.internal and PUBLIC in p.audience], passage_id)
    part, body = _part(shown.body, section)
    heading = section[0].heading[1:] if section else ()
    return Clipping(shown.title, heading, part, plain_text(body, _references(shown.body)), shown.url)


def for_colleagues(
    kb: KnowledgeBase, document_id: str, audiences: Collection[str], passage_id: str | None = None
) -> Clipping:
    """The same part as these audiences read it, notes for agents marked; or the note that was found.

    Raises NotShown.
    """
    reading = read(kb, document_id, audiences, passage_id)
    document = reading.document
    if isinstance(document, Ticket):
        text = "\n\n".join(part for part in (document.problem, document.resolution) if part)
        return Clipping(document.subject, (), "ticket", text, None)
    url = library.document_url(document_id, "article")
    passages = kb.reader.passages_of(document_id, reading.revision)
    if noted := _section([p for p in passages if p.internal], passage_id):
        body = document.body[noted[0].start : noted[-1].end]
        text = _marked(plain_text(body, _references(document.body)))
        return Clipping(document.title, noted[0].heading[1:], "note", text, url)
    section = _section([p for p in passages if not p.internal], passage_id)
    rendering = public_rendering(document.body)
    span = (whole_offset(rendering, section[0].start), _end(rendering, section[-1])) if section else None
    body = document.body[slice(*span)] if span else document.body
    heading = section[0].heading[1:] if section else ()
    text = "\n".join(_with_notes(body, _references(document.body)))
    return Clipping(document.title, heading, "section" if section else "article", text, url)


def _passage(kb: KnowledgeBase, document_id: str, revision: int, passage_id: str | None) -> StoredPassage | None:
    return next((p for p in kb.reader.passages_of(document_id, revision) if p.name == passage_id), None)


def _spans(body: str, passage: StoredPassage) -> Iterator[Span]:
    rendering = Rendering(body, ()) if passage.internal else public_rendering(body)
    inner = [(passage.start + start, passage.start + end) for start, end in passage.sentences]
    for start, end in ((passage.start, passage.end), *inner):
        yield whole_offset(rendering, start), whole_offset(rendering, end - 1) + 1


def _section(passages: list[StoredPassage], passage_id: str | None) -> list[StoredPassage]:
    """The passages of the section that a passage stands in; none where it is not among them."""
    found = next((p for p in passages if p.name == passage_id), None)
    if found is None:
        return []
    texts = [p for p in passages if p.role == "text"]
    at = next((n for n, p in enumerate(texts) if (p.start, p.end) == (found.start, found.end)), None)
    if at is None:
        return [found]
    first = last = at
    while first and texts[first - 1].heading == found.heading:
        first -= 1
    while last + 1 < len(texts) and texts[last + 1].heading == found.heading:
        last += 1
    return texts[first : last + 1]


def _part(body: str, section: list[StoredPassage]) -> tuple[Literal["section", "article"], str]:
    return ("section", body[section[0].start : section[-1].end]) if section else ("article", body)


def _end(rendering: Rendering, last: StoredPassage) -> int:
    return whole_offset(rendering, last.end - 1) + 1


def _with_notes(body: str, references: dict[str, Any]) -> Iterator[str]:
    """The plain text of a stretch of a whole body, its blocks for agents marked."""
    at = 0
    for block in find_agent_blocks(body).blocks:
        yield plain_text(body[at : block.start], references)
        yield _marked(plain_text(body[block.inner_start : block.inner_end], references))
        at = block.end
    yield plain_text(body[at:], references)


def _marked(text: str) -> str:
    return "\n".join(f"{INTERNAL} {line}" for line in text.split("\n"))


def _references(body: str) -> dict[str, Any]:
    """The link definitions of a body, which its parts may use."""
    references: dict[str, Any] = {}
    parse_markdown(body, references)
    return references

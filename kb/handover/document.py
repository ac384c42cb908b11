"""The hand-over document: what whoever takes over needs to know, without personal data."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from kb.errors import KbError
from kb.handover.rules import wants_human
from kb.journal import Journal, Origin
from kb.knowledge import KnowledgeBase
from kb.model import AGENT, PUBLIC, Article
from kb.results import Answer, Ask, Hit, SearchResult

VERSION = 1
_SUGGESTED = 3
_EXCERPT = 600
_PRESSING = {"self_harm": "emergency", "bereavement": "high", "legal": "high", "anger": "high"}


@dataclass(frozen=True, slots=True)
class Said:
    """One turn: by the `customer` or the `bot`; `at` is in seconds since 1970; `ours` where it is an answer of ours."""

    speaker: str
    text: str
    at: float | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, oldest first, by whom and where; `told` are the answers that were given in it.

    `refusals` and `minutes` are None where nobody knows them, since the caller keeps the turns.
    """

    said: tuple[Said, ...]
    origin: Origin
    id: str = ""
    language: str = "en"
    audiences: frozenset[str] = frozenset({PUBLIC})
    told: tuple[Answer, ...] = ()
    product: str | None = None
    context: dict[str, str] = field(default_factory=dict)
    refusals: int | None = None
    minutes: float | None = None


def documented(id_: str, reason: str, talk: Conversation, kb: KnowledgeBase | None, journal: Journal) -> dict[str, Any]:
    """The document, redacted. A knowledge base that cannot search leaves out what it would have found."""
    return {
        "version": VERSION,
        "kind": "handover",
        "id": id_,
        "reason": reason,
        "urgency": _PRESSING.get(reason, "normal"),
        "at": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        "channel": journal.channel(talk.origin),
        "conversation_id": talk.id,
        "language": talk.language,
        "customer": journal.customer(talk.origin),
        "product": talk.product and journal.redacted(talk.product),
        "context": {name: journal.redacted(value) for name, value in talk.context.items()},
        "turns": sum(turn.speaker == "customer" for turn in talk.said),
        "minutes": None if talk.minutes is None else round(talk.minutes, 1),
        "refusals": talk.refusals,
        "transcript": _transcript(talk.said, journal),
        "cited": [_cited(answer) for answer in talk.told if answer.citations or answer.options],
        **_searched(talk, kb, journal),
    }


def envelope_of(talk: Conversation) -> bytes:
    """What must not lie open: every word, and who it was."""
    said = [{"speaker": turn.speaker, "text": turn.text, "at": turn.at} for turn in talk.said]
    return msgspec.json.encode({"transcript": said, "customer_ref": talk.origin.customer})


def question_of(said: Sequence[Said]) -> str | None:
    """What it is about: the last thing a customer said that was more than the wish for a person."""
    own = [turn.text for turn in said if turn.speaker == "customer"]
    return next((text for text in reversed(own) if wants_human(text) is None), None)


def _transcript(said: Sequence[Said], journal: Journal) -> list[dict[str, Any]]:
    """Our own answers are from articles and are kept as they were; what else a bot said may repeat its customer."""
    redacted = iter(journal.turns([turn.text for turn in said if turn.speaker == "customer"]))
    texts = [
        next(redacted) if turn.speaker == "customer" else turn.text if turn.ours else journal.redacted(turn.text)
        for turn in said
    ]
    return [{"speaker": turn.speaker, "text": text, "at": turn.at} for turn, text in zip(said, texts, strict=True)]


def _cited(answer: Answer) -> dict[str, Any]:
    named = {c.document_id: {"document_id": c.document_id, "title": c.title, "url": c.url} for c in answer.citations}
    return {
        "answer_id": answer.answer_id,
        "confidence": answer.confidence,
        "articles": list(named.values()),
        "offered": [option.document_id for option in answer.options],
    }


def categories_of(kb: KnowledgeBase, seen: Iterable[tuple[str, int]]) -> list[str]:
    """The categories of articles, each named by its id and revision, of those that have one."""
    found = set()
    for id_, revision in dict.fromkeys(seen):
        with suppress(KeyError):  # erased since
            each = kb.reader.document(id_, revision)
            found.add(each.category if isinstance(each, Article) else None)
    return sorted(filter(None, found))


def _seen(talk: Conversation) -> list[tuple[str, int]]:
    return [(c.document_id, c.revision) for answer in talk.told for c in answer.citations]


def _searched(talk: Conversation, kb: KnowledgeBase | None, journal: Journal) -> dict[str, Any]:
    """What the customer could have been shown, and what an agent may look at next; none of it is looked for twice."""
    none: dict[str, Any] = {"searched": None, "shown": [], "suggested": [], "categories": []}
    question = question_of(talk.said)
    if kb is None or question is None:
        return none
    ask = Ask(question, (), talk.audiences, speaks=talk.language, product=talk.product)
    try:
        theirs = kb.search(ask, _SUGGESTED, explain=True)
        agents = kb.search(Ask(question, (), talk.audiences | {PUBLIC, AGENT}, speaks=talk.language), _SUGGESTED)
        seen = [*_seen(talk), *((hit.document_id, hit.revision) for hit in theirs.hits)]
        categories = categories_of(kb, seen)
    except KbError:
        return none
    meant = theirs.explain.meant if theirs.explain else question
    return {
        "searched": {
            "question": journal.redacted(question),
            "meant": journal.redacted(meant),
            "best_confidence": max((hit.confidence for hit in theirs.hits), default=0.0),
            "threshold": theirs.explain.threshold if theirs.explain else None,
        },
        "shown": [_named(hit) for hit in theirs.hits],
        "suggested": _suggested(agents),
        "categories": categories,
    }


def _suggested(found: SearchResult) -> list[dict[str, Any]]:
    best = sorted([*found.hits, *found.tickets], key=lambda hit: -hit.confidence)[:_SUGGESTED]
    return [
        _named(hit)
        | {"passage_id": hit.passage_id, "text": hit.text[:_EXCERPT], "internal": PUBLIC not in hit.audience}
        for hit in best
    ]


def _named(hit: Hit) -> dict[str, Any]:
    return {"document_id": hit.document_id, "title": hit.title, "url": hit.url, "confidence": hit.confidence}

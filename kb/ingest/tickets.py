"""Tickets: an import record becomes a redacted case, or is skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from kb.ingest.fields import Fields, shown, withheld
from kb.ingest.language import detect_language
from kb.ingest.redaction import Known, Redactor
from kb.ingest.replies import newly_written
from kb.model import Problem, Ticket

KEYS = (
    "id",
    "subject",
    "status",
    "messages",
    "resolution",
    "product",
    "language",
    "tags",
    "closed_at",
    "customer",
    "customer_ref",
)
_PRIVATE = ("subject", "messages", "resolution", "tags", "customer", "customer_ref")
_AUTHORS = ("customer", "agent", "system")
_RESOLVED = ("solved", "closed")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sound record that is no knowledge, and why."""

    id: str
    reason: str


def ticket_from_mapping(
    mapping: Mapping[str, Any],
    *,
    source: str,
    line: int | None,
    timezone: tzinfo,
    redactor: Redactor,
    hashed: Callable[[str], str],
) -> tuple[Ticket | Skipped | None, list[Problem]]:
    """The redacted ticket of an import record, or why it is skipped; None with the problems of a malformed one.

    Of the reference to its customer only what `hashed` makes of it is kept.
    """
    read = Fields(mapping, source=source, line=line, accepted=KEYS, private=_PRIVATE)
    for key in ("id", "subject", "status"):
        read.require(key, "a string")
    if "messages" not in mapping:
        read.require("messages", "a list of {author, text, at}")
    identifier, subject, status = read.identifier("id"), read.text("subject"), read.text("status")
    said = _messages(read, timezone)
    problem, advice = ("\n\n".join(filter(None, map(newly_written, said[who]))) for who in ("customer", "agent"))
    resolution = newly_written(read.text("resolution") or "")
    closed_at, product = read.moment("closed_at", timezone), read.text("product")
    known, tags, language = _known(read), read.texts("tags"), read.language("language")
    reference = read.text("customer_ref")
    if read.problems or identifier is None or subject is None or status is None:
        return None, read.problems
    if status.lower() not in _RESOLVED:
        return Skipped(identifier, f"status is {shown(status)}, not solved or closed"), []
    if not resolution:
        return Skipped(identifier, "it has no resolution"), []

    def redact(text: str) -> str:
        return redactor.redact(text, known).text

    return Ticket(
        id=identifier,
        subject=redact(subject),
        problem=redact(problem),
        resolution=redact(resolution),
        language=language or detect_language(f"{subject}\n{problem}\n{resolution}"),
        product=product,
        tags=tuple(dict.fromkeys(map(redact, tags))),
        closed_at=closed_at,
        customer=hashed(reference) if reference else None,
        advice=redact(advice),
    ), []


def _messages(read: Fields, timezone: tzinfo) -> dict[str, list[str]]:
    """What each author wrote, message by message."""
    texts: dict[str, list[str]] = {author: [] for author in _AUTHORS}
    for number, item in enumerate(read.items("messages"), start=1):
        if not isinstance(item, dict):
            read.refuse("messages", f"number {number} is {withheld(item)}; accepted is a mapping of author, text, at")
            continue
        keys, prefix = ("author", "text", "at"), f"messages[{number}]."
        inner = Fields(item, source=read.source, line=read.line, accepted=keys, prefix=prefix, private=keys)
        inner.require("author", ", ".join(_AUTHORS))
        if "text" not in item:
            inner.require("text", "a string")
        author = inner.choice("author", _AUTHORS, "")
        text = inner.text("text")
        inner.moment("at", timezone)
        read.adopt(inner)
        if author and text:
            texts[author].append(text)
    return texts


def _known(read: Fields) -> Known:
    """The customer's own data, so that they are found wherever they stand."""
    keys, values = ("name", "email", "phone"), read.mapping("customer")
    inner = Fields(values, source=read.source, line=read.line, accepted=keys, prefix="customer.", private=keys)
    name, email, phone = (tuple(filter(None, [inner.text(key)])) for key in keys)
    read.adopt(inner)
    return Known(names=name, emails=email, phones=phone, addresses=())

"""Tickets, comments and users as Zendesk exports and sends them, joined into import records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kb.ingest.mapping import plain, without_html

PREFIX = "zendesk-"
_AGENTS = ("agent", "admin")


def is_zendesk(found: Any) -> bool:
    """Whether a document looks like Zendesk's: a ticket, or tickets, of a requester."""
    if not isinstance(found, dict):
        return False
    items = found.get("tickets", [found.get("ticket", found)])
    return bool(isinstance(items, list) and items and isinstance(items[0], dict) and "requester_id" in items[0])


def tickets_of(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of one document: `tickets` (or one `ticket`), with `comments` and `users` within or beside."""
    items = found.get("tickets", [found.get("ticket", found)])
    yield from joined(items, _list(found.get("comments")), _list(found.get("users")))


def joined(tickets: Iterable[Any], comments: Iterable[Any], users: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Records of tickets, whose comments and people are looked up by id."""
    people = {user["id"]: user for user in users if isinstance(user, dict) and "id" in user}
    said = defaultdict(list)
    for comment in comments:
        if isinstance(comment, dict):
            said[comment.get("ticket_id")].append(comment)
    for ticket in tickets:
        if not isinstance(ticket, dict):
            yield {"kind": "ticket"}
            continue
        yield _record(ticket, [*_list(ticket.get("comments")), *said[ticket.get("id")]], people)


def _record(ticket: Mapping[str, Any], comments: list[Any], people: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    requester = ticket.get("requester_id")
    person = ticket.get("requester") if isinstance(ticket.get("requester"), dict) else people.get(requester, {})
    messages, solved = [], ""
    for comment in comments:
        text, author = _text(comment), _author(comment, requester, people)
        if not text or comment.get("public") is False:
            continue
        messages.append({"author": author, "text": text})
        solved = text if author == "agent" else solved
    if ticket.get("description") and not any(m["author"] == "customer" for m in messages):
        messages.insert(0, {"author": "customer", "text": plain(ticket["description"])})
    record: dict[str, Any] = {
        "kind": "ticket",
        "id": PREFIX + plain(ticket["id"]) if plain(ticket.get("id")) else "",
        "subject": plain(ticket.get("subject"))
        or plain(ticket.get("raw_subject"))
        or plain(ticket.get("description"))[:200],
        "status": plain(ticket.get("status")).lower(),
        "messages": messages,
        "resolution": solved,
        "tags": [plain(tag) for tag in _list(ticket.get("tags"))],
        "closed_at": plain(ticket.get("solved_at") or ticket.get("updated_at")),
        "customer": {key: plain(person.get(key)) for key in ("name", "email", "phone") if person and person.get(key)},
        "customer_ref": plain(requester),
    }
    return {key: value for key, value in record.items() if value or key == "messages"}


def _text(comment: Any) -> str:
    if not isinstance(comment, dict):
        return ""
    written = plain(comment.get("plain_body") or comment.get("body"))
    return written or without_html(plain(comment.get("html_body")))


def _author(comment: Mapping[str, Any], requester: Any, people: Mapping[Any, Mapping[str, Any]]) -> str:
    author = comment.get("author_id")
    if author == requester:
        return "customer"
    role = people.get(author, {}).get("role")
    if role not in (None, *_AGENTS):
        return "customer"
    return "system" if isinstance(author, int) and author < 0 else "agent"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

"""What may become an article: handed in by an importer or made of tickets, and published by nobody but an editor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a proposal shows: its name beside the article's file, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """A whole article file (front matter and body) with the id it asks for.

    `origin` says who made it ("import faq.xlsx", "tickets"); `tickets` are the ids of those it was made of.
    """

    id: str
    text: str
    origin: str
    tickets: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()


class Proposals(Protocol):
    """Where proposals go: each becomes a draft that waits for an editor."""

    def propose(self, proposal: Proposal) -> str:
        """The id of the draft, another than asked for where that is taken. Raises ArticleError for a malformed text."""

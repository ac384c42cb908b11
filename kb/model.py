"""The values that travel between the stages: frozen, and ignorant of files, databases and models.

Times are aware datetimes in UTC. Offsets are Unicode code points, half open, into a document's body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Kind = Literal["article", "ticket"]
Status = Literal["draft", "published", "retired"]

PUBLIC = "public"
AGENT = "agent"
EVERY = "*"
"""Held by who may see every audience, whatever its name; no article and no group may be named so."""


def audiences_of(names: Sequence[str]) -> frozenset[str]:
    """What a shell acting as these roles or groups may see: everyone holds `public`, an editor or admin everything."""
    held = {PUBLIC, *names}
    return frozenset(held | {AGENT, EVERY} if held & {"editor", "admin"} else held)


@dataclass(frozen=True, slots=True)
class Action:
    """A next step that an answer offers, such as a return form."""

    label: str
    link: str


@dataclass(frozen=True, slots=True)
class Article:
    """A piece of knowledge that an editor wrote.

    `body` is what follows the front matter, with `\\n` line ends and no other normalisation.
    `language` is a BCP 47 tag (`zh`, `zh-Hant`, `en`); bare `zh` may be either script.
    """

    id: str
    title: str
    body: str
    language: str
    audience: tuple[str, ...] = (PUBLIC,)
    status: Status = "published"
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    review_by: datetime | None = None
    owner: str | None = None
    product: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    urgent: bool = False
    questions: tuple[str, ...] = ()
    not_questions: tuple[str, ...] = ()
    answer: str | None = None
    actions: tuple[Action, ...] = ()
    applies_to: tuple[tuple[str, str], ...] = ()
    translation_of: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A resolved case, already redacted: `problem` is what the customer said, `resolution` what solved it.

    `advice` is what agents wrote to the customer: read by who makes an article of it, and never searched.
    """

    id: str
    subject: str
    problem: str
    resolution: str
    language: str
    product: str | None = None
    tags: tuple[str, ...] = ()
    closed_at: datetime | None = None
    customer: str | None = None
    """Whose case it was: a keyed hash of the reference to them."""
    advice: str = ""


Document = Article | Ticket


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one document, small enough to embed and to read at a glance.

    `body[start:end] == text`, where `body` is the public rendering of the document for a passage of the
    public rendering, and the whole body for an `::: agent` block (`internal`).
    `embedded` is what the model and the keyword index see: the heading path, then the plain text.
    A `question` passage is one of an article's curated `questions`: it is searched, and stands for the
    article's first passage, whose span it carries.
    """

    ordinal: int
    role: Literal["text", "question"]
    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    embedded: str
    internal: bool = False
    sentences: tuple[tuple[int, int], ...] = ()
    """Where its sentences are in `text`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One malformed source: where it is, what was found, and what is accepted."""

    source: str
    line: int | None
    field: str | None
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


def is_valid_at(valid_from: datetime | None, valid_to: datetime | None, now: datetime) -> bool:
    """Whether `now` lies in the half-open window `[valid_from, valid_to)`; a missing end is open."""
    return (valid_from is None or valid_from <= now) and (valid_to is None or now < valid_to)


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Access:
    """Who finds a passage and when: what retrieval filters by, before the cut.

    Visible from change `added` up to, not including, change `removed`; times are seconds since 1970. `family` is the
    id of the article that this one translates, else its own.
    """

    id: int
    document_id: str
    kind: Kind
    audience: tuple[str, ...]
    valid_from: float | None
    valid_to: float | None
    language: str
    product: str | None
    tags: tuple[str, ...]
    role: str
    added: int
    removed: int | None
    family: str


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as the store holds it, by row id."""

    id: int
    document_id: str
    revision: int
    kind: Kind
    ordinal: int
    role: str
    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    embedded: str
    internal: bool
    audience: tuple[str, ...]
    language: str
    sentences: tuple[tuple[int, int], ...] = ()

    @property
    def name(self) -> str:
        """What callers know it by: the same after every rebuild, and silent on what else is stored."""
        return f"{self.document_id}@{self.revision}#{self.ordinal}"

"""What is asked and what comes back: values that the shell and the service hand on as they are."""

from __future__ import annotations

from dataclasses import dataclass

from kb.answer.citations import Citation
from kb.model import PUBLIC, Action, Kind


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that may answer; `score` is the fused one (higher is better), `confidence` a probability.

    `highlights` are `(start, end)` code points of `text` where the question's words stand.
    """

    passage_id: str
    document_id: str
    kind: Kind
    revision: int
    title: str
    heading: tuple[str, ...]
    url: str | None
    text: str
    highlights: tuple[tuple[int, int], ...]
    score: float
    confidence: float
    audience: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Two lanes, each ranked; tickets never push an article down."""

    query_id: str
    hits: tuple[Hit, ...]
    tickets: tuple[Hit, ...]
    took_ms: float


@dataclass(frozen=True, slots=True)
class Option:
    """A product that the question may mean: its article's title, its `product`, and that article."""

    label: str
    product: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A short cited answer (`answered`), or an honest refusal with its reason (`abstained`).

    With the reason `which_product` the text asks back, and `options` says between what.
    """

    answer_id: str
    outcome: str
    text: str
    citations: tuple[Citation, ...]
    actions: tuple[Action, ...]
    confidence: float
    reason: str | None = None
    handover: None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, what was said before it, and what the asker may see.

    `speaks` is the asker's language (default: that of the question); the others narrow what is searched.
    """

    question: str
    conversation: tuple[str, ...] = ()
    audiences: frozenset[str] = frozenset({PUBLIC})
    speaks: str | None = None
    product: str | None = None
    language: str | None = None
    tag: str | None = None

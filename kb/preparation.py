"""Documents made ready for publication, some hundred at a time: split into passages, whose vectors are kept at once.

The vectors are invisible until a passage with their text is; vectors already made are not made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from sqlite_utils import Database

from kb.ingest.language import detect_language
from kb.ingest.passages import split_article, split_ticket
from kb.model import AGENT, Article, Document, Passage, Ticket
from kb.progress import Progress
from kb.search.embedding import Embedder, ModelSpec
from kb.search.tokens import Tokens
from kb.store import database, passages, vectors
from kb.store.documents import DocumentState
from kb.store.passages import Terms

BUDGET = 256
"""Tokens of one passage, heading path included; fewer where the model takes fewer."""
SPLITTER = 2
"""Raised when the same document would be split otherwise; every passage is then made anew."""
PUBLISHED = "published"
_BATCH = 64  # passages
_CHUNK = 500  # documents
_MONTH = timedelta(days=365.25 / 12)


@dataclass(frozen=True, slots=True)
class Work:
    """A document, what the store is to say of it, and its passages."""

    document: Document
    state: DocumentState
    passages: tuple[Passage, ...] = ()


class Splitter:
    """Splits documents for one model."""

    def __init__(self, spec: ModelSpec) -> None:
        self.tokens = Tokens(spec)

    def passages_of(self, document: Document) -> tuple[Passage, ...]:
        """The passages of a document that is published. Raises ModelMissing."""
        budget = min(BUDGET, self.tokens.room())
        if isinstance(document, Article):
            return split_article(document, count_tokens=self.tokens.count, budget=budget)
        return split_ticket(document, count_tokens=self.tokens.count, budget=budget)


class Preparation:
    """Splits and embeds with one model. `embedded` counts the vectors that were made."""

    def __init__(self, db: Database, embedder: Embedder, ticket_months: int) -> None:
        self._db, self._embedder, self._months = db, embedder, ticket_months
        self._fingerprint, self._splitter = embedder.spec.fingerprint, Splitter(embedder.spec)
        self.embedded = 0

    def split_key(self, document: Document) -> str:
        """Names how a document's passages are made: by which rules, for which model, and how long they are valid."""
        return self._article_key() if isinstance(document, Article) else f"{self._article_key()}:{self._months}"

    @property
    def split_keys(self) -> tuple[str, str]:
        """Of articles and of tickets; passages with any other were made for another model or by other rules."""
        return self._article_key(), f"{self._article_key()}:{self._months}"

    def ready(self, work: Iterable[Work], total: int, progress: Progress) -> Iterator[Work]:
        """Each document with its passages, all of whose vectors are stored; `total` is about how many there are."""
        rest, done = iter(work), 0
        while chunk := list(islice(rest, _CHUNK)):
            split = list(self._split(chunk, done, max(total, done + len(chunk)), progress))
            self._embed(split, progress)
            done += len(chunk)
            yield from split

    def warm(self) -> None:
        """Loads the language detector, the tokenizer and the model."""
        detect_language("warm")
        self._splitter.tokens.count("")
        self._embedder.warm()

    def _article_key(self) -> str:
        return f"{SPLITTER}:{self._fingerprint}"

    def _split(self, work: Sequence[Work], before: int, total: int, progress: Progress) -> Iterator[Work]:
        for done, item in enumerate(work, before + 1):
            made = self._splitter.passages_of(item.document) if item.state.status == PUBLISHED else ()
            progress("Splitting", done, total)
            yield replace(item, passages=made)

    def _embed(self, work: Iterable[Work], progress: Progress) -> None:
        """Makes the vectors that are missing, and keeps each batch at once."""
        texts = {passages.text_hash(p.embedded): p.embedded for w in work for p in w.passages}
        missing = list(vectors.missing(self._db, self._fingerprint, texts))
        tokens = dict(zip(missing, self._splitter.tokens.counts([texts[key] for key in missing]), strict=True))
        missing.sort(key=lambda key: (tokens[key], key))  # those of a batch are padded to its longest
        known = self.embedded + len(missing)
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            made = self._embedder.passages([texts[key] for key in batch])
            with database.transaction(self._db):
                vectors.keep(self._db, self._fingerprint, batch, made)
            self.embedded += len(batch)
            progress("Embedding", self.embedded, known)


def terms_of(document: Document, ticket_months: int) -> Terms:
    """Who finds a document's passages, and when."""
    if isinstance(document, Ticket):
        ends = document.closed_at and document.closed_at + ticket_months * _MONTH
        audience = (AGENT,)
        return Terms(
            "ticket", audience, audience, None, _seconds(ends), document.language, document.product, document.tags,
            document.id,
        )  # fmt: skip
    return Terms(
        "article", document.audience, (AGENT,), _seconds(document.valid_from), _seconds(document.valid_to),
        document.language, document.product, document.tags, document.translation_of or document.id,
    )  # fmt: skip


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()

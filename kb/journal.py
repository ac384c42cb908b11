"""The journal of a home: what was asked, what was told and shown, and what people made of it; without personal data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from typing import TypeVar

import msgspec
from sqlite_utils import Database

from kb.accounts import AnswerAccount, SearchAccount
from kb.config import Paths, Settings
from kb.customers import Customers
from kb.ingest.redaction import LEAD, Redactor
from kb.results import Answer, Ask, Hit
from kb.store import answers, searches
from kb.store.answers import KeptAnswer
from kb.store.group_commit import GroupCommit, Write
from kb.store.journal import open_journal
from kb.store.searches import KeptSearch
from kb.store.signals import Shown

T = TypeVar("T")
TURNS, CHARACTERS = 10, 2_000
"""Of a conversation the last turns are kept, and of each the last characters: as many as an answer depends on."""
_BEFORE = 400  # characters before those, redacted with them: what is cut within a number would be taken for none
_LONG = 300  # characters of a question, above which its asker's own thread redacts it, lest others wait for that
_NAME = 200  # characters of a channel or filter
_REMEMBERED = 4_096  # texts: the turns of a conversation come again with each of its questions
VERSION = version("kb")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks and whence: the caller's id, the channel as they name it, and their reference to a customer."""

    caller: str = ""
    channel: str | None = None
    customer: str | None = None


class Journal:
    """Writes what is asked; one for each process, safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._group = GroupCommit(paths.journal, open_journal)
        self._customers = Customers(paths.customer_key)
        redactor = Redactor(keep=settings.keep)
        self.redacted = lru_cache(_REMEMBERED)(lambda text: redactor.redact(text).text)

    @property
    def lost(self) -> int:
        """How many searches could not be written down since this process began."""
        return self._group.lost

    @property
    def queued(self) -> int:
        """How many records wait to be written."""
        return self._group.queued

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None where it can."""
        return self._group.trouble

    def note_search(self, account: SearchAccount, ask: Ask, origin: Origin) -> None:
        """Returns at once; the search is redacted and written by and by."""
        at = time.time()
        if len(ask.question) > _LONG:
            self.redacted(ask.question)
        self._group.note(lambda: _adding(self._kept_search(account, ask, origin, at)))

    def keep_answer(self, account: AnswerAccount, ask: Ask, origin: Origin, also: Write[None] | None = None) -> None:
        """Returns once an answer is committed, and what `also` writes. Raises StoreError where they are not.

        Then nobody may be told it.

        It is redacted here, in its asker's thread: a long conversation keeps nobody else waiting.
        """
        row = self._kept_answer(account, ask, origin, time.time())

        def write(db: Database) -> None:
            answers.add(db, row)
            if also is not None:
                also(db)

        self._group.keep(write)

    def keep(self, write: Write[T], *, settled: bool = True) -> T:
        """What `write` gives, once it is committed, and where `settled` on the disk.

        Raises what it raises, StoreError.
        """
        return self._group.keep(write, settled=settled)

    def customer(self, origin: Origin) -> str | None:
        """The keyed hash of the customer that is referred to."""
        return self._customers.hash(origin.customer) if origin.customer and origin.customer.strip() else None

    def channel(self, origin: Origin) -> str | None:
        """The channel's name, redacted: it is whatever a caller writes."""
        return origin.channel and self.redacted(origin.channel[:_NAME])

    def turns(self, texts: Sequence[str]) -> list[str]:
        """What one customer said, redacted, each read with the end of the one before."""
        return [self.redacted_after(before, turn) for before, turn in pairwise(["", *texts])]

    def close(self) -> None:
        """Writes what waits and takes no more."""
        self._group.close()

    def said(self, ask: Ask) -> list[str]:
        """The last turns and the question, redacted, each read with the end of the one before: 我叫 · 王小明."""
        turns = ["", *(turn[-CHARACTERS - _BEFORE :] for turn in ask.conversation[-TURNS:]), ask.question]
        said = [self.redacted_after(before, turn) for before, turn in pairwise(turns)]
        return [turn if len(turn) <= CHARACTERS else turn[-CHARACTERS:] for turn in said]

    def redacted_after(self, before: str, turn: str) -> str:
        """A turn, redacted as what follows the one before it."""
        if not before:
            return self.redacted(turn)
        end = " ".join(before[-LEAD:].split())
        both = self.redacted(f"{end}\n{turn}")
        return both.partition("\n")[2] or both

    def _kept_search(self, account: SearchAccount, ask: Ask, origin: Origin, at: float) -> KeptSearch:
        result, put_to = account.result, account.circumstances
        filters = {"product": ask.product, "language": ask.language, "tag": ask.tag}
        return KeptSearch(
            query_id=result.query_id,
            at=at,
            caller=origin.caller,
            channel=self.channel(origin),
            customer=self.customer(origin),
            question=self.redacted(ask.question),
            language=put_to.speaks,
            audiences=_json(sorted(ask.audiences)),
            filters=_json({name: self.redacted(value[:_NAME]) for name, value in filters.items() if value}),
            shown=_json(shown_of(result.hits, result.tickets)),
            confidence=max((hit.confidence for hit in (*result.hits, *result.tickets)), default=0.0),
            threshold=put_to.threshold,
            generation=put_to.generation,
            change=put_to.change,
            model=put_to.model,
            version=VERSION,
            ms=result.took_ms,
        )

    def _kept_answer(self, account: AnswerAccount, ask: Ask, origin: Origin, at: float) -> KeptAnswer:
        answer, put_to, basis = account.answer, account.circumstances, account.basis
        said = self.said(ask)
        return KeptAnswer(
            answer_id=answer.answer_id,
            at=at,
            caller=origin.caller,
            channel=self.channel(origin),
            customer=self.customer(origin),
            question=said[-1],
            conversation=_json(said[:-1]),
            language=put_to.speaks,
            audiences=_json(sorted(ask.audiences)),
            outcome=answer.outcome,
            reason=answer.reason,
            confidence=answer.confidence,
            threshold=put_to.threshold,
            told=told(answer),
            document_id=basis.document_id if basis else None,
            revision=basis.revision if basis else None,
            basis=_json(replace(basis, passages=())) if basis else None,
            passages=_json(basis.passages) if basis else None,
            generation=put_to.generation,
            change=put_to.change,
            model=put_to.model,
            tuning=put_to.tuning,
            candidates=_json(account.candidates),
            prompt_version=basis.prompt if basis else None,
            version=VERSION,
            ms=account.ms,
        )


def told(answer: Answer) -> str:
    """An answer as it was sent, but for its explanation: as JSON."""
    return _json(replace(answer, explain=None, conversation_id=None, form=None))


def shown_of(articles: Sequence[Hit], tickets: Sequence[Hit]) -> list[Shown]:
    """What a search shows, each lane best first, then what its hits name."""
    found = [
        Shown(hit.document_id, hit.revision, rank, hit.kind, (hit.passage_id, *(s.passage_id for s in hit.sections)))
        for lane in (articles, tickets)
        for rank, hit in enumerate(lane, 1)
    ]
    return found + [Shown(name, lane=hit.kind) for hit in (*articles, *tickets) for name in hit.also]


def _adding(row: KeptSearch) -> Write[None]:
    return lambda db: searches.add(db, row)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

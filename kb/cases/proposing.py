"""Cases listed and proposed: what comes again, what of it an article answers already, and drafts of the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kb.cases.covering import Coverage, coverage
from kb.cases.drafting import Draft, Drafting, title_of
from kb.cases.finding import Case, case_id, find
from kb.cases.said import Listener
from kb.config import Paths, Settings
from kb.editing.proposals import Proposal, Proposals
from kb.errors import NotShown, UsageError
from kb.ingest.redaction import Redactor
from kb.knowledge import KnowledgeBase
from kb.model import Ticket
from kb.store import database, proposed, resolved
from kb.store.proposed import Proposed

LEAST = 3
"""Tickets from which on a group is a case, where nobody says otherwise."""
ORIGIN = "tickets"
FOLDER = "cases"
"""Where drafts ask to lie: `cases/ID`."""
GROWN = 1.5
"""By how much a case must have grown since it was proposed, to be proposed again."""
_HOUR = 3_600

State = Literal["open", "covered", "proposed"]


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A case as it is listed; the most central ticket first.

    `covered` where `article` answers it, with that mean `probability`; `proposed` where `draft` was made of it and it
    has not grown by half since; else `open`.
    """

    id: str
    size: int
    language: str
    title: str
    since: datetime | None
    until: datetime | None
    state: State
    article: str
    probability: float
    draft: str | None
    tickets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedCases:
    """The largest cases, and how many there are."""

    total: int
    cases: tuple[ListedCase, ...]


@dataclass(frozen=True, slots=True)
class ProposedCase:
    """A draft that waits for an editor; `contested` are its sentences to which other tickets give another figure."""

    draft: str
    title: str
    tickets: tuple[str, ...]
    contested: tuple[str, ...]
    text: str


class Cases:
    """The cases of one home; safe to share between threads."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._paths, self._redactor = paths, Redactor(keep=settings.keep)
        self._lock, self._proposing = threading.Lock(), threading.Lock()
        self._found: tuple[object, list[Case]] = (None, [])
        self._covered: dict[tuple[object, tuple[str, ...]], Coverage] = {}

    def listed(self, kb: KnowledgeBase, *, least: int = LEAST, limit: int = 20) -> ListedCases:
        """The largest cases. Raises StoreError, IndexMissing."""
        found = self._cases(kb, least)
        return ListedCases(len(found), tuple(self._listed(kb, found[:limit])))

    def propose(self, kb: KnowledgeBase, proposals: Proposals, id_: str, *, least: int = LEAST) -> ProposedCase:
        """A draft of one case. Raises NotShown where there is none of that id, UsageError where it is not open."""
        with self._proposing:
            chosen = [case for case in self._cases(kb, least) if case.id == id_]
            for listed in self._listed(kb, chosen):
                _refuse_unless_open(listed)
                return self._propose(kb, proposals, listed.id, listed.tickets, listed.language)
        raise NotShown(f"there is no case {id_[:40]!r} (any more): list them again")

    def propose_open(
        self, kb: KnowledgeBase, proposals: Proposals, most: int, *, least: int = LEAST
    ) -> Iterator[ProposedCase]:
        """Drafts of the largest open cases."""
        with self._proposing:
            for listed in self._listed(kb, self._cases(kb, least)):
                if most > 0 and listed.state == "open":
                    most -= 1
                    yield self._propose(kb, proposals, listed.id, listed.tickets, listed.language)
                if most <= 0:
                    return

    def propose_ticket(self, kb: KnowledgeBase, proposals: Proposals, ticket_id: str) -> ProposedCase:
        """A draft of one ticket, whatever else was proposed. Raises UsageError where it is no resolved ticket."""
        with self._proposing:
            (ticket,) = self._read([ticket_id])
            return self._propose(kb, proposals, case_id(ticket_id), (ticket_id,), ticket.language)

    def draft(self, kb: KnowledgeBase, id_: str, tickets: Sequence[str], language: str) -> Draft:
        """The draft of some tickets, the most central first, as it would be proposed. Raises UsageError."""
        return Drafting(self._listener(kb), kb.embed).draft(f"{FOLDER}/{id_}", self._read(tickets), language)

    def _propose(
        self, kb: KnowledgeBase, proposals: Proposals, id_: str, tickets: tuple[str, ...], language: str
    ) -> ProposedCase:
        """Handed in first, noted then: killed between the two, it may be proposed once more, and is not lost."""
        made = self.draft(kb, id_, tickets, language)
        draft = proposals.propose(Proposal(f"{FOLDER}/{id_}", made.text, ORIGIN, tickets))
        with closing(database.open_for_writing(self._paths.database)) as db, database.transaction(db):
            proposed.note(db, draft, tickets)
        return ProposedCase(draft, made.title, tickets, made.contested, made.text)

    def _cases(self, kb: KnowledgeBase, least: int) -> list[Case]:
        """Found once for what is stored at the moment."""
        state = (kb.reader.refresh().change, kb.fingerprint, least, int(time.time()) // _HOUR)
        with self._lock:
            if self._found[0] != state:
                with (
                    closing(database.open_for_reading(self._paths.database)) as db,
                    database.explained(self._paths.database),
                ):
                    self._found = (state, find(resolved.resolved(db, kb.fingerprint, time.time()), least))
                self._covered.clear()
            return self._found[1]

    def _listed(self, kb: KnowledgeBase, cases: Sequence[Case]) -> Iterator[ListedCase]:
        listener = self._listener(kb)
        with closing(database.open_for_reading(self._paths.database)) as db:
            drafts = proposed.every(db)
        for case in cases:
            tickets = self._read(case.tickets)
            covered = self._coverage(kb, case, tickets)
            draft = _draft_of(case, drafts)
            state: State = "covered" if covered.is_covered else "proposed" if draft else "open"
            title = title_of([one for ticket in tickets for one in listener.sentences(ticket)]) or case.tickets[0]
            yield ListedCase(
                case.id, case.size, case.language, title, case.since, case.until, state, covered.article,
                covered.probability, draft, case.tickets,
            )  # fmt: skip

    def _coverage(self, kb: KnowledgeBase, case: Case, tickets: Sequence[Ticket]) -> Coverage:
        name = (kb.reader.view.change, case.tickets)
        if (known := self._covered.get(name)) is None:
            known = self._covered[name] = coverage(kb, tickets)
        return known

    def _listener(self, kb: KnowledgeBase) -> Listener:
        words = kb.reader.view.vocabulary.lexicons[True].words
        return Listener(self._redactor, lambda word: words.get(word, 0))

    def _read(self, ids: Sequence[str]) -> list[Ticket]:
        with closing(database.open_for_reading(self._paths.database)) as db, database.explained(self._paths.database):
            found = {id_: resolved.ticket(db, id_) for id_ in ids}
        for id_, ticket in found.items():
            if ticket is None:
                raise UsageError(f"{id_[:200]!r} is no resolved ticket that is kept here: give the id of one")
        return [ticket for ticket in found.values() if ticket is not None]


def _draft_of(case: Case, drafts: Sequence[Proposed]) -> str | None:
    """The draft that was made of a case, unless it has grown by half since.

    A case goes on with the tickets that it had: the draft is its own that was made of most of them.
    """
    held = set(case.tickets)
    shared = [(len(held & one.tickets), one) for one in drafts]
    most, made = max(shared, key=lambda pair: (pair[0], pair[1].draft), default=(0, None))
    if made is None or 2 * most < min(len(made.tickets), case.size):
        return None
    return made.draft if case.size < GROWN * len(made.tickets) else None


def _refuse_unless_open(case: ListedCase) -> None:
    if case.state == "covered":
        raise UsageError(f"article {case.article} answers this case already ({case.probability:.0%}): mend that one")
    if case.state == "proposed":
        raise UsageError(f"draft {case.draft} was made of this case: it is proposed again once it has grown by half")

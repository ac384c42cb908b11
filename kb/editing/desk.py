"""What editors do to edits: begun, saved, reviewed, scheduled, in one short transaction each, beside other writing.

What changes files and the index is `publication`'s, which only the holder of the writer's lock may do.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.editing.gating import Change, Gate, Report
from kb.editing.standing import Standing, check_match, existing, facts, newest_text, parse, stand
from kb.editing.states import FILES, Move, Rule, State, decide, refused
from kb.errors import InputError, NotShown
from kb.ingest.articles import one_line_end
from kb.model import Article
from kb.store import audit, database, documents, drafts
from kb.store.drafts import Draft

LONGEST_PART = 240
"""Bytes of one part of an id, which becomes the name of a folder or a file."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moves an article: the id by which records name them, and their role."""

    id: str
    role: str


class Desk:
    """Any process may have one; `gate`, where there is one, is asked before an edit gets a time."""

    def __init__(self, paths: Paths, settings: Settings, gate: Gate | None = None) -> None:
        self._paths, self._settings, self._gate, self._zone = paths, settings, gate, zone(settings)

    def create(self, actor: Actor, id_: str, text: str, origin: str = "editor", tickets: tuple[str, ...] = ()) -> int:
        """Begins an article with a whole file; its number. Raises MoveRefused, InputError."""
        with self._turn() as db:
            return self.begin(db, actor, id_, text, origin, tickets)

    def begin(self, db: Database, actor: Actor, id_: str, text: str, origin: str, tickets: tuple[str, ...] = ()) -> int:
        """As `create`, within the transaction at hand."""
        try:
            found = stand(db, id_)
        except NotShown:
            raise refused("id_taken") from None
        decide(found.state, Move.CREATE, actor.role, ())
        if (other := documents.file_at(db, found.path)) is not None:
            raise refused("id_taken", f"{found.path} holds {other.document_id!r}")
        _check_parts(id_)
        text = one_line_end(text)
        article = parse(text, found, self._zone)
        made = found.number + 1
        draft = Draft(id_, made, made, None, State.DRAFT, article, actor.id, time.time(), origin, tickets)
        drafts.save(db, draft, text)
        audit.note(db, actor.id, "article_created", id_, {"origin": origin})
        return made

    def save(self, actor: Actor, id_: str, match: int, text: str) -> int:
        """Saves a whole file over what has the number `match`; its number.

        Raises NotShown, StaleBase, MoveRefused, InputError.
        """
        with self._turn() as db:
            found = existing(db, id_)
            check_match(db, self._paths, found, match, self._zone, text)
            rule = decide(found.state, Move.SAVE, actor.role, self._facts(db, found, actor))
            text = one_line_end(text)
            article = parse(text, found, self._zone)
            draft = edited(found, actor.id, article, rule.after or found.state)
            drafts.save(db, draft, text)
            return draft.revision

    def submit(self, actor: Actor, id_: str, match: int, note: str | None = None) -> None:
        """Asks for a review. Raises NotShown, StaleBase, MoveRefused."""
        self._review(actor, id_, match, Move.SUBMIT, "article_submitted", note)

    def approve(self, actor: Actor, id_: str, match: int, note: str | None = None) -> None:
        """Says that an edit may go live. Raises NotShown, StaleBase, MoveRefused."""
        self._review(actor, id_, match, Move.APPROVE, "article_approved", note)

    def send_back(self, actor: Actor, id_: str, match: int, note: str | None = None) -> None:
        """Gives an edit back to its author. Raises NotShown, StaleBase, MoveRefused."""
        self._review(actor, id_, match, Move.SEND_BACK, "article_sent_back", note)

    def schedule(self, actor: Actor, id_: str, match: int, at: datetime, reason: str | None = None) -> None:
        """Names the time at which an edit goes live. Raises NotShown, StaleBase, MoveRefused, InputError."""
        report = self.asked(actor, id_, match, Move.SCHEDULE, at)

        def change(db: Database, draft: Draft, rule: Rule) -> Draft:
            said = {"revision": draft.revision, "at": at.isoformat(), "reason": reason}
            audit.note(db, actor.id, "article_scheduled", id_, {k: v for k, v in said.items() if v})
            gate = summary(report) if report else None
            return replace(draft, due=at.timestamp(), scheduled_by=actor.id, reason=reason, gate=gate, trouble=None)

        refuse_broken(report, reason)
        self._move(actor, id_, match, Move.SCHEDULE, change, self._more(at))

    def unschedule(self, actor: Actor, id_: str, match: int) -> None:
        """Takes that time back. Raises NotShown, StaleBase, MoveRefused."""

        def change(db: Database, draft: Draft, rule: Rule) -> Draft:
            audit.note(db, actor.id, "article_unscheduled", id_, {"revision": draft.revision})
            return replace(draft, due=None, scheduled_by=None, reason=None, gate=None)

        self._move(actor, id_, match, Move.UNSCHEDULE, change)

    def asked(self, actor: Actor, id_: str, match: int, move: Move, at: datetime | None = None) -> Report | None:
        """What the gate says of an edit that may make a move but for it; None where there is none.

        Raises NotShown, StaleBase, MoveRefused, InputError.
        """
        with closing(database.open_for_reading(self._paths.database)) as db:
            found = existing(db, id_)
            check_match(db, self._paths, found, match, self._zone)
            decide(found.state, move, actor.role, self._facts(db, found, actor) | self._more(at))
            text = newest_text(db, self._paths, found, self._zone)
        return self._gate.report([Change(id_, text)]) if self._gate else None

    def change(self, id_: str) -> Change:
        """An article's edit, for the gate. Raises NotShown."""
        with closing(database.open_for_reading(self._paths.database)) as db:
            return Change(id_, newest_text(db, self._paths, existing(db, id_), self._zone))

    def _review(self, actor: Actor, id_: str, match: int, move: Move, action: str, note: str | None) -> None:
        def change(db: Database, draft: Draft, rule: Rule) -> Draft:
            drafts.review(db, id_, draft.revision, move, actor.id, note)
            audit.note(db, actor.id, action, id_, {"revision": draft.revision})
            return replace(draft, trouble=None)

        self._move(actor, id_, match, move, change)

    def _move(
        self,
        actor: Actor,
        id_: str,
        match: int,
        move: Move,
        change: Callable[[Database, Draft, Rule], Draft],
        more: frozenset[str] = frozenset(),
    ) -> None:
        with self._turn() as db:
            found = existing(db, id_)
            check_match(db, self._paths, found, match, self._zone)
            rule = decide(found.state, move, actor.role, self._facts(db, found, actor) | more)
            draft = found.draft or self._taken_up(db, found)
            drafts.put(db, replace(change(db, draft, rule), state=rule.after or found.state))

    def _taken_up(self, db: Database, found: Standing) -> Draft:
        """The edit that a file is whose status is `draft`."""
        text = newest_text(db, self._paths, found, self._zone)
        draft = edited(found, FILES, parse(text, found, self._zone), State.DRAFT)
        drafts.save(db, draft, text)
        return draft

    def _facts(self, db: Database, found: Standing, actor: Actor) -> frozenset[str]:
        return facts(db, self._paths, self._settings, found, actor.id)

    def _more(self, at: datetime | None) -> frozenset[str]:
        return frozenset({"past"} if at is not None and at.timestamp() <= time.time() else ())

    @contextmanager
    def _turn(self) -> Iterator[Database]:
        with closing(database.open_for_writing(self._paths.database)) as db, database.transaction(db):
            yield db


def edited(found: Standing, author: str, article: Article, state: State, origin: str | None = None) -> Draft:
    """The edit that an article has once `author` saves a text of it."""
    made, before = found.number + 1, found.draft
    return Draft(
        found.id,
        made,
        before.first if before else made,
        found.base,
        state,
        article,
        author,
        time.time(),
        before.origin if before else origin or "editor",
        before.tickets if before else (),
    )


def refuse_broken(report: Report | None, reason: str | None) -> None:
    """Raises MoveRefused, with the report, where golden questions break and nobody says why they may."""
    if report is not None and report.broken and not reason:
        raise refused("breaks_golden", f"{len(report.broken)} of them", report=msgspec.to_builtins(report))


def summary(report: Report) -> str:
    """What is kept of a report: how many questions there were of each verdict, and which golden ones break; JSON."""
    counts = Counter(str(case.verdict) for case in report.cases)
    broken = [case.question for case in report.broken]
    return json.dumps({**counts, "broken": broken, "took_ms": report.took_ms}, ensure_ascii=False)


def _check_parts(id_: str) -> None:
    """Raises InputError where an id cannot be a path."""
    for part in id_.split("/"):
        if len(part.encode("utf-8", "replace")) > LONGEST_PART:
            raise InputError(f"id: {part[:40]!r}… has more than {LONGEST_PART} bytes; accepted are shorter parts")

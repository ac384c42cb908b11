"""What people say of what they were shown: taken only about what was shown to them, on record when thanked for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlite_utils import Database

from kb.errors import NotShown, UsageError
from kb.journal import Journal, Origin
from kb.store import signals
from kb.store.signals import KeptSignal, Shown

SignalKind = Literal["opened", "copied", "helpful", "not_helpful", "solved", "not_solved"]
Reason = Literal["wrong", "outdated", "incomplete", "unclear", "not_my_question", "other"]
KINDS: tuple[SignalKind, ...] = get_args(SignalKind)
VERDICTS: tuple[SignalKind, ...] = ("solved", "not_solved")
"""How a conversation ended, as its customer sees it: said of an answer in it, with a rating from 1 to 5 or without."""
MAX_NOTE, MAX_NAME = 2_000, 200
"""Characters of a note, and of an id."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A signal about a search (`query_id`) or an answer (`answer_id`), and the document or passage it is about.

    With neither it is about an article (`document_id`) that was read without a question.
    """

    kind: SignalKind
    query_id: str | None = None
    answer_id: str | None = None
    id: str | None = None
    document_id: str | None = None
    passage_id: str | None = None
    rank: int | None = None
    reason: Reason | None = None
    note: str | None = None
    rating: int | None = None


def take(journal: Journal, given: Feedback, origin: Origin, read: Shown | None = None) -> KeptSignal:
    """What is kept of it, committed and on the disk: under an id that was sent before, what was sent first.

    `read` is the article that this caller may read, where the feedback is about that alone.

    Raises UsageError, NotShown where the search or answer, or the document in it, was not shown to this caller, and
    StoreError where it cannot be kept.
    """
    _check(given, read)
    note = given.note and journal.redacted(given.note)
    channel, customer, at = journal.channel(origin), journal.customer(origin), time.time()
    about = given.query_id or given.answer_id or given.document_id or ""

    def write(db: Database) -> KeptSignal:
        shown = read or _place(given, _shown(db, given, origin.caller))
        kept = KeptSignal(
            about=about,
            id=given.id or uuid.uuid4().hex,
            at=at,
            kind=given.kind,
            query_id=given.query_id,
            answer_id=given.answer_id,
            document_id=shown.document_id if shown else None,
            revision=shown.revision if shown else None,
            passage_id=given.passage_id,
            rank=given.rank or (shown.rank if shown else None),
            reason=given.reason,
            note=note,
            caller=origin.caller,
            channel=channel,
            customer=customer,
            rating=given.rating,
        )
        return signals.add(db, kept)

    return journal.keep(write)


def _check(given: Feedback, read: Shown | None) -> None:
    if (given.query_id is not None) + (given.answer_id is not None) + (read is not None) != 1:
        raise UsageError("give either `query_id` or `answer_id`, or a `document_id` alone: what the feedback is about")
    if given.kind in VERDICTS and given.answer_id is None:
        raise UsageError(f"kind {given.kind!r}: said of an answer, by its `answer_id`")
    if given.rating is not None and given.kind not in VERDICTS:
        raise UsageError(f"rating {given.rating}: only {' and '.join(VERDICTS)} have one, not {given.kind!r}")
    if given.reason is not None and given.kind != "not_helpful":
        raise UsageError(f"reason {given.reason!r}: only `not_helpful` has a reason, not {given.kind!r}")
    if given.query_id is not None and given.document_id is None and given.passage_id is None:
        raise UsageError("feedback about a search names a `document_id` or a `passage_id` that it showed")


def _shown(db: Database, given: Feedback, caller: str) -> Sequence[Shown]:
    """What this search or answer showed this caller.

    Who asked with a key may be told apart, so another key's holder is refused; anybody else shows by the id, which
    nobody can guess, that it was shown to them.
    """
    if given.query_id is not None:
        found = signals.shown_by_search(db, given.query_id)
    else:
        found = signals.shown_by_answer(db, given.answer_id or "")
    if found is None or (caller and found[0] and found[0] != caller):
        raise NotShown("nothing like this was shown to you: check the id, the document and the passage")
    return found[1]


def _place(given: Feedback, shown: Sequence[Shown]) -> Shown | None:
    """The one that is meant of what was shown; None where an answer is meant as a whole that names no document."""
    if given.document_id is None and given.passage_id is None and given.rank is None:
        return shown[0] if len(shown) == 1 else None
    for one in shown:
        fits = given.document_id in (None, one.document_id) and given.rank in (None, one.rank)
        if fits and (given.passage_id is None or given.passage_id in one.passages):
            return one
    raise NotShown("nothing like this was shown to you: check the id, the document and the passage")

"""The lifecycle of an article as one table: from which state which move leads where, who may make it, and when not.

An article's state is that of its open edit, or of its file where there is none. The live revision serves all the while:
an edit changes it only when it is published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from kb.errors import MoveRefused


class State(StrEnum):
    """Where an article stands."""

    NONE = "none"
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    RETIRED = "retired"


STATES: Final[Mapping[State, str]] = {
    State.NONE: "There is no article of this id.",
    State.DRAFT: "An edit is being written, or the file says `status: draft`.",
    State.IN_REVIEW: "An edit waits for another editor.",
    State.APPROVED: "An edit has been approved and waits to be published.",
    State.SCHEDULED: "An edit will be published at a time.",
    State.PUBLISHED: "What is live is all there is.",
    State.RETIRED: "It was live once and is found no more.",
}
"""Every state, and what it means."""


class Move(StrEnum):
    """What may happen to an article."""

    CREATE = "create"
    SAVE = "save"
    SUBMIT = "submit"
    SEND_BACK = "send_back"
    APPROVE = "approve"
    PUBLISH = "publish"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    RETIRE = "retire"
    DISCARD = "discard"
    DELETE = "delete"
    DUE = "due"
    FILE_PUBLISHED = "file_published"
    FILE_DRAFTED = "file_drafted"
    FILE_RETIRED = "file_retired"
    FILE_REMOVED = "file_removed"


MOVES: Final[Mapping[Move, str]] = {
    Move.CREATE: "An article that there is not yet is begun.",
    Move.SAVE: "A text is saved; the first one begins an edit.",
    Move.SUBMIT: "A review is asked for.",
    Move.SEND_BACK: "An edit goes back to its author, with a note.",
    Move.APPROVE: "Somebody else says that an edit may go live.",
    Move.PUBLISH: "An edit goes live.",
    Move.SCHEDULE: "An edit gets the time at which it goes live.",
    Move.UNSCHEDULE: "That time is taken back.",
    Move.RETIRE: "What is live is taken down: its file says `status: retired`.",
    Move.DISCARD: "An edit ends; a file that was changed by hand gets the live text back.",
    Move.DELETE: "The file goes, and so does any edit.",
    Move.DUE: "The time of an edit has come.",
    Move.FILE_PUBLISHED: "A file is read that is new or changed and is to be live.",
    Move.FILE_DRAFTED: "A file is read whose `status` is now `draft`.",
    Move.FILE_RETIRED: "A file is read whose `status` is now `retired`.",
    Move.FILE_REMOVED: "A file is gone.",
}
"""Every move, and what it means."""

ROLES: Final = ("public", "agent", "editor", "admin")
"""Each may do what those before it may."""
EDITOR: Final = "editor"
CLOCK: Final = "the clock"
FILES: Final = "files"
"""Who moves: a role, or one of two that no person has."""

CONDITIONS: Final[Mapping[str, str]] = {
    "approval": "the centre wants approval (not for the first reindex of an empty home)",
    "approved": "this very text is approved",
    "edit": "somebody edits it",
    "held": "a revision was live, or its file was read",
}
"""What decides between two rows of one move."""

REASONS: Final[Mapping[str, str]] = {
    "not_in_this_state": "The article's state does not allow this move.",
    "role": "The move is for editors.",
    "id_taken": "There is an article or a ticket of this id.",
    "imported": "The article belongs to an import: change it there, and import again.",
    "not_live": "Nothing of the article is live.",
    "no_edit": "Nobody edits the article: only its file says `draft`.",
    "needs_approval": "The centre wants approval (setting `approval`), and nobody gave it for this text.",
    "approval_off": "The centre wants no approval (setting `approval`): publish it.",
    "wrote_it": "Who wrote a part of an edit may not approve it.",
    "past": "The time lies in the past.",
    "file_unread": "The file was changed by hand and not read since: wait for that, or run `kb reindex`.",
    "stale_base": "What is live changed since the edit was begun: save it again, on top of that.",
    "image_taken": "Another picture of the same name lies beside the file.",
    "breaks_golden": "Golden questions would no longer be answered rightly: mend the text, or give a `reason`.",
}
"""Why a move may be refused, by code; what is not about a state comes with the row, in this order."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table; of several for one state and move, the first counts whose `when` holds.

    `unless` are the reasons for which it may be refused. `after` is None where the state stays, or,
    after `discard`, is what it is without the edit.
    """

    states: tuple[State, ...]
    move: Move
    after: State | None
    by: str = EDITOR
    when: str | None = None
    unless: tuple[str, ...] = ()


_S, _M = State, Move
_EDITS = (State.DRAFT, State.IN_REVIEW, State.APPROVED)
_FILE = ("imported", "file_unread")
_LIVE = ("imported", "needs_approval", "file_unread", "stale_base", "image_taken", "breaks_golden")

RULES: Final = (
    Rule((_S.NONE,), _M.CREATE, _S.DRAFT, unless=("id_taken",)),
    Rule((_S.DRAFT, _S.PUBLISHED, _S.RETIRED), _M.SAVE, _S.DRAFT, unless=("imported",)),
    Rule((_S.IN_REVIEW, _S.APPROVED), _M.SAVE, _S.IN_REVIEW),
    Rule((_S.DRAFT,), _M.SUBMIT, _S.IN_REVIEW, unless=("imported",)),
    Rule((_S.IN_REVIEW, _S.APPROVED), _M.SEND_BACK, _S.DRAFT),
    Rule((_S.IN_REVIEW,), _M.APPROVE, _S.APPROVED, unless=("approval_off", "wrote_it")),
    Rule((*_EDITS, _S.SCHEDULED), _M.PUBLISH, _S.PUBLISHED, unless=_LIVE),
    Rule((*_EDITS, _S.SCHEDULED), _M.SCHEDULE, _S.SCHEDULED, unless=("past", *_LIVE)),
    Rule((_S.SCHEDULED,), _M.UNSCHEDULE, _S.APPROVED, when="approved"),
    Rule((_S.SCHEDULED,), _M.UNSCHEDULE, _S.DRAFT),
    Rule((_S.SCHEDULED,), _M.DUE, _S.PUBLISHED, CLOCK, unless=_LIVE[:-1]),
    Rule((_S.PUBLISHED,), _M.RETIRE, _S.RETIRED, unless=_FILE),
    Rule(_EDITS, _M.RETIRE, None, unless=("not_live", *_FILE)),
    Rule(_EDITS, _M.DISCARD, None, unless=("no_edit", "file_unread")),
    Rule((*_EDITS, _S.PUBLISHED, _S.RETIRED), _M.DELETE, _S.RETIRED, when="held", unless=_FILE),
    Rule(_EDITS, _M.DELETE, _S.NONE, unless=_FILE),
    Rule(tuple(State), _M.FILE_PUBLISHED, _S.IN_REVIEW, FILES, when="approval"),
    Rule((*_EDITS, _S.SCHEDULED), _M.FILE_PUBLISHED, None, FILES, when="edit"),
    Rule((_S.NONE, _S.DRAFT, _S.PUBLISHED, _S.RETIRED), _M.FILE_PUBLISHED, _S.PUBLISHED, FILES),
    Rule((*_EDITS, _S.SCHEDULED), _M.FILE_DRAFTED, None, FILES, when="edit"),
    Rule((_S.NONE, _S.DRAFT, _S.PUBLISHED, _S.RETIRED), _M.FILE_DRAFTED, _S.DRAFT, FILES),
    Rule((*_EDITS, _S.SCHEDULED), _M.FILE_RETIRED, None, FILES, when="edit"),
    Rule((_S.NONE, _S.DRAFT, _S.PUBLISHED, _S.RETIRED), _M.FILE_RETIRED, _S.RETIRED, FILES),
    Rule((*_EDITS, _S.SCHEDULED), _M.FILE_REMOVED, None, FILES, when="edit"),
    Rule((_S.DRAFT, _S.PUBLISHED, _S.RETIRED), _M.FILE_REMOVED, _S.RETIRED, FILES),
)
"""The whole lifecycle."""


def decide(state: State, move: Move, by: str, facts: Collection[str]) -> Rule:
    """The row that a move goes by. Raises MoveRefused with the first reason that keeps it from that.

    `facts` holds the conditions and the reasons that apply to the article as it is.
    """
    if by in ROLES and ROLES.index(by) < ROLES.index(EDITOR):
        raise refused("role")
    for rule in RULES:
        if state in rule.states and move is rule.move and (rule.when is None or rule.when in facts):
            if by != rule.by and not (rule.by == EDITOR and by in ROLES):
                raise refused("role")
            if found := next((reason for reason in rule.unless if reason in facts), None):
                raise refused(found)
            return rule
    raise refused("id_taken" if move is Move.CREATE else "not_in_this_state", f"{move} is no move from {state}")


def refused(reason: str, more: str = "", **detail: Any) -> MoveRefused:
    """The refusal of a code, in its words."""
    told = REASONS[reason]
    return MoveRefused(f"{told} ({more})" if more else told, reason, detail)

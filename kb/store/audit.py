"""The audit log: who did what to whom may see what, and to what is told; it only ever grows."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

SHELL = "shell"
"""The actor of a command: whoever may run it may write the database itself."""
SERVER = "server"
"""The actor of what a server does by itself."""

ACTIONS: dict[str, str] = {
    "sign_in": "A person signed in.",
    "sign_in_refused": "A sign-in was refused; the detail says why.",
    "sign_out": "A person signed out.",
    "key_created": "An API key was made.",
    "key_revoked": "An API key was revoked; it is refused from then on.",
    "person_created": "A person was made known; by an admin, a command, or a first sign-in through OpenID Connect.",
    "person_changed": "A person's role, groups or password were changed; never says to what password.",
    "person_disabled": "A person was disabled; their sessions ended at once.",
    "person_enabled": "A person who was disabled may sign in again.",
    "publication": "An edit of an article was made live, at once or when it was due; the detail says why it may.",
    "article_created": "An article was begun, by an editor or by a proposal.",
    "article_submitted": "A review of an edit was asked for.",
    "article_approved": "An edit was approved by somebody who wrote nothing of it.",
    "article_sent_back": "An edit was given back to its author.",
    "article_scheduled": "The time at which an edit goes live was named.",
    "article_unscheduled": "That time was taken back.",
    "article_held": "A file was changed by hand and waits for review.",
    "article_discarded": "An edit was ended without being published.",
    "article_retired": "What was live of an article was taken down.",
    "article_deleted": "The file of an article was removed, and any edit ended.",
    "schedule_failed": "An edit was not published when it was due; the detail says why.",
    "export": "Documents or records were written out.",
    "handover_retried": "A hand-over that was given up is tried again, with its envelope if that is still there.",
    "erasure": "What was held of a customer, named by a keyed hash, was erased.",
    "backup": "A backup was written.",
    "restore": "A backup was restored; erasures made after it were applied again.",
}
"""Every action that is noted, and what it means."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log; `at` is seconds since 1970, `actor` and `subject` ids or names, never a secret."""

    id: int
    at: float
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


def note(db: Database, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
    """Adds a line, within the transaction at hand where there is one. Raises ValueError for an unknown action."""
    if action not in ACTIONS:
        raise ValueError(f"audit action {action!r} is none of {', '.join(ACTIONS)}")
    written = json.dumps(dict(detail or {}), ensure_ascii=False, sort_keys=True)
    db.execute(
        "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (time.time(), actor, action, subject, written),
    )


def read(
    db: Database,
    *,
    since: float = 0.0,
    limit: int = 1_000,
    action: str | None = None,
    who: Collection[str] | None = None,
    before: int | None = None,
) -> list[Event]:
    """The newest `limit` lines of those from `since` on, oldest first.

    Narrowed to an `action`, to what one of `who` did or had done to them, and to lines older than the id `before`.
    """
    chosen: list[tuple[str, tuple[object, ...]]] = [("at >= ?", (since,))]
    if action is not None:
        chosen.append(("action = ?", (action,)))
    if who is not None:
        marks = ", ".join("?" * len(who))
        chosen.append((f"(actor IN ({marks}) OR subject IN ({marks}))", (*who, *who)))
    if before is not None:
        chosen.append(("id < ?", (before,)))
    where, values = " AND ".join(text for text, _ in chosen), [value for _, given in chosen for value in given]
    rows = db.execute(
        f"SELECT id, at, actor, action, subject, detail FROM audit WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - our own conditions
        (*values, limit),
    ).fetchall()
    return [
        Event(id_, at, actor, action, subject, json.loads(detail))
        for id_, at, actor, action, subject, detail in reversed(rows)
    ]


def newest(db: Database, action: str) -> dict[str, float]:
    """When an action was last noted of each subject, in seconds since 1970."""
    found = db.execute("SELECT subject, max(at) FROM audit WHERE action = ? GROUP BY subject", (action,))
    return dict(found.fetchall())

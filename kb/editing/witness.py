"""What the gate says of files that were changed by hand and go live as they are: it is kept, and stops nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from sqlite_utils import Database

from kb.config import Paths
from kb.editing.desk import summary
from kb.editing.files import file_text
from kb.editing.gating import Change, Gate
from kb.editing.states import FILES, Move, State
from kb.ingest.articles import MalformedArticle
from kb.publishing import Plan
from kb.store import audit, documents, intents
from kb.store.intents import Intent

MOST = 20
"""Files of one reading; more are an import or a first reading rather than edits, and no replay tells of each."""


def witnessed(plan: Plan, db: Database, paths: Paths, gate: Gate) -> Plan:
    """The plan, with which what the gate says of its few files is stored."""
    items = list(islice(plan.incoming, MOST + 1))
    if not 0 < len(items) <= MOST:
        return plan
    live = [(item, file_text(paths, item.place)) for item in items if item.status == State.PUBLISHED]
    changes = [Change(item.document.id, text) for item, text in live if text is not None]
    try:
        report = gate.report(changes) if changes else None
    except MalformedArticle:  # a file was changed again since: the next reading sees to it
        return plan
    if report is None:
        return plan
    said, ids = summary(report), [change.id for change in changes]

    def within() -> None:
        if plan.within is not None:
            plan.within()
        for id_ in ids:
            _note(db, id_, said, [case.question for case in report.broken])

    return replace(plan, within=within)


def _note(db: Database, id_: str, said: str, broken: list[str]) -> None:
    state, file = documents.states(db).get(id_), documents.file_of(db, id_)
    if state is None or file is None or state.status != State.PUBLISHED:
        return
    move, mine = Move.FILE_PUBLISHED, (FILES,)
    intent = Intent(id_, move, file.path, None, None, None, state.revision, False, FILES, mine, gate=said)
    intents.note_publication(db, id_, state.revision, intent)
    detail = {"revision": state.revision, "move": move}
    audit.note(db, FILES, "publication", id_, detail | ({"broken": broken} if broken else {}))

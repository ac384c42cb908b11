"""An answer of the past: what it was, whether it comes out the same again, and what changed since."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlite_utils import Database

from kb.answer.basis import Basis, Stretch
from kb.answer.composition import Composition, compose, read_passages
from kb.answer.support import check
from kb.config import Paths, Settings
from kb.errors import CitationError, UsageError
from kb.ingest.rendering import public_rendering
from kb.model import Article, Document
from kb.results import Answer
from kb.search import succession
from kb.store import answers, database, documents
from kb.store.answers import KeptAnswer
from kb.store.journal import read_journal
from kb.tuning import load, threshold

_JSON = ("conversation", "audiences", "told", "basis", "passages", "candidates")


@dataclass(frozen=True, slots=True)
class Since:
    """What is otherwise now: the cited document's newest revision and status, the live index, model and threshold.

    `status` is `published`, `draft` or `retired`; null where the answer cites nothing or the store lacks the document.
    """

    revision: int | None
    status: str | None
    generation: int | None
    model: str | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer as the journal holds it, and what came of making it again.

    `reproduced` is null where nothing was quoted, so that there is nothing to make; else whether text and citations
    came out byte for byte, with every quote in its revision's body; `trouble` says what did not.
    """

    answer: dict[str, Any]
    reproduced: bool | None
    trouble: str | None
    since: Since


def replay_answer(paths: Paths, settings: Settings, answer_id: str) -> Replay:
    """What an answer told, and the same made again. Raises UsageError where no such answer is kept, StoreError."""
    kept = _kept(paths, answer_id)
    with closing(database.open_for_reading(paths.database)) as db, database.explained(paths.database):
        trouble = None if kept.basis is None else _trouble(kept, db)
        since = _since(kept, db, paths, settings)
    reproduced = None if kept.basis is None else trouble is None
    return Replay(_plain(kept), reproduced, trouble, since)


def _kept(paths: Paths, answer_id: str) -> KeptAnswer:
    found = None
    if paths.journal.exists():
        with closing(read_journal(paths.journal)) as db, database.explained(paths.journal):
            found = answers.read(db, answer_id)
    if found is None:
        raise UsageError(f"{answer_id!r}: the journal holds no such answer; it forgets after `journal_days`")
    return found


def _trouble(kept: KeptAnswer, db: Database) -> str | None:
    """Why what is made again is not what was told; None where it is."""
    told, basis = msgspec.json.decode(kept.told, type=Answer), _basis(kept)
    try:
        document = documents.read(db, basis.document_id, basis.revision)
        made = compose(document, basis)
    except KeyError:
        return f"{basis.document_id} revision {basis.revision} is not in the store"
    except CitationError as error:
        return f"{basis.document_id} revision {basis.revision}: {error}"
    return _difference(told, made, _body(document, basis)) or _unsupported(document, basis)


def _unsupported(document: Document, basis: Basis) -> str | None:
    """Of a generated answer, the sentence that its passage does not support, by every check but that of meaning."""
    texts = read_passages(document, basis) if basis.written else []
    for written in basis.written:
        verdict = check(written.text, written.passage, texts[written.passage], None)
        if verdict.why is not None:
            return f"{written.text!r} is not supported ({verdict.why})"
    return None


def _difference(told: Answer, made: Composition, body: str) -> str | None:
    for number, citation in enumerate(told.citations, 1):
        if citation.quote != body[citation.start : citation.end]:
            return f"citation {number} quotes what does not stand at {citation.start}:{citation.end}"
    if made.text != told.text:
        return f"the text is another: {made.text!r}"
    if msgspec.json.encode(made.citations) != msgspec.json.encode(told.citations):
        return f"the citations are others: {msgspec.json.encode(made.citations).decode()}"
    return None


def _basis(kept: KeptAnswer) -> Basis:
    without = msgspec.json.decode(kept.basis or "", type=dict[str, Any])
    passages = msgspec.json.decode(kept.passages or "[]", type=tuple[Stretch, ...])
    return msgspec.convert({**without, "passages": passages}, Basis)


def _body(document: Document, basis: Basis) -> str:
    if not isinstance(document, Article):
        return document.resolution
    return document.body if basis.whole else public_rendering(document.body).body


def _since(kept: KeptAnswer, db: Database, paths: Paths, settings: Settings) -> Since:
    latest = documents.latest(db, kept.document_id) if kept.document_id else None
    live = succession.live(paths.index)
    judge = load(paths, live.fingerprint).confidence if live else None
    return Since(
        revision=latest[0] if latest else None,
        status=latest[1] if latest else None,
        generation=live.generation if live else None,
        model=live.fingerprint if live else None,
        threshold=threshold(judge, kept.language, settings.min_confidence, settings.max_wrong) if judge else None,
    )


def _plain(kept: KeptAnswer) -> dict[str, Any]:
    """The columns, with what is JSON in them read."""
    columns: dict[str, Any] = msgspec.to_builtins(kept)
    read = {name: msgspec.json.decode(columns[name]) for name in _JSON if columns[name] is not None}
    return columns | read

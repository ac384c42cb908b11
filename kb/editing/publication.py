"""Making an edit live, and taking down what is: the file and the database change together, wherever it is killed.

Embedding comes first. Then the intent is noted, the file renamed into its place, and one transaction stores revision,
passages and the end of both edit and intent. Whoever holds the writer's lock next ends an intent that it finds, unless
somebody has changed the file by hand since: then nothing of it is done, and the edit is still there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.editing.files import bytes_of, file_of, file_text, put_file, settle, sha256
from kb.editing.standing import Standing, check_match, existing, facts, held_text, newest_text, parse
from kb.editing.states import CLOCK, Move, decide, refused
from kb.editing.states import FILES as BY_FILES
from kb.errors import KbError, MoveRefused, StoreError
from kb.ingest.articles import write_article
from kb.ingest.readings import digest_of
from kb.model import Article
from kb.publishing import Incoming
from kb.store import audit, database, documents, drafts, intents
from kb.store.documents import FILES, FileState
from kb.store.drafts import Draft
from kb.store.intents import Intent

_ACTIONS = {
    Move.PUBLISH: "publication",
    Move.DUE: "publication",
    Move.RETIRE: "article_retired",
    Move.DELETE: "article_deleted",
    Move.DISCARD: "article_discarded",
}
log = logging.getLogger("kb")


class Press(Protocol):
    """What stores a document, where there is one: it embeds, does what comes `first`, then commits with `within`."""

    def __call__(self, item: Incoming | None, *, first: Callable[[], None], within: Callable[[], None]) -> None:
        """Raises StoreError."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants done to an article of which they know the number `match`; `by` is their role.

    `gate` is what the gate said of it (JSON), whose objections are seen to.
    """

    move: Move
    id: str
    match: int
    actor: str
    by: str
    reason: str | None = None
    gate: str | None = None


class Publications:
    """Only the holder of the writer's lock may have one."""

    def __init__(self, db: Database, paths: Paths, settings: Settings, press: Press) -> None:
        self._db, self._paths, self._settings, self._press = db, paths, settings, press
        self._zone = zone(settings)

    def carry_out(self, order: Order) -> None:
        """Does what is ordered, whole. Raises NotShown, StaleBase, MoveRefused, InputError, StoreError."""
        self.finish()
        found = self._checked(order)
        if order.move in (Move.PUBLISH, Move.DUE):
            intent = self._publishing(order, found)
        elif order.move is Move.RETIRE:
            intent = self._retiring(order, found)
        elif order.move is Move.DELETE:
            intent = self._deleting(order, found)
        elif self._holds_the_edit(found):
            intent = self._discarding(order, found)
        else:
            self._drop(order)
            return
        self._run(intent, lambda: self._begin(order, intent))

    def publish_due(self, now: float) -> int:
        """Makes live what should be by now; how many. What may not be waits for its editor, with the reason."""
        count = 0
        for draft in drafts.due(self._db, now):
            order = Order(
                Move.DUE, draft.document_id, draft.revision, draft.scheduled_by or "", CLOCK, draft.reason, draft.gate
            )
            try:
                self.carry_out(replace(order, match=drafts.number(self._db, draft.document_id)))
                count += 1
            except StoreError:
                raise
            except KbError as error:
                self._put_off(draft, error)
        return count

    def finish(self) -> None:
        """Ends what a process that was killed has begun. Raises StoreError."""
        intent = intents.pending(self._db)
        if intent is None:
            return
        if not self._is_ours(intent):
            log.warning("%s was changed by hand while it was being published: nothing was published", intent.path)
            self._withdraw()
            return
        self._run(intent, lambda: self._place(intent))

    def _checked(self, order: Order) -> Standing:
        """Raises what `carry_out` raises."""
        found = existing(self._db, order.id)
        check_match(self._db, self._paths, found, order.match, self._zone)
        decide(found.state, order.move, order.by, facts(self._db, self._paths, self._settings, found, order.actor))
        return found

    def _publishing(self, order: Order, found: Standing) -> Intent:
        text, draft = newest_text(self._db, self._paths, found, self._zone), found.draft
        article = parse(text, found, self._zone)
        if article.status != "published":
            article = replace(article, status="published")
            text = write_article(article, original=text, path=found.path, timezone=self._zone)
        intent = self._intent(order, found, text, article)
        if draft is None:
            return replace(intent, revision=found.number + 1, authors=(BY_FILES,))
        return replace(
            intent,
            revision=draft.revision,
            authors=drafts.authors(self._db, draft),
            approved_by=drafts.approvals(self._db, draft),
            tickets=draft.tickets,
        )

    def _retiring(self, order: Order, found: Standing) -> Intent:
        text = held_text(self._db, self._paths, found, self._zone) or ""
        article = replace(parse(text, found, self._zone), status="retired")
        text = write_article(article, original=text, path=found.path, timezone=self._zone)
        return replace(self._intent(order, found, text, article), ends_edit=False)

    def _deleting(self, order: Order, found: Standing) -> Intent:
        held = self._held(found)
        was_live = held is not None and held.status != "retired"
        return self._intent(order, found, None, replace(held, status="retired") if held and was_live else None)

    def _holds_the_edit(self, found: Standing) -> bool:
        """Whether the file, as it was read, says something else than the store holds: it was changed by hand."""
        written, held = file_text(self._paths, found.path), self._held(found)
        return written is not None and (held is None or parse(written, found, self._zone) != held)

    def _discarding(self, order: Order, found: Standing) -> Intent:
        """The file gets back what the store holds, and goes where that is nothing."""
        return self._intent(order, found, held_text(self._db, self._paths, found, self._zone), None)

    def _drop(self, order: Order) -> None:
        """Ends an edit that stands in no file."""
        with database.transaction(self._db):
            self._checked(order)
            drafts.drop(self._db, order.id)
            audit.note(self._db, order.actor, _ACTIONS[order.move], order.id, {"revision": order.match})

    def _intent(self, order: Order, found: Standing, text: str | None, article: Article | None) -> Intent:
        before = sha256(bytes_of(self._file(found.path)))
        said = (order.actor, (), (), (), order.reason, order.gate)
        return Intent(found.id, order.move, found.path, text, before, article, found.number + 1, True, *said)

    def _held(self, found: Standing) -> Article | None:
        if found.held is None:
            return None
        held = documents.read(self._db, found.id, found.held.revision)
        return held if isinstance(held, Article) else None

    def _run(self, intent: Intent, first: Callable[[], None]) -> None:
        article = intent.article
        item = Incoming(article, FILES, article.status, intent.path, intent.revision) if article else None
        self._press(item, first=first, within=lambda: self._end(intent))

    def _begin(self, order: Order, intent: Intent) -> None:
        """Notes the intent, unless the article has changed since, and does what is to be done to files."""
        with database.transaction(self._db):
            self._checked(order)
            intents.begin(self._db, intent)
        try:
            self._place(intent)
        except (KbError, OSError):
            if sha256(bytes_of(self._file(intent.path))) == intent.before:
                self._withdraw()
            raise

    def _place(self, intent: Intent) -> None:
        """Puts the file into its place, after its pictures; done again, it changes nothing.

        Raises StoreError, and MoveRefused where the file was changed by hand this very moment.
        """
        file = self._file(intent.path)
        if not self._is_ours(intent):
            raise refused("file_unread")
        try:
            if intent.move in (Move.PUBLISH, Move.DUE):
                for name, content in drafts.images(self._db, intent.document_id).items():
                    put_file(file.with_name(name), content)
            if intent.text is None:
                file.unlink(missing_ok=True)
                settle(file.parent)
            else:
                put_file(file, intent.text.encode())
        except OSError as error:
            raise StoreError(f"{file}: cannot be written: {error.strerror}: mend that, then do it again") from error

    def _is_ours(self, intent: Intent) -> bool:
        """Whether a file is as it was when the intent was noted, or as it is to be."""
        wanted = None if intent.text is None else intent.text.encode()
        return sha256(bytes_of(self._file(intent.path))) in (intent.before, sha256(wanted))

    def _withdraw(self) -> None:
        with database.transaction(self._db):
            intents.end(self._db)

    def _end(self, intent: Intent) -> None:
        """What is stored in one transaction with the revision."""
        db, id_ = self._db, intent.document_id
        if intent.text is None:
            documents.forget_file(db, intent.path)
        else:
            digest = digest_of(intent.text.encode(), intent.path, self._zone)
            documents.keep_file(db, FileState(intent.path, digest, id_))
        held = documents.states(db).get(id_)
        revision = held.revision if held else intent.revision
        if intent.ends_edit:
            drafts.end(db, id_, intent.revision, held.revision if held else None)
        if revision == intent.revision and intent.article is not None:
            intents.note_publication(db, id_, revision, intent)
        audit.note(db, intent.actor, _ACTIONS[Move(intent.move)], id_, _detail(intent, revision))
        intents.end(db)

    def _put_off(self, draft: Draft, error: KbError) -> None:
        """A publication whose time has come and that may not be."""
        log.warning("%s was not published when it was due: %s", draft.document_id, error)
        with database.transaction(self._db):
            now = drafts.read(self._db, draft.document_id)
            if now is None or now.due != draft.due:
                return  # somebody was faster
            state = "approved" if drafts.approvals(self._db, now) else "draft"
            drafts.put(self._db, replace(now, state=state, due=None, scheduled_by=None, trouble=str(error)))
            why = error.reason if isinstance(error, MoveRefused) else type(error).__name__
            audit.note(self._db, audit.SERVER, "schedule_failed", draft.document_id, {"why": why})

    def _file(self, path: str) -> Path:
        return file_of(self._paths, path)


def _detail(intent: Intent, revision: int) -> Mapping[str, object]:
    said = {"revision": revision, "move": intent.move, "reason": intent.reason, "approved_by": list(intent.approved_by)}
    return {name: value for name, value in said.items() if value}

"""Where one article stands: its state, its newest number, what is live of it, its edit and its file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from sqlite_utils import Database

from kb.config import Paths, Settings, zone
from kb.editing.files import file_text, is_unread, taken_images
from kb.editing.states import State
from kb.errors import InputError, NotShown, StaleBase
from kb.ingest.articles import MalformedArticle, path_of, read_article, write_article
from kb.model import Article
from kb.store import documents, drafts
from kb.store.documents import FILES, DocumentState
from kb.store.drafts import Draft


@dataclass(frozen=True, slots=True)
class Standing:
    """An article as the store holds it; `number` is the newest of its texts and revisions, and its ETag.

    `held` is what the store holds of it beside an edit, whatever its status; `path` is that of its file below
    `articles/`, there or not.
    """

    id: str
    state: State
    number: int
    held: DocumentState | None
    draft: Draft | None
    path: str

    @property
    def live(self) -> bool:
        """Whether a revision of it is published."""
        return self.held is not None and self.held.status == State.PUBLISHED

    @property
    def base(self) -> int | None:
        """The revision that an edit begun now is made from."""
        return None if self.held is None else self.held.revision

    @property
    def imported(self) -> bool:
        """Whether it belongs to an import."""
        return self.held is not None and self.held.source != FILES and self.held.status != State.RETIRED


def stand(db: Database, document_id: str) -> Standing:
    """Where an article stands, or that there is none. Raises NotShown where the id is a ticket's."""
    held, draft = documents.states(db).get(document_id), drafts.read(db, document_id)
    if held is not None and held.kind != "article":
        raise NotShown(f"{document_id!r} is no article")
    state = State(draft.state) if draft else State(held.status) if held else State.NONE
    file = documents.file_of(db, document_id)
    path = file.path if file else path_of(document_id)
    return Standing(document_id, state, drafts.number(db, document_id), held, draft, path)


def existing(db: Database, document_id: str) -> Standing:
    """As `stand`. Raises NotShown where there is no such article."""
    found = stand(db, document_id)
    if found.state is State.NONE:
        raise NotShown(f"there is no article {document_id!r}: check its id")
    return found


def facts(db: Database, paths: Paths, settings: Settings, found: Standing, actor: str) -> frozenset[str]:
    """The conditions and reasons of the table that apply to an article; what depends on the move is the caller's."""
    draft = found.draft
    approved = draft is not None and bool(drafts.approvals(db, draft))
    names = {
        "approval": settings.approval,
        "approval_off": not settings.approval,
        "approved": approved,
        "needs_approval": settings.approval and not approved,
        "edit": draft is not None,
        "no_edit": draft is None,
        "held": found.held is not None,
        "not_live": not found.live,
        "imported": found.imported,
        "wrote_it": draft is not None and actor in drafts.authors(db, draft),
        "file_unread": is_unread(db, paths, found.path, found.id, zone(settings)),
        "image_taken": draft is not None and bool(taken_images(db, paths, found.path, found.id)),
        "stale_base": draft is not None and draft.base != found.base,
    }
    return frozenset(name for name, holds in names.items() if holds)


def parse(text: str, found: Standing, timezone: tzinfo) -> Article:
    """The article that a whole file says. Raises InputError, also where it says another id."""
    article = read_text(text, found.path, timezone)
    if article.id != found.id:
        raise InputError(f"{found.path}: id: found {article.id!r}; accepted is `id: {found.id}` in the front matter")
    return article


def read_text(text: str, path: str, timezone: tzinfo) -> Article:
    """The article that a text says. Raises InputError."""
    try:
        return read_article(text.encode(), path=path, timezone=timezone)
    except UnicodeEncodeError as error:
        raise InputError(f"{path}: holds half of a surrogate pair at {error.start}; remove it") from error


def text_of(db: Database, found: Standing, revision: int, timezone: tzinfo) -> str | None:
    """The whole file of a number: as it was saved, else made of the revision; None where there is none."""
    if version := drafts.version(db, found.id, revision):
        return version.text
    try:
        article = documents.read(db, found.id, revision)
    except KeyError:
        return None
    assert isinstance(article, Article)  # noqa: S101 - its kind was looked at
    return write_article(article, path=found.path, timezone=timezone)


def held_text(db: Database, paths: Paths, found: Standing, timezone: tzinfo) -> str | None:
    """The whole file of what the store holds beside an edit, as its author typed it where the file still says so."""
    if found.held is None:
        return None
    article = documents.read(db, found.id, found.held.revision)
    assert isinstance(article, Article)  # noqa: S101 - its kind was looked at
    written = file_text(paths, found.path)
    if written is not None and _says(written, article, found, timezone):
        return written
    if (version := drafts.version(db, found.id, found.held.revision)) and _says(version.text, article, found, timezone):
        return version.text
    return write_article(article, original=written, path=found.path, timezone=timezone)


def newest_text(db: Database, paths: Paths, found: Standing, timezone: tzinfo) -> str:
    """The whole file as it was last saved, published or read."""
    if found.draft and (version := drafts.version(db, found.id, found.draft.revision)):
        return version.text
    return held_text(db, paths, found, timezone) or ""


def check_match(
    db: Database, paths: Paths, found: Standing, match: int, timezone: tzinfo, yours: str | None = None
) -> None:
    """Raises StaleBase, with both sides, where the article has another newest number than `match`."""
    if match == found.number:
        return
    author, at = _last(db, found)
    theirs = {
        "revision": found.number,
        "state": found.state,
        "author": author,
        "at": at,
        "text": newest_text(db, paths, found, timezone),
    }
    base = {"revision": match, "text": text_of(db, found, match, timezone)}
    raise StaleBase(
        f"{found.id!r} is at {found.number}, and you know {match}: look at both sides, then send it with"
        f' If-Match: "{found.number}"',
        {"base": base, "theirs": theirs, "yours": None if yours is None else {"text": yours}},
    )


def _last(db: Database, found: Standing) -> tuple[str | None, float | None]:
    version = drafts.version(db, found.id, found.number)
    return (version.author, version.at) if version else (None, None)


def _says(text: str, article: Article, found: Standing, timezone: tzinfo) -> bool:
    try:
        return read_article(text.encode(), path=found.path, timezone=timezone) == article
    except MalformedArticle:
        return False

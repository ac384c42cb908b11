"""What told an article as it was before: answers, conversations that go on, and articles that quote or link it."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from urllib.parse import unquote, urlsplit

from sqlite_utils import Database

from kb.config import Paths
from kb.errors import NotShown
from kb.ingest.sentences import sentences
from kb.model import Article
from kb.store import database, documents, told
from kb.store.journal import read_journal
from kb.store.told import OpenConversation, ToldAnswer

_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|^\s*\[[^\]]+\]:\s*(\S+)|href=[\"']([^\"']+)", re.MULTILINE)
_PAGE = "/articles/"
_TELLING = 12
"""Letters from which on a sentence says something of its own; a shorter one stands in many articles."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A live article that `links` to this one, `translates` it, or `quotes` what no longer stands in it."""

    document_id: str
    title: str
    how: str
    what: str


@dataclass(frozen=True, slots=True)
class Impact:
    """Who was told revisions `first` to `last` of an article, whose newest is `revision`; `told` counts all answers.

    `signals` counts what people did with those revisions: opened, copied, found helpful.
    """

    document_id: str
    revision: int
    status: str
    first: int
    last: int
    told: int
    answers: tuple[ToldAnswer, ...]
    conversations: tuple[OpenConversation, ...]
    mentions: tuple[Mention, ...]
    signals: dict[str, int]


def impact(
    paths: Paths, document_id: str, revision: int | None = None, *, most: int = 1_000, now: float | None = None
) -> Impact:
    """Of one revision, or else of all before the newest; `most` limits the list of answers alone.

    Raises NotShown where there is no such article or revision, StoreError, IndexMissing.
    """
    with closing(database.open_for_reading(paths.database)) as db, database.explained(paths.database):
        newest, status = _newest(db, document_id)
        first, last = (1, newest - 1) if revision is None else (revision, revision)
        if revision is not None and not 1 <= revision <= newest:
            raise NotShown(f"{document_id!r} has revisions 1 to {newest}; found {revision}")
        mentions = tuple(_mentions(db, document_id, range(first, last + 1), newest, status))
    now = time.time() if now is None else now
    answers, conversations, signals = _from_journal(paths, document_id, first, last, now)
    return Impact(
        document_id=document_id,
        revision=newest,
        status=status,
        first=first,
        last=last,
        told=len({answer.answer_id for answer in answers}),
        answers=tuple(answers[:most]),
        conversations=tuple(conversations),
        mentions=mentions,
        signals=signals,
    )


def _newest(db: Database, document_id: str) -> tuple[int, str]:
    state = documents.states(db).get(document_id)
    if state is None or state.kind != "article":
        raise NotShown(f"there is no article {document_id!r}: check its id")
    return state.revision, state.status


def _from_journal(
    paths: Paths, document_id: str, first: int, last: int, now: float
) -> tuple[list[ToldAnswer], list[OpenConversation], dict[str, int]]:
    if not paths.journal.exists():
        return [], [], {}
    with closing(read_journal(paths.journal)) as db, database.explained(paths.journal):
        answers = told.answers_of(db, document_id, first, last)
        ids = dict.fromkeys(answer.answer_id for answer in answers)
        return answers, told.open_conversations(db, list(ids), now), told.signals_of(db, document_id, first, last)


def _mentions(db: Database, id_: str, revisions: Sequence[int], newest: int, status: str) -> Iterator[Mention]:
    gone = _gone(db, id_, [number for number in revisions if number != newest or status != "published"], newest, status)
    for other in documents.published(db):
        if other.id == id_:
            continue
        found = [("translates", id_)] if other.translation_of == id_ else []
        found += [("links", link) for link in _links(other) if _leads_to(link, other.id, id_)][:1]
        text = _letters(f"{other.body}\n{other.answer or ''}")
        found += [("quotes", sentence) for letters, sentence in gone.items() if letters in text][:1]
        yield from (Mention(other.id, other.title, how, what) for how, what in found)


def _gone(db: Database, id_: str, revisions: Iterable[int], newest: int, status: str) -> dict[str, str]:
    """The sentences of old revisions that do not stand in the live one, by their letters."""
    live = _letters(_text(_revision(db, id_, newest))) if status == "published" else ""
    old = chain.from_iterable(_sentences(_revision(db, id_, number)) for number in revisions)
    by_letters = {_letters(sentence): sentence for sentence in old}
    return {letters: said for letters, said in by_letters.items() if len(letters) >= _TELLING and letters not in live}


def _revision(db: Database, id_: str, number: int) -> Article:
    found = documents.read(db, id_, number)
    assert isinstance(found, Article)  # noqa: S101 - its state says so
    return found


def _text(article: Article) -> str:
    return f"{article.body}\n{article.answer or ''}"


def _sentences(article: Article) -> list[str]:
    texts = (article.body, article.answer or "")
    return [text[slice(*span)] for text in texts if text for span in sentences(text, article.language)]


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()


def _links(article: Article) -> Iterator[str]:
    for match in _LINK.finditer(article.body):
        yield next(group for group in match.groups() if group)
    yield from (action.link for action in article.actions)


def _leads_to(link: str, here: str, id_: str) -> bool:
    """Whether a link is the page of an article, or its file as seen from another article's."""
    parts = urlsplit(link)
    path = unquote(parts.path)
    if _PAGE in path and path.partition(_PAGE)[2].rstrip("/") == id_:
        return True
    file = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
    return not parts.scheme and path.endswith(".md") and file.removesuffix(".md") == id_

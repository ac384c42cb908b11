"""Where the centre wants approval, a file that was changed by hand enters review; what is live stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo

from sqlite_utils import Database

from kb.config import Paths
from kb.editing.desk import edited
from kb.editing.standing import stand
from kb.editing.states import FILES, Move, State, decide
from kb.ingest.articles import MalformedArticle, SourceFile, one_line_end, read_article, read_source
from kb.ingest.readings import digest_of
from kb.model import Article
from kb.publishing import Incoming, Plan
from kb.spool import Spool
from kb.store import audit, documents, drafts
from kb.store.documents import FileState

_FILE = "file"
"""The origin of an edit that began as a change of a file."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A file that waits for review, as it was read."""

    reading: FileState
    text: str
    article: Article


def hold(plan: Plan, db: Database, paths: Paths, timezone: tzinfo) -> Plan:
    """The plan without the files that would go live, which become edits in review with its transaction.

    The first reading of an empty home is let through, and so is whatever takes something down.
    """
    states, known = documents.states(db), documents.files(db)
    if next(states.of(documents.FILES), None) is None:
        return plan
    held, places, files = Spool[_Held](paths.database.parent), set[str](), dict(plan.files or {})
    waiting, back = set(drafts.of_origin(db, _FILE)), list[str]()
    for item in plan.incoming:
        if not isinstance(item.document, Article) or item.status != State.PUBLISHED:
            continue
        state = states.get(item.document.id)
        if state is not None and state.content_hash == documents.content_hash(item.document):
            back += [item.document.id] if item.document.id in waiting else []
            continue
        places.add(item.place)
        files.pop(item.place, None)
        if (one := _read(paths, item, timezone)) is not None:
            held.append(one)
            files[item.place] = one.reading
        elif item.place in known:
            files[item.place] = known[item.place]

    def within() -> None:
        for one in held:
            _enter(db, one)
        for id_ in back:
            _leave(db, id_)

    incoming = _Without(plan.incoming, places)
    return replace(plan, incoming=incoming, files=files, held=len(places), within=within if places or back else None)


class _Without(Iterable[Incoming]):
    """What comes in, but for some places; read anew each time."""

    def __init__(self, incoming: Iterable[Incoming], places: set[str]) -> None:
        self._incoming, self._places = incoming, places

    def __iter__(self) -> Iterator[Incoming]:
        return (item for item in self._incoming if item.place not in self._places)


def _read(paths: Paths, item: Incoming, timezone: tzinfo) -> _Held | None:
    """A file as it is now, with its text; None where that is something else by now, which the next reindex sees to."""
    try:
        data = read_source(SourceFile(item.place, paths.articles / item.place))
        article = read_article(data, path=item.place, timezone=timezone)
    except MalformedArticle:
        return None
    if article.id != item.document.id or article.status != "published":
        return None
    reading = FileState(item.place, digest_of(data, item.place, timezone), article.id)
    return _Held(reading, one_line_end(data.decode("utf-8-sig")), article)


def _enter(db: Database, one: _Held) -> None:
    found = stand(db, one.article.id)
    newest = drafts.version(db, found.id, found.draft.revision) if found.draft else None
    if newest is not None and newest.text == one.text:
        return
    rule = decide(found.state, Move.FILE_PUBLISHED, FILES, ("approval",))
    drafts.save(db, edited(found, FILES, one.article, rule.after or found.state, _FILE), one.text)
    audit.note(db, FILES, "article_held", found.id, {"file": one.reading.path})


def _leave(db: Database, id_: str) -> None:
    """A file says again what is live; what it said before need not be reviewed, unless somebody has gone on from it."""
    draft = drafts.read(db, id_)
    if draft is not None and draft.author == FILES:
        drafts.drop(db, id_)
        audit.note(db, FILES, "article_discarded", id_, {"revision": draft.revision})

"""Is everything in order? Each part is looked at, and what is wrong says what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kb.backup import ledger, places
from kb.config import Paths, Settings
from kb.errors import KbError
from kb.jobs import reach_server
from kb.reader import Reader
from kb.search.embedding import Embedder, describe
from kb.store import database, documents


@dataclass(frozen=True, slots=True)
class Finding:
    """One part, whether it is in order, and what was seen or what to do."""

    part: str
    ok: bool
    detail: str


def examine(paths: Paths, settings: Settings) -> list[Finding]:
    """Looks at the articles, the model, the database, the index, and whether a server runs."""
    return [
        _look("articles", lambda: _articles(paths)),
        _look("model", lambda: _model(settings)),
        _look("database", lambda: _database(paths)),
        _look("index", lambda: _index(paths, settings)),
        _look("backup", lambda: _backup(paths)),
        _look("erasures", lambda: _erasures(paths)),
        _look("server", lambda: _server(paths)),
    ]


def _look(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, True, look())
    except KbError as error:
        return Finding(part, False, str(error))


def _articles(paths: Paths) -> str:
    count = sum(1 for _ in paths.articles.rglob("*.md")) if paths.articles.is_dir() else 0
    return f"{count} files in {paths.articles}"


def _model(settings: Settings) -> str:
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    embedder = Embedder(spec, runtime=settings.runtime)
    embedder.warm()
    size = f"{spec.dim} dimensions, {spec.max_tokens} tokens"
    return f"{spec.name}, {size}, fingerprint {spec.fingerprint}, on {embedder.runtime}"


def _database(paths: Paths) -> str:
    db = database.open_for_reading(paths.database)
    try:
        with database.explained(paths.database):
            found = [row[0] for row in db.execute("PRAGMA quick_check")]
            count = len(documents.states(db))
    finally:
        db.close()
    if found != ["ok"]:
        raise KbError(f"{paths.database} is damaged ({found[0]}): restore data/ from a backup")
    return f"{count} documents, change {_newest_change(paths)}"


def _server(paths: Paths) -> str:
    connection = reach_server(paths.index)
    if connection is None:
        return "not running"
    connection.close()
    return "running"


def _backup(paths: Paths) -> str:
    places.refuse_half_restored(paths)
    written = [file for file in ledger.backups(paths) if file.is_file()]
    if not written:
        return "none is where `kb backup FILE` wrote one"
    newest = max(written, key=lambda file: file.stat().st_mtime)
    moment = datetime.fromtimestamp(newest.stat().st_mtime)
    return f"{len(written)} in place, the newest {newest} of {moment:%Y-%m-%d %H:%M}"


def _erasures(paths: Paths) -> str:
    if ledger.read(ledger.pending_file(paths)):
        raise KbError("an erasure was interrupted and is not complete: run `kb erase` to complete it")
    return f"{len(ledger.read(ledger.file_of(paths)))} noted, none under way"


def _newest_change(paths: Paths) -> int:
    db = database.open_for_reading(paths.database)
    try:
        return documents.newest_change(db)
    finally:
        db.close()


def _index(paths: Paths, settings: Settings) -> str:
    spec = describe(settings.model, query_prompt=settings.query_prompt, passage_prompt=settings.passage_prompt)
    view = Reader(paths, spec).view
    behind = _newest_change(paths) - view.change
    if behind:
        raise KbError(f"the index is {behind} changes behind the database: run `kb reindex`")
    return f"generation {view.manifest.generation}, {len(view.catalogue.ids)} passages, change {view.change}"

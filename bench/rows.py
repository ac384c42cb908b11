"""A home of very many passages: its rows are written straight into the database, neither parsed nor embedded.

Each row is an article of one passage: a passage of scaled.py's sources with a fifth of its words exchanged, and that
one's vector moved to a cosine of about 0.96; one in ten is for agents. Some belong to a product, for searching under a
filter: the 1% nearest to one vector, the next 10%, and a random 1% and 10% of the rest. The index is then made by kb's
own code, which is timed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scaled import AFTER, SEED, Exchanging, Source, moved, sources, spelled
from sets import say
from sqlite_utils import Database

from kb.config import Paths
from kb.indexing import How, bring_up_to_date
from kb.model import AGENT, PUBLIC, Article, Passage
from kb.preparation import PUBLISHED, SPLITTER
from kb.search.embedding import ModelSpec, describe
from kb.store import database, documents, passages, vectors
from kb.store.documents import DocumentState
from kb.store.passages import Terms
from kb.writer import writer_lock

BATCH = 10_000
SHARES = {"near-1%": 0.01, "near-10%": 0.10, "random-1%": 0.01, "random-10%": 0.10}
"""Products, and the share of all rows that each has."""


def rows_home(folder: Path, count: int) -> Path:
    """The home of `count` rows below `folder`, made where it is not there yet, its index not yet built."""
    home = folder / f"rows-{count}"
    mark = home / "rows.json"
    if not mark.exists():
        say(f"writing {count:,} rows")
        paths, spec = Paths(home), describe("bundled")
        home.mkdir(parents=True, exist_ok=True)
        paths.database.unlink(missing_ok=True)  # of a run that was stopped
        started = time.perf_counter()
        with writer_lock(paths):
            _write(paths, spec, sources(folder), count)
        mark.write_text(json.dumps({"rows": count, "seconds": time.perf_counter() - started}), "utf-8")
    return home


def built(home: Path) -> float:
    """Seconds that kb took to build the home's whole index from its database; built now unless it was before."""
    mark = home / "built.json"
    if not mark.exists():
        say(f"building the index of {home.name}")
        paths, spec = Paths(home), describe("bundled")
        with writer_lock(paths):
            db = database.open_for_writing(paths.database)
            started = time.perf_counter()
            bring_up_to_date(db, paths, spec, How(full=True))
            mark.write_text(json.dumps(time.perf_counter() - started), "utf-8")
            db.close()
    return float(json.loads(mark.read_text("utf-8")))


def _write(paths: Paths, spec: ModelSpec, made_of: Sequence[Source], count: int) -> None:
    products = _products(made_of, count)
    exchanging = Exchanging([source.text for source in made_of], [source.language for source in made_of])
    db = database.open_for_writing(paths.database)
    db.execute("PRAGMA synchronous = OFF")  # it is made anew where this is interrupted
    db.execute("PRAGMA cache_size = -1000000")
    with database.transaction(db):
        change = documents.next_change(db)
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        with database.transaction(db):
            _write_batch(db, spec, made_of, exchanging, products, numbers, change)
        if start % (10 * BATCH) == 0:
            say(f"  {start:,}")
    db.close()


def _write_batch(
    db: Database,
    spec: ModelSpec,
    made_of: Sequence[Source],
    exchanging: Exchanging,
    products: Sequence[str | None],
    numbers: range,
    change: int,
) -> None:
    states, revisions, rows = [], [], []
    for number in numbers:
        at = number % len(made_of)
        article = _article(number, made_of[at], exchanging.exchanged(at), products[number])
        digest, key = documents.content_hash(article), f"{SPLITTER}:{spec.fingerprint}"
        states.append((article.id, "article", "rows", 1, PUBLISHED, digest, key, None))
        revisions.append((article.id, 1, "article", documents.content_of(article), change))
        rows.append(_row(article, change))
    _insert(db, "documents", DocumentState.__slots__, states)
    _insert(db, "revisions", ("document_id", "revision", "kind", "content", "change"), revisions)
    _insert(db, "passages", list(rows[0]), [tuple(row.values()) for row in rows])
    vectors.keep(db, spec.fingerprint, [row["hash"] for row in rows], _vectors(made_of, numbers))


def _article(number: int, source: Source, text: str, product: str | None) -> Article:
    audience = (AGENT,) if number % 10 == 0 else (PUBLIC,)
    title = f"{spelled(number)}{AFTER}{source.lead[:60].strip()}"
    return Article(f"a{number}", title, text, source.language, audience=audience, product=product)


def _row(article: Article, change: int) -> dict[str, Any]:
    """A passage's columns as the store writes them."""
    text = article.body
    passage = Passage(0, "text", (article.title,), 0, len(text), text, f"{article.title}\n{text}")
    terms = Terms(
        "article", article.audience, (AGENT,), None, None, article.language, article.product, (), article.id
    )  # fmt: skip
    return passages._row(article.id, 1, passage, terms, change)


def _insert(db: Database, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    names, marks = ",".join(f'"{column}"' for column in columns), ",".join("?" * len(columns))
    db.conn.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)


def _vectors(made_of: Sequence[Source], numbers: range) -> NDArray[np.float32]:
    """`(n, dim)` of some rows: the same at every call."""
    near = np.stack([made_of[number % len(made_of)].vector for number in numbers])
    return moved(near, np.random.default_rng([SEED, numbers.start]))


def _products(made_of: Sequence[Source], count: int) -> list[str | None]:
    """The product of each row: the nearest to one source, then a random part of the rest."""
    starts = range(0, count, BATCH)
    batches = (_vectors(made_of, range(start, min(start + BATCH, count))) for start in starts)
    order = np.argsort(-np.concatenate([batch @ made_of[0].vector for batch in batches]), kind="stable")
    nearest = int(count * (SHARES["near-1%"] + SHARES["near-10%"]))
    np.random.default_rng(SEED).shuffle(order[nearest:])
    named: list[str | None] = [None] * count
    for name, places in _slices(order):
        for place in places.tolist():
            named[place] = name
    return named


def _slices(order: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    start = 0
    for name, share in SHARES.items():
        end = start + round(share * len(order))
        yield name, order[start:end]
        start = end

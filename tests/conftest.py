"""What tests share: homes with the sample content, and a tiny real model for tests that are not about meaning."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kb_process
import numpy as np
import pytest
from browser import chromium, page  # noqa: F401 - fixtures of every test
from filelock import FileLock
from numpy.typing import NDArray
from tiny_model import write_tiny_model

from kb.config import Paths, Settings, load_settings
from kb.knowledge import KnowledgeBase
from kb.progress import silent
from kb.publishing import Summary
from kb.results import Ask
from kb.search.embedding import Embedder, describe
from kb.search.wording import Concept
from kb.writer import Writer, writer_lock

if TYPE_CHECKING:
    from server_process import Server

# Containers often set this: every process here would compile torch and transformers anew, for 7 s each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
MEMORY, ROOM = Path("/dev/shm"), 2 * 1024**3
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
    # Every home of a test waits dozens of times until a disk has what was written; all else is the same in memory.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
os.environ["OMP_NUM_THREADS"] = "1"  # two workers on two cores: threads of torch would only wait for each other

REFUND = "---\nlanguage: en\n---\n# Refunds\n\n## When\n\nRefunds take five days.\n\n## Where\n\nTo the same card.\n"
DELIVERY = "---\nlanguage: en\n---\n# Delivery\n\nA van comes on Tuesday.\n"
ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "sample"

SLOW_FIRST = (
    "test_leaks", "test_calls", "test_embedding", "test_kill",
    "test_leaks_http", "test_load", "test_schema", "test_everywhere", "test_cases", "test_succession",
    "test_injections", "test_walk_edit", "test_hostile", "test_walk_live", "test_walk_customer", "test_walk_agent",
    "test_walk_admin", "test_walk_widget",
    "test_backup", "test_erase", "test_service", "test_runtime",
    "test_editing_http", "test_publication", "test_lifecycle",
    "test_docs", "test_citations", "test_bad_input", "test_access", "test_signin", "test_oidc", "test_passages",
    "test_sample_content", "test_reindex", "test_privacy", "test_intervals",
)  # fmt: skip
"""The files that take long begin first, so that two workers end at about the same time; while one of them indexes the
sample for the first file, the other has files that do without it."""
Shell = Callable[..., subprocess.CompletedProcess[str]]


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without settings of the developer's own home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KB_") or k == "KB_MODEL_DIR"}
    return kept | {"NO_COLOR": "1", "COLUMNS": "200"} | extra


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(SLOW_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KB_") and name != "KB_MODEL_DIR"]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sentence-transformers folder, tiny and fast, for tests that are not about meaning (see tiny_model)."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny-model") / "model")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home."""
    (tmp_path / "home" / "articles").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def shell(tiny_model: Path) -> Shell:
    """Runs `kb --home HOME …` in a process of its own (see kb_process), with the tiny model unless told otherwise."""

    def run(
        home: Path,
        *arguments: str,
        model: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        extra = {"KB_MODEL": model or str(tiny_model)} | dict(environment or {})
        return kb_process.run(("--home", str(home), *arguments), clean_environment(**extra), timeout)

    return run


def write_article(home: Path, path: str, text: str) -> Path:
    """Puts a file into a home's `articles/`."""
    file = home / "articles" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def tiny_settings(tiny_model: Path, **others: object) -> Settings:
    """Settings that name the tiny model."""
    return Settings(model=str(tiny_model), query_prompt="q: ", passage_prompt="p: ", timezone="UTC", **others)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def bundled_embedder() -> Embedder:
    """The model that kb ships with, loaded once."""
    return Embedder(describe("bundled"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def sample_home(shared: Path, bundled_embedder: Embedder) -> Path:
    """A home with the sample articles and tickets, indexed with the bundled model. Read it; change a copy.

    All workers share it: the first that needs it makes it.
    """
    home = shared / "sample"
    with FileLock(shared / "sample.lock"):
        if not home.exists():
            _index_sample(shared / "sample.building", bundled_embedder)
            (shared / "sample.building").rename(home)
    return home


def _index_sample(home: Path, embedder: Embedder) -> None:
    home.mkdir()
    shutil.copytree(ROOT / "articles", home / "articles")
    for name in ("kb.toml", "synonyms.txt"):
        shutil.copy(ROOT / name, home / name)
    paths, settings = Paths(home), load_settings(home, {}, {})
    with writer_lock(paths):
        writer = Writer(paths, settings, embedder=embedder)
        assert not writer.reindex(silent).refused
        assert not writer.import_files([SAMPLE / "tickets.jsonl"], silent).refused
        writer.close()


class Remembering:
    """The bundled model for questions, none of which is embedded twice by the tests: all workers share what it keeps.

    Many tests ask the golden questions, and to embed one takes longer than to answer it.
    """

    def __init__(self, embedder: Embedder, file: Path) -> None:
        self._embedder, self._file = embedder, file
        self.spec = embedder.spec

    def warm(self) -> None:
        self._embedder.warm()

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        keys = [text.encode("utf-8", "surrogatepass") for text in texts]
        with closing(sqlite3.connect(self._file, timeout=60)) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB NOT NULL)")
            found = [db.execute("SELECT vector FROM vectors WHERE text = ?", (key,)).fetchone() for key in keys]
            missing = list(dict.fromkeys(text for text, row in zip(texts, found, strict=True) if row is None))
            made = dict(zip(missing, self._embedder.queries(missing), strict=True))
            rows = [(text.encode("utf-8", "surrogatepass"), vector.tobytes()) for text, vector in made.items()]
            db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        vectors = [
            np.frombuffer(row[0], np.float32) if row else made[text] for text, row in zip(texts, found, strict=True)
        ]
        return np.stack(vectors) if vectors else self._embedder.queries([])


@pytest.fixture(scope="session")
def remembering(shared: Path, bundled_embedder: Embedder) -> Remembering:
    """The model that kb ships with, for tests that ask many questions which others ask too."""
    return Remembering(bundled_embedder, shared / "questions.sqlite")


@pytest.fixture(scope="session")
def sample_kb(sample_home: Path, remembering: Remembering) -> KnowledgeBase:
    """The sample content, ready to ask."""
    return KnowledgeBase(Paths(sample_home), load_settings(sample_home, {}, {}), embedder=remembering)


@pytest.fixture
def sample_copy(sample_home: Path, tmp_path: Path) -> Path:
    """A copy of the sample home that a test may change."""
    return Path(shutil.copytree(sample_home, tmp_path / "copy"))


@pytest.fixture(scope="module")
def walked(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The sample with its staff, served with the model that kb ships with, for walks through its pages."""
    from server_process import serving  # it needs this module itself
    from walking import employ

    home = Path(shutil.copytree(sample_home, tmp_path_factory.mktemp("walk") / "home"))
    employ(home)
    with serving(home, "bundled") as running:
        yield running


@pytest.fixture(scope="session")
def tiny_embedder(tiny_model: Path) -> Embedder:
    """The tiny model, loaded once."""
    return Embedder(describe(str(tiny_model), query_prompt="q: ", passage_prompt="p: "))


class Centre:
    """A home with the tiny model, written and read in this process by what `kb` itself uses."""

    def __init__(self, home: Path, settings: Settings, embedder: Embedder) -> None:
        self.home, self.paths, self.settings, self.embedder = home, Paths(home), settings, embedder

    def article(self, path: str, text: str) -> Path:
        return write_article(self.home, path, text)

    def reindex(self, *, full: bool = False, force: bool = False) -> Summary:
        return self._write(lambda writer: writer.reindex(silent, full=full, force=force))

    def roll_back(self) -> Summary:
        return self._write(lambda writer: writer.roll_back(silent))

    def import_(self, *files: Path, source: str | None = None, prune: bool = False) -> Summary:
        return self._write(lambda writer: writer.import_files(files, silent, source=source, prune=prune))

    def _write(self, work: Callable[[Writer], Summary]) -> Summary:
        with writer_lock(self.paths):
            writer = Writer(self.paths, self.settings, embedder=self.embedder)
            try:
                return work(writer)
            finally:
                writer.close()

    def open(self) -> KnowledgeBase:
        return KnowledgeBase(self.paths, self.settings, embedder=self.embedder)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database holds, read without kb."""
        with closing(sqlite3.connect(self.paths.database)) as db:
            return db.execute(query, values).fetchall()


@pytest.fixture
def centre(home: Path, tiny_model: Path, tiny_embedder: Embedder) -> Centre:
    return Centre(home, tiny_settings(tiny_model), tiny_embedder)


@pytest.fixture(scope="module")
def module_centre(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_embedder: Embedder) -> Centre:
    """One home for a module, whose tests leave it as they found it."""
    home = tmp_path_factory.mktemp("centre")
    (home / "articles").mkdir()
    return Centre(home, tiny_settings(tiny_model), tiny_embedder)


def plain(*words: str) -> tuple[Concept, ...]:
    """Concepts of these words alone."""
    return tuple(Concept(word, (), 0.0) for word in words)


def found(kb: KnowledgeBase, *audiences: str, question: str = "what is there", **filters: Any) -> dict[str, str]:
    """Document ids with the texts of their best passages, for the public and these audiences.

    The vector list leaves out nothing that is visible, so in a home of fewer than 50 passages this is all of it.
    """
    result = kb.search(Ask(question, audiences=frozenset({"public", *audiences}), **filters), 100)
    return {hit.document_id: hit.text for hit in (*result.hits, *result.tickets)}


@pytest.fixture
def two(centre: Centre) -> Centre:
    """A home with two articles, indexed."""
    centre.article("refund.md", REFUND)
    centre.article("delivery.md", DELIVERY)
    assert centre.reindex().added == 2
    return centre

"""Claims about backups and restores: nothing lost, nothing damaged taken for whole, nothing half."""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard
from conftest import DELIVERY, Centre, Shell, found, write_article
from dying import dies_at, points, steps_of
from server_process import serving, until

from kb.backup import archive, restoring, taking
from kb.backup.archive import Damaged
from kb.backup.restoring import restore
from kb.backup.taking import Saved, back_up
from kb.config import Paths, Settings
from kb.errors import KbError, StoreError, UsageError
from kb.progress import silent
from kb.store.journal import open_journal
from kb.writer import writer_lock

PAIRS = "CREATE TABLE pairs (id INTEGER PRIMARY KEY, pair INTEGER, note TEXT, customer TEXT)"
OTHERWISE = {"store", "audit", "sqlite_sequence", "_sqlite_migrations"}
"""Tables of which a restore changes a row: the store's name, that it was restored, and the tables' own."""


def saved(centre: Centre, file: Path, **options: Any) -> Saved:
    with writer_lock(centre.paths):
        return back_up(centre.paths, centre.settings, file, silent, **options)


def restored(home: Path, file: Path, **options: Any) -> restoring.Restored:
    home.mkdir(exist_ok=True)
    with writer_lock(Paths(home)):
        return restore(Paths(home), file, silent, **options)


def tables(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of a database with all of its rows, read without kb."""
    with closing(sqlite3.connect(file)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: sorted(db.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}


def without(held: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {name: rows for name, rows in held.items() if name not in OTHERWISE}


def extracted(file: Path, folder: Path) -> Path:
    """An archive unpacked without kb."""
    unpacked = zstandard.ZstdDecompressor().stream_reader(file.read_bytes(), read_across_frames=True)
    with tarfile.open(fileobj=unpacked, mode="r|") as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture
def whole(two: Centre) -> Centre:
    """A home with something of everything."""
    two.article("images/van.png", "no picture")
    two.article("plan.draft.md", "---\nstatus: draft\n---\n# Plan\n\nLater.\n")
    (two.home / "kb.toml").write_text('timezone = "UTC"\n')
    (two.home / "synonyms.txt").write_text("van, lorry\n")
    (two.home / "golden.jsonl").write_text('{"question": "When?", "expected": ["refund"]}\n')
    (two.home / "data" / "admin.key").write_text("kb_secret")
    with closing(open_journal(two.paths.journal)) as db:
        db.execute(PAIRS)
        db.execute("INSERT INTO pairs VALUES (1, 1, 'helpful', NULL)")
    with closing(sqlite3.connect(two.paths.database)) as db:
        db.execute("INSERT INTO api_keys VALUES ('k1', 'hash of a key', 'desk', 'agent', '[]', 1.0, NULL, NULL)")
        db.commit()
    two.reindex()
    return two


def test_a_restored_home_holds_the_same_tables_and_files_and_answers_alike(whole: Centre, tmp_path: Path) -> None:
    before = {file.name: tables(file) for file in (whole.paths.database, whole.paths.journal)}
    made = saved(whole, tmp_path / "b.kb")
    assert (tmp_path / "b.kb").stat().st_mode & 0o777 == 0o600
    assert (made.rows["documents"], made.rows["pairs"], made.rows["api_keys"]) == (3, 1, 1)
    home = tmp_path / "other"
    assert restored(home, tmp_path / "b.kb").aside is None
    for name, held in before.items():
        assert without(tables(home / "data" / name)) == without(held)
    assert not (home / "data" / "admin.key").exists()
    for name in ("kb.toml", "synonyms.txt", "golden.jsonl", "articles/refund.md", "articles/images/van.png"):
        assert (home / name).read_bytes() == (whole.home / name).read_bytes()
    again = Centre(home, whole.settings, whole.embedder)
    summary = again.reindex()
    assert (summary.added, summary.changed, summary.removed, summary.embedded) == (0, 0, 0, 0)
    assert found(again.open()) == found(whole.open())


@contextmanager
def beside(work: Any) -> Iterator[None]:
    """Does `work(n)` again and again in another thread until the block ends."""
    enough, failures = threading.Event(), []

    def run() -> None:
        number = 0
        while not enough.is_set():
            try:
                work(number := number + 1)
            except Exception as error:  # noqa: BLE001 - whatever it was, it is shown
                failures.append(error)
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()
    assert not failures, failures


def test_a_backup_under_load_holds_all_that_was_acknowledged_before_it_and_nothing_half(
    whole: Centre, tmp_path: Path, shell: Shell
) -> None:
    acknowledged: list[int] = []
    file = tmp_path / "b.kb"
    environment = {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: "}
    with serving(whole.home, whole.settings.model, environment=environment) as server:
        journal = sqlite3.connect(whole.paths.journal, isolation_level=None, check_same_thread=False, timeout=10)

        def signal(number: int) -> None:
            journal.execute("BEGIN IMMEDIATE")
            for _ in range(2):
                journal.execute("INSERT INTO pairs (pair, note) VALUES (?, 'shown')", [1_000 + number])
            journal.execute("COMMIT")
            acknowledged.append(1_000 + number)
            threading.Event().wait(0.002)

        def edit(number: int) -> None:
            write_article(whole.home, "moving.md", f"# Moving\n\nEdition {number}.\n\n## More\n\nEdition {number}.\n")
            threading.Event().wait(0.05)

        with beside(signal), beside(edit), beside(lambda _: server.search("When do refunds come?")):
            until(lambda: len(acknowledged) > 20 and server.finds("edition", "moving"))
            told, documents = set(acknowledged), tables(whole.paths.database)["documents"]
            done = shell(whole.home, "backup", str(file), "--json", environment=environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["file"] == str(file)
        assert_whole(file, tmp_path / "restored", told, {row[0] for row in documents})
        journal.close()
        assert server.process.poll() is None


def assert_whole(file: Path, home: Path, told: set[int], documents: set[str]) -> None:
    held = extracted(file, home.with_suffix(".unpacked"))
    restored(home, file)
    for name in ("kb.sqlite", "journal.sqlite"):
        assert without(tables(home / "data" / name)) == without(tables(held / "data" / name))
    pairs = [row[1] for row in tables(home / "data" / "journal.sqlite")["pairs"] if row[1] > 1_000]
    assert told <= set(pairs)
    assert set(Counter(pairs).values()) == {2}
    knowledge = tables(home / "data" / "kb.sqlite")
    assert documents <= {row[0] for row in knowledge["documents"]}
    for id_, *_ in knowledge["documents"]:
        revision, status = next((row[3], row[4]) for row in knowledge["documents"] if row[0] == id_)
        assert [row for row in knowledge["revisions"] if row[:2] == (id_, revision)]
        live = [row for row in knowledge["passages"] if row[1] == id_ and row[-3] is None]
        assert {row[2] for row in live} == ({revision} if status == "published" else set())


def test_a_flipped_byte_anywhere_is_refused_and_named(whole: Centre, tmp_path: Path) -> None:
    saved(whole, good := tmp_path / "b.kb")
    names = [member.path for member in archive.check(good, silent).members]
    content, chance = good.read_bytes(), random.Random(20_261_124)
    places = {*chance.sample(range(len(content)), 50), *range(0, len(content), len(content) // 20), len(content) - 1}
    bad = tmp_path / "bad.kb"
    for place in [*sorted(places), *range(len(content) - 45, len(content))]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        bad.write_bytes(flipped)
        with pytest.raises(StoreError) as told:
            archive.check(bad, silent)
        said = [*names, archive.MANIFEST, "its beginning", "its end"]
        assert any(name in str(told.value) for name in said), (place, str(told.value))


def test_what_is_damaged_in_the_database_is_told_by_its_name(whole: Centre, tmp_path: Path) -> None:
    saved(whole, good := tmp_path / "b.kb")
    content = bytearray(good.read_bytes())
    starts = [found.start() for found in re.finditer(re.escape(zstandard.FRAME_HEADER), content)]
    start, end = max(pairwise(starts), key=lambda pair: pair[1] - pair[0])  # the knowledge is the largest by far
    content[(start + end) // 2] ^= 1
    good.write_bytes(content)
    with pytest.raises(Damaged, match=r"data/kb\.sqlite in it is damaged"):
        archive.check(good, silent)
    home = tmp_path / "other"
    with pytest.raises(Damaged):
        restored(home, good)
    assert sorted(path.name for path in home.iterdir()) == ["index"]


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c[: len(c) // 2], lambda c: c + b"\0", lambda c: b""])
def test_a_cut_or_longer_backup_is_refused(whole: Centre, tmp_path: Path, change: Any) -> None:
    saved(whole, file := tmp_path / "b.kb")
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(StoreError):
        archive.check(file, silent)


def hostile(file: Path, info: tarfile.TarInfo) -> Path:
    with file.open("wb") as stream:
        written = archive.Writer(stream)
        written._stream.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        written.members.append(archive.Member(info.name, 0, ""))
        written.close(archive.Manifest(archive.FORMAT, "0", "", "", {}, {}, written.members))
    return file


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "data/../../out", "index/manifest.json", ".restoring/x"])
def test_a_path_that_leads_out_of_the_home_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Damaged, match="not written by kb"):
        archive.check(hostile(tmp_path / "b.kb", tarfile.TarInfo(name)), silent)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_link_or_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("articles/a.md")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(Damaged, match="not written by kb"):
        archive.check(hostile(tmp_path / "b.kb", info), silent)


def test_a_backup_of_a_newer_kb_is_refused(whole: Centre, tmp_path: Path) -> None:
    with closing(sqlite3.connect(whole.paths.database)) as db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('kb', '9999_later')")
        db.commit()
    saved(whole, tmp_path / "b.kb")
    with pytest.raises(StoreError, match=r"9999_later.*nothing was changed"):
        restored(tmp_path / "other", tmp_path / "b.kb")


def test_a_used_home_is_kept_aside_and_can_be_put_back(whole: Centre, tmp_path: Path) -> None:
    saved(whole, file := tmp_path / "b.kb")
    whole.article("new.md", DELIVERY.replace("van", "ship"))
    whole.reindex()
    before = tables(whole.paths.database)
    with pytest.raises(UsageError, match=r"holds data, articles.*--force"):
        restored(whole.home, file)
    aside = restored(whole.home, file, force=True).aside
    assert aside is not None
    assert not (whole.home / "articles" / "new.md").exists()
    with pytest.raises(KbError, match="kb reindex"):
        whole.open()
    whole.reindex()
    assert set(found(whole.open())) == {"refund", "delivery"}
    for part in ("data", "articles"):
        shutil.rmtree(whole.home / part)
        (Path(aside) / part).rename(whole.home / part)
    assert tables(whole.paths.database) == before
    whole.reindex()  # the index is of the restored database: it is noticed
    assert set(found(whole.open())) == {"refund", "delivery", "new"}


def test_a_home_is_not_restored_while_a_server_or_writer_has_it(whole: Centre, tmp_path: Path, shell: Shell) -> None:
    saved(whole, file := tmp_path / "b.kb")
    with writer_lock(whole.paths):
        done = shell(whole.home, "restore", str(file), "--force")
    assert done.returncode == 1
    assert "a server must be stopped" in done.stderr
    assert whole.paths.database.exists()


def test_a_backup_never_overwrites_nor_holds_itself(whole: Centre, tmp_path: Path) -> None:
    (file := tmp_path / "b.kb").write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        saved(whole, file)
    assert file.read_text() == "mine"
    assert saved(whole, file, force=True).bytes == file.stat().st_size
    with pytest.raises(UsageError, match="would hold itself"):
        saved(whole, whole.home / "data" / "b.kb")
    with pytest.raises(UsageError, match="no folder"):
        saved(whole, tmp_path / "nowhere" / "b.kb")


def backing_up(home: Path, file: Path) -> None:
    with writer_lock(Paths(home)):
        back_up(Paths(home), Settings(), file, silent)


def restoring_it(home: Path, file: Path) -> None:
    with writer_lock(Paths(home)):
        restore(Paths(home), file, silent, force=True)


def test_a_backup_killed_at_any_step_leaves_no_file_and_the_next_is_whole(whole: Centre, tmp_path: Path) -> None:
    for step in points(steps_of(backing_up, whole.home, tmp_path / "all.kb"), at_most=6):
        file = tmp_path / f"at{step}.kb"
        assert dies_at(step, backing_up, whole.home, file)
        if file.exists():  # its last steps are after it got its name
            archive.check(file, silent)
        saved(whole, file, force=True)
        archive.check(file, silent)
        assert not taking.partial(file).exists()
        assert not list(tmp_path.glob(f"at{step}.kb.partial*"))


def test_a_restore_killed_at_any_step_leaves_the_old_home_or_one_that_refuses_until_completed(
    whole: Centre, tmp_path: Path, shell: Shell
) -> None:
    saved(whole, file := tmp_path / "b.kb")
    kept = tables(whole.paths.database)
    whole.article("new.md", "# New\n\nOnly after the backup.\n")
    whole.reindex()
    shutil.copytree(whole.home, tmp_path / "all")
    refused = 0
    for step in points(steps_of(restoring_it, tmp_path / "all", file), at_most=8):
        home = tmp_path / f"fresh{step}"
        shutil.copytree(whole.home, home)
        assert dies_at(step, restoring_it, home, file)
        if (home / "restore.json").exists():
            refused += 1
            if refused == 1:
                done = shell(home, "reindex")
                assert done.returncode == 1
                assert "kb restore" in done.stderr
        elif (home / "articles" / "new.md").exists():
            assert set(found(Centre(home, whole.settings, whole.embedder).open())) == {"refund", "delivery", "new"}
        restoring_it(home, file)
        assert without(tables(home / "data" / "kb.sqlite")) == without(kept)
        assert not (home / "restore.json").exists()
        assert not (home / ".restoring").exists()
        assert len(list(home.glob("before-restore-*"))) in (1, 2)  # 2 where it had ended already
    assert refused

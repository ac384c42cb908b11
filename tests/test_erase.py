"""Claims about erasure: nothing is left in any file of a home, nothing comes back, and nobody else loses anything."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Centre, Shell, found
from dying import dies_at, points, steps_of
from server_process import serving
from sqlite_utils import Database

from kb.access.keys import create_key
from kb.backup import archive, ledger
from kb.backup.erasing import Erased, erase, held
from kb.backup.restoring import Restored, restore
from kb.backup.taking import back_up
from kb.config import Paths, Settings
from kb.customers import Customers
from kb.errors import IndexMissing, StoreError
from kb.progress import silent
from kb.store.journal import open_journal
from kb.writer import Writer, writer_lock

REFERENCE, OTHER = "client-70317-ß", "client-2"
TICKET = "Case/客-70317"
WORDS = ("quagmire", "zygote", "水漏桶裂")
"""Words that stand in that customer's tickets and nowhere else; the first only in an earlier revision."""
TRACES = (REFERENCE, TICKET, *WORDS)


def ticket(id_: str, text: str, reference: str | None) -> dict[str, object]:
    messages = [{"author": "customer", "text": f"The drum says {text}."}]
    record = {"kind": "ticket", "id": id_, "subject": "Drum", "status": "solved", "messages": messages}
    return (
        record
        | {"language": "en", "resolution": f"{text} needs new feet."}
        | ({"customer_ref": reference} if reference else {})
    )


def exported(file: Path, *records: object) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return file


def traces(folder: Path) -> dict[str, set[str]]:
    """Which of these words stand in which files below a folder, in any encoding that a program here writes."""
    spelled = {
        word: {
            written.encode(encoding)
            for written in (word, word.lower(), json.dumps(word)[1:-1])
            for encoding in ("utf-8", "utf-16-le", "utf-16-be")
        }
        for word in TRACES
    }
    seen: dict[str, set[str]] = {}
    for file in filter(Path.is_file, folder.rglob("*")):
        content = file.read_bytes()
        if there := {word for word, ways in spelled.items() if any(way in content for way in ways)}:
            seen[file.relative_to(folder).as_posix()] = there
    return seen


def filled(db: Database, table: str, **known: object) -> None:
    """Adds a row that has these values, and whatever passes for one in every other column that needs one."""
    columns = [row for row in db.execute(f"PRAGMA table_info({table})") if row[1] in known or row[3]]
    values = [known.get(name, "" if kind == "TEXT" else 0) for _, name, kind, *_ in columns]
    names, marks = ", ".join(row[1] for row in columns), ", ".join("?" * len(columns))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)


@pytest.fixture
def asked(two: Centre, tmp_path: Path) -> Centre:
    """A home with tickets of two customers and of nobody, an article made from one, and a journal."""
    file = tmp_path / "desk.jsonl"
    rest = [ticket("T-2", "another thing", OTHER), ticket("T-3", "some other thing", None)]
    two.import_(exported(file, ticket(TICKET, WORDS[0], REFERENCE), *rest))
    two.import_(exported(file, ticket(TICKET, f"{WORDS[1]} {WORDS[2]}", REFERENCE), *rest))
    file.unlink()
    two.reindex(full=True)  # in a generation's own files, and once more in the edits to it
    secret = Customers(two.paths.customer_key)
    with closing(open_journal(two.paths.journal)) as db:
        shown = json.dumps([f"{TICKET}@2#0", "T-3@1#0"], ensure_ascii=False)
        filled(db, "searches", query_id="q1", question="zygote?", shown=shown, customer=secret.hash(REFERENCE))
        filled(db, "searches", query_id="q2", question="drum?", shown=shown, customer=secret.hash(OTHER))
        told = json.dumps({"text": f"{WORDS[1]} {WORDS[2]} needs new feet."}, ensure_ascii=False)
        passages = json.dumps([{"heading": [f"Drum {WORDS[1]}"], "text": told}], ensure_ascii=False)
        filled(db, "layouts", id="l1", passages=passages)
        filled(db, "layouts", id="l2", passages="[]")
        other = secret.hash(OTHER)
        filled(db, "answers", answer_id="a1", document_id=TICKET, told=told, layout="l1", customer=other)
        days = json.dumps({"text": "Five days."})
        filled(db, "answers", answer_id="a2", document_id="refund", told=days, layout="l2", customer=other)
        filled(db, "signals", about="q2", query_id="q2", id="1", passage_id=f"{TICKET}@2#0")
    return two


def erased(centre: Centre, *references: str) -> Erased:
    def renew(progress: Any) -> None:
        writer = Writer(centre.paths, centre.settings, embedder=centre.embedder)
        writer.renew(progress)
        writer.close()

    with writer_lock(centre.paths):
        return erase(centre.paths, references, silent, renew=renew)


def saved(centre: Centre, file: Path) -> Path:
    with writer_lock(centre.paths):
        back_up(centre.paths, centre.settings, file, silent)
    return file


def restored(home: Path, file: Path, *, erasures: Sequence[Path] = (), force: bool = False) -> Restored:
    home.mkdir(exist_ok=True)
    with writer_lock(Paths(home)):
        return restore(Paths(home), file, silent, erasures=erasures, force=force)


def test_no_byte_of_an_erased_customer_is_left_in_the_home(asked: Centre, shell: Shell, tmp_path: Path) -> None:
    (asked.home / ".restoring").mkdir()
    (asked.home / ".restoring" / "left.md").write_text(WORDS[0])
    before = traces(asked.home)
    assert {word for words in before.values() for word in words} == {*TRACES} - {REFERENCE}
    assert any(name.startswith("index/") for name in before)
    vectors = asked.rows("SELECT count(*) FROM vectors")[0][0]
    done = shell(
        asked.home, "erase", REFERENCE, "--json", environment={"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: "}
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert (rows["documents"], rows["revisions"], rows["searches"]) == (1, 2, 1)
    assert not traces(asked.home)
    assert len(list((asked.home / "index" / "generations").iterdir())) == 1
    with pytest.raises(IndexMissing, match="none before it"):
        asked.roll_back()
    assert set(found(asked.open(), "agent")) == {"refund", "delivery", "T-2", "T-3"}
    assert asked.rows("SELECT count(*) FROM vectors")[0][0] < vectors
    assert asked.rows("SELECT count(*) FROM vectors WHERE hash NOT IN (SELECT hash FROM passages)") == [(0,)]
    with closing(sqlite3.connect(asked.paths.journal)) as db:
        assert db.execute("SELECT query_id, shown FROM searches").fetchall() == [("q2", '["[erased]@2#0", "T-3@1#0"]')]
        assert db.execute("SELECT document_id, passage_id FROM signals").fetchall() == [(None, "[erased]@2#0")]
        assert db.execute("SELECT answer_id FROM answers").fetchall() == [("a2",)]
        assert db.execute("SELECT id FROM layouts").fetchall() == [("l2",)]
    noted = asked.rows("SELECT subject FROM audit WHERE action = 'erasure'")
    assert noted == [(Customers(asked.paths.customer_key).hash(REFERENCE)[:12],)]
    assert asked.reindex().embedded == 0


def test_a_text_that_another_ticket_has_too_keeps_its_vector(two: Centre, tmp_path: Path) -> None:
    same = [ticket("T-1", "the same", REFERENCE), ticket("T-2", "the same", OTHER)]
    two.import_(exported(tmp_path / "desk.jsonl", *same))
    before = two.rows("SELECT hash FROM vectors ORDER BY hash")
    erased(two, REFERENCE)
    assert two.rows("SELECT hash FROM vectors ORDER BY hash") == before
    assert found(two.open(), "agent").keys() == {"refund", "delivery", "T-2"}


def test_a_dry_run_counts_and_changes_nothing(asked: Centre, shell: Shell) -> None:
    before = {
        file: file.read_bytes() for file in (asked.home / "data").iterdir() if not file.name.endswith(("-shm", "-wal"))
    }
    assert held(asked.paths, [REFERENCE]) == {"documents": 1, "revisions": 2, "passages": 2, "searches": 1}
    done = shell(asked.home, "erase", REFERENCE, "nobody", "--dry-run")
    assert "would be erased: 1 documents, 2 passages, 2 revisions, 1 searches" in done.stdout, done.stderr
    assert {
        file: file.read_bytes() for file in (asked.home / "data").iterdir() if not file.name.endswith(("-shm", "-wal"))
    } == before


def test_a_ticket_that_changed_hands_goes_with_either_customer(two: Centre, tmp_path: Path) -> None:
    for reference in (REFERENCE, OTHER):
        two.import_(exported(tmp_path / "desk.jsonl", ticket("T-1", f"a thing of {reference[-1]}", reference)))
    assert erased(two, REFERENCE).rows["documents"] == 1
    assert not two.rows("SELECT * FROM revisions WHERE document_id = 'T-1'")


def test_an_export_that_forgets_the_reference_keeps_it_and_one_that_adds_it_counts_as_changed(
    two: Centre, tmp_path: Path
) -> None:
    file = tmp_path / "desk.jsonl"
    two.import_(exported(file, ticket("T-1", "a thing", None)))
    assert two.import_(exported(file, ticket("T-1", "a thing", REFERENCE))).changed == 1
    assert two.import_(exported(file, ticket("T-1", "a thing", REFERENCE))).unchanged == 1
    assert two.import_(exported(file, ticket("T-1", "a thing", None))).unchanged == 1
    assert erased(two, REFERENCE).rows == {"documents": 1, "revisions": 1, "passages": 1}


def test_a_server_erases_and_its_search_forgets_at_once(asked: Centre, shell: Shell, tmp_path: Path) -> None:
    environment = {"KB_QUERY_PROMPT": "q: ", "KB_PASSAGE_PROMPT": "p: "}
    key = create_key(asked.paths, "agent").key
    with serving(asked.home, asked.settings.model, environment=environment, key=key) as server:
        assert TICKET in {hit["document_id"] for hit in server.search("drum", k=100)["tickets"]}
        (tmp_path / "names").write_text(f"{REFERENCE}\n\n", "utf-8")
        done = shell(asked.home, "erase", "--from-file", str(tmp_path / "names"), environment=environment)
        assert done.returncode == 0, done.stderr
        assert {hit["document_id"] for hit in server.search("drum", k=100)["tickets"]} == {"T-2", "T-3"}
        assert not traces(asked.home)
        assert server.finds("refunds", "refund")


def test_an_erased_customer_stays_erased_after_every_restore(asked: Centre, tmp_path: Path) -> None:
    file = saved(asked, tmp_path / "b.kb")
    moved = tmp_path / "elsewhere.kb"
    shutil.copy(file, moved)
    assert erased(asked, REFERENCE).told == (str(file),)
    for number, (backup, options) in enumerate([(file, {}), (moved, {"erasures": [ledger.file_of(asked.paths)]})]):
        home = tmp_path / f"r{number}"
        assert restored(home, backup, **options).erased_again == 1  # type: ignore[arg-type]
        assert not traces(home)
    assert restored(asked.home, moved, force=True).erased_again == 1  # by the list of the home that it replaces
    assert not traces(asked.home)
    asked.reindex()
    assert set(found(asked.open(), "agent")) == {"refund", "delivery", "T-2", "T-3"}
    assert restored(tmp_path / "unknown", moved).erased_again == 0  # nobody told it
    assert traces(tmp_path / "unknown")


def test_what_was_kept_aside_is_erased_too(asked: Centre, tmp_path: Path) -> None:
    file = saved(asked, tmp_path / "b.kb")
    assert restored(asked.home, file, force=True).aside
    asked.reindex()
    assert any(name.startswith("before-restore-") for name in traces(asked.home))
    assert erased(asked, REFERENCE).rows["documents"] == 2
    assert not traces(asked.home)


def test_a_customer_who_came_back_is_in_a_restored_backup_of_that_time(asked: Centre, tmp_path: Path) -> None:
    erased(asked, REFERENCE)
    asked.import_(exported(tmp_path / "desk.jsonl", ticket(TICKET, WORDS[1], REFERENCE)))
    file = saved(asked, tmp_path / "b.kb")
    assert restored(tmp_path / "r", file).erased_again == 0
    again = Centre(tmp_path / "r", asked.settings, asked.embedder)
    again.reindex()
    assert TICKET in found(again.open(), "agent")
    assert erased(again, REFERENCE).rows["documents"] == 1
    assert ledger.read(ledger.beside(file)) == ledger.read(ledger.file_of(again.paths))[-1:]


def test_a_list_of_another_centre_is_refused(asked: Centre, tmp_path: Path) -> None:
    file = saved(asked, tmp_path / "b.kb")
    other = Paths(tmp_path / "other")
    (other.home / "data").mkdir(parents=True)
    ledger.note(ledger.file_of(other), ledger.erasures(other, [Customers(other.customer_key).hash(REFERENCE)]))
    with pytest.raises(StoreError, match=r"another customer\.key"):
        restored(tmp_path / "r", file, erasures=[ledger.file_of(other)])
    with pytest.raises(StoreError, match="nothing was changed"):
        restored(other.home, file, force=True)
    assert not traces(other.home)


def test_a_backup_out_of_reach_is_told(asked: Centre, tmp_path: Path) -> None:
    file = saved(asked, tmp_path / "b.kb")
    file.rename(tmp_path / "away.kb")
    assert erased(asked, REFERENCE).out_of_reach == (str(file),)
    assert not ledger.beside(file).exists()


def erase_apart(home: Path, settings: Settings) -> None:
    def renew(progress: Any) -> None:
        Writer(Paths(home), settings).renew(progress)

    with writer_lock(Paths(home)):
        erase(Paths(home), [REFERENCE], silent, renew=renew)


def test_an_erasure_killed_at_any_step_is_completed_by_the_next(asked: Centre, tmp_path: Path) -> None:
    file = saved(asked, tmp_path / "b.kb")
    shutil.copytree(asked.home, tmp_path / "all")
    for step in points(steps_of(erase_apart, tmp_path / "all", asked.settings), at_most=8):
        centre = Centre(tmp_path / f"at{step}", asked.settings, asked.embedder)
        shutil.copytree(asked.home, centre.home)
        assert dies_at(step, erase_apart, centre.home, asked.settings)
        shown = set(found(centre.open(), "agent"))
        assert shown - {TICKET} == {"refund", "delivery", "T-2", "T-3"}
        begun = bool(ledger.read(ledger.pending_file(centre.paths)))
        erased(centre, *([] if begun else [REFERENCE]))
        assert not traces(centre.home), step
        assert set(found(centre.open(), "agent")) == {"refund", "delivery", "T-2", "T-3"}
        assert not ledger.pending_file(centre.paths).exists()
    assert archive.check(file, silent).members
    assert ledger.read(ledger.beside(file))

"""What customers told the centre about themselves is nowhere: not in the store, the index, the logs or a message."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from conftest import ROOT, SAMPLE, Shell, tiny_settings
from sample_files import read_lines

from kb.config import Paths
from kb.progress import silent
from kb.search import generation
from kb.search.keywords import Keywords
from kb.search.terms import terms
from kb.writer import Writer, writer_lock

PLANTED = read_lines(ROOT / "tests" / "data" / "planted.jsonl")
TICKETS = read_lines(SAMPLE / "tickets.jsonl")
_NUMBERS = {"phone", "spoken_phone", "bank_card", "iban", "resident_id", "spoken_id"}


@dataclass(frozen=True)
class Secret:
    """A text that must be found nowhere; a number also not when written with other spaces and dashes."""

    ticket: str
    kind: str
    text: str

    @cached_property
    def wide(self) -> str:
        return unicodedata.normalize("NFKC", self.text)

    @cached_property
    def compact(self) -> str:
        return _compact(self.text)

    @cached_property
    def escaped(self) -> str:
        return json.dumps(self.text)[1:-1].lower()


def _compact(text: str) -> str:
    """NFKC, lower case, without white space and dashes."""
    kept = unicodedata.normalize("NFKC", text).lower()
    return "".join(c for c in kept if not c.isspace() and unicodedata.category(c) != "Pd")


SECRETS = sorted(
    {Secret(planted["ticket"], planted["kind"], planted["text"]) for planted in PLANTED}
    | {Secret(t["id"], kind, text) for t in TICKETS for kind, text in (t.get("customer") or {}).items()},
    key=lambda secret: (secret.ticket, secret.kind, secret.text),
)


def survivors(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Every secret that stands in one of the (place, text), as typed, escaped as in JSON, or, a number, compacted."""
    found = []
    for place, text in texts:
        wide, lower, compact = unicodedata.normalize("NFKC", text), text.lower(), _compact(text)
        found += [
            f"{place}: {secret.kind} {secret.text!r} of {secret.ticket}"
            for secret in SECRETS
            if secret.wide in wide or secret.escaped in lower or (secret.kind in _NUMBERS and secret.compact in compact)
        ]
    return found


def _files(home: Path) -> list[Path]:
    return [file for part in ("data", "index") for file in sorted((home / part).rglob("*")) if file.is_file()]


def _cells(file: Path) -> Iterator[tuple[str, str]]:
    """(table.column, value) of every cell, blobs read as text as far as they are text."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = db.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    text = value.decode("utf-8", "ignore") if isinstance(value, bytes) else str(value)
                    yield f"{table}.{column}", text
    db.close()


def test_there_are_hundreds_of_secrets_of_every_kind_in_the_sample_tickets() -> None:
    assert len(SECRETS) >= 350
    assert {secret.kind for secret in SECRETS} >= _NUMBERS | {"name", "email", "address"}
    raw = (SAMPLE / "tickets.jsonl").read_text("utf-8")
    assert [secret for secret in SECRETS if secret.text not in raw] == []


def test_a_survivor_is_found_in_every_form_that_this_file_looks_for() -> None:
    phone = next(secret for secret in SECRETS if secret.kind == "phone" and " " in secret.text)
    name = next(secret for secret in SECRETS if secret.kind == "name" and not secret.text.isascii())
    assert len(survivors([("here", f"call {phone.text}!")])) >= 1
    assert len(survivors([("here", "-".join(phone.text.replace(" ", "")))])) >= 1
    assert len(survivors([("here", json.dumps(name.text))])) >= 1
    assert survivors([("here", "nobody, nowhere")]) == []


def test_no_byte_of_the_store_or_the_index_holds_personal_data(sample_home: Path) -> None:
    files = _files(sample_home)
    assert any(file.suffix == ".term" for file in files)
    assert any(file.name == "kb.sqlite" for file in files)
    raw = {file: file.read_bytes() for file in files}
    found = [
        f"{file.relative_to(sample_home)}: {secret.kind} {secret.text!r} of {secret.ticket}"
        for file, data in raw.items()
        for secret in SECRETS
        if secret.text.encode() in data
    ]
    found += survivors(
        (str(file.relative_to(sample_home)), data.decode("utf-8", "ignore")) for file, data in raw.items()
    )
    assert not found, "\n".join(["personal data survived:", *sorted(set(found))])


def test_no_cell_of_the_database_holds_personal_data(sample_home: Path) -> None:
    cells = list(_cells(Paths(sample_home).database))
    tables = {place.partition(".")[0] for place, _ in cells}
    assert tables >= {"documents", "revisions", "passages", "vectors"}
    found = survivors([(place, text) for place, text in cells if place != "vectors.vector"])
    assert not found, "\n".join(["personal data survived:", *sorted(set(found))])


def test_no_search_for_personal_data_finds_a_term_of_it(sample_home: Path) -> None:
    """The term files hold compressed terms that no reading of bytes shows, so the index itself is asked."""
    articles = "\n".join(file.read_text("utf-8") for file in (sample_home / "articles").rglob("*.md"))
    elsewhere = set(terms(articles))
    paths = Paths(sample_home)
    folder = generation.keywords_folder(paths.index, generation.read_manifest(paths.index).generation)
    snapshot = Keywords(folder).snapshot()

    def is_held(term: str) -> bool:
        return any(lane.rarity(term) < lane.rarity("a-term-that-no-passage-holds") for lane in snapshot.lanes.values())

    assert is_held(terms("洗衣机")[0])
    whole = {(term, secret) for secret in SECRETS for term in terms(secret.text) if _tells(term)}
    assert len(whole) > 100
    found = [f"{term!r} of {secret}" for term, secret in whole if term not in elsewhere and is_held(term)]
    assert not found, "\n".join(["personal terms survived:", *sorted(found)])


def _tells(term: str) -> bool:
    """Whether a term alone gives somebody away: an address, a long number; not `street` or a group of digits."""
    return "@" in term or sum(character.isdigit() for character in term) >= 7


def test_the_write_ahead_log_of_an_import_holds_no_personal_data(home: Path, tiny_model: Path) -> None:
    paths = Paths(home)
    with writer_lock(paths):
        writer = Writer(paths, tiny_settings(tiny_model))
        assert writer.import_files([SAMPLE / "tickets.jsonl"], silent).added > 100
        log = paths.database.with_name("kb.sqlite-wal").read_bytes()
        found = survivors([("kb.sqlite-wal", log.decode("utf-8", "ignore"))])
        writer.close()
    assert len(log) > 100_000
    assert not found, "\n".join(["personal data survived:", *found])


@pytest.mark.parametrize("how", [["--json"], []])
def test_an_import_says_nothing_of_personal_data(shell: Shell, home: Path, how: list[str]) -> None:
    done = shell(home, "import", str(SAMPLE / "tickets.jsonl"), *how)
    assert done.returncode == 0, done.stderr
    found = survivors([("standard output", done.stdout), ("standard error", done.stderr)])
    assert not found, "\n".join(["personal data was shown:", *found])
    files = [(str(file.relative_to(home)), file.read_bytes().decode("utf-8", "ignore")) for file in _files(home)]
    found = survivors(files)
    assert not found, "\n".join(["personal data survived:", *sorted(set(found))])


def test_a_refused_record_is_reported_without_personal_data(shell: Shell, home: Path) -> None:
    full = [ticket for ticket in TICKETS if ticket.get("customer", {}).keys() >= {"name", "email", "phone"}]
    sound = [ticket for ticket in full if ticket.get("resolution")][:6]
    broken = [
        sound[0] | {"messages": "call " + sound[0]["customer"]["phone"]},
        sound[1] | {"customer": sound[1]["customer"]["name"]},
        sound[2] | {"subject": [sound[2]["customer"]["email"]], "tags": {sound[2]["customer"]["email"]: 1}},
        sound[3] | {"customer": sound[3]["customer"] | {"phone": [sound[3]["customer"]["phone"]]}},
        sound[4] | {"messages": [*sound[4]["messages"], sound[4]["customer"]["name"]]},
        sound[5] | {"messages": [{"author": sound[5]["customer"]["name"], "text": "hello"}]},
    ]
    lines = [json.dumps(ticket, ensure_ascii=False) for ticket in broken]
    lines.append(lines[0][: lines[0].index(sound[0]["customer"]["phone"]) + 14])  # cut off in the middle
    (home / "broken.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    done = shell(home, "import", str(home / "broken.jsonl"))
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert all(f"broken.jsonl:{number}" in done.stdout + done.stderr for number in range(1, len(lines) + 1))
    found = survivors([("standard output", done.stdout), ("standard error", done.stderr)])
    assert not found, "\n".join(["personal data was shown:", *found])

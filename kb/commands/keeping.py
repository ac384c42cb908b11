"""`kb backup`, `kb restore`, `kb erase`: what is kept, and what must not be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from kb.errors import StoreBusy, UsageError

if TYPE_CHECKING:
    from kb.commands.home import Home

_FILE = click.Path(path_type=Path, dir_okay=False)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


@click.command()
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Write over FILE where it exists.")
@_as_json
@click.pass_obj
def backup(home: Home, file: Path, force: bool, as_json: bool) -> None:
    """Write all that cannot be rebuilt into one FILE, while a server runs or not.

    Databases (one moment of each), articles/, settings, word lists and golden questions, every byte under a checksum;
    not the index, which `kb reindex` builds again without embedding. FILE is readable by its owner alone (mode 0600):
    it holds what customers wrote, and the key that their references are hashed with. It is there when it is whole, or
    not at all. Take it back with `kb restore FILE`.
    """
    from kb import presentation
    from kb.handing import run_backup

    with presentation.bars() as progress:
        saved = run_backup(home.paths, home.settings, file.absolute(), progress, force=force)
    presentation.show_json(saved) if as_json else presentation.show_saved(saved)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Restore over what the home holds; that is kept aside.")
@click.option(
    "--erasures", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="LIST",
    help="Erase again whom this list names too, such as data/erasures.jsonl of the home that is lost; may be repeated.",
)  # fmt: skip
@_as_json
@click.pass_obj
def restore(home: Home, file: Path, force: bool, erasures: tuple[Path, ...], as_json: bool) -> None:
    """Put a home back as it was when FILE was written, but for customers erased since.

    All of FILE is checked first; damaged, nothing is changed. No server may run. Whom this home's list, FILE.erasures
    or --erasures name is erased again before anything can be served. Interrupted, the home is as it was, or refuses to
    serve until the same command completed it. Then run `kb reindex`; nothing is embedded again.
    """
    from kb import presentation
    from kb.backup.restoring import restore
    from kb.writer import writer_lock

    try:
        with presentation.bars() as progress, writer_lock(home.paths):
            done = restore(home.paths, file.absolute(), progress, force=force, erasures=erasures)
    except StoreBusy as error:
        raise StoreBusy(f"{error} (a server must be stopped before its home is restored)") from error
    presentation.show_json(done) if as_json else presentation.show_restored(done)


@click.command()
@click.argument("references", nargs=-1, metavar="[CUSTOMER_REF]...")
@click.option("--from-file", type=click.File(encoding="utf-8"), help="Also the references in this file, one a line.")
@click.option("--dry-run", is_flag=True, help="Count what would be erased, and erase nothing.")
@_as_json
@click.pass_obj
def erase(home: Home, references: tuple[str, ...], from_file: TextIO | None, dry_run: bool, as_json: bool) -> None:
    """Erase for real what is kept of the customers whom CUSTOMER_REFs name.

    Their tickets with every revision, passage and vector, what they asked and were told, and what refers to it: from
    the databases, and from the index, which is built anew. A restore erases them again. Not articles, even where one
    was written from a ticket, nor files that you keep elsewhere, such as help desk exports. Killed, run `kb erase`
    again; without a reference it completes what was begun.
    """
    from kb import presentation
    from kb.backup import erasing, ledger
    from kb.handing import run_erasure

    lines = from_file.read().splitlines() if from_file else ()
    wanted = list(dict.fromkeys(filter(None, (line.strip() for line in (*references, *lines)))))
    if not wanted and (dry_run or not ledger.read(ledger.pending_file(home.paths))):
        raise UsageError("name a customer: `kb erase CUSTOMER_REF`, as it was given with their tickets and questions")
    if dry_run:
        counts = erasing.held(home.paths, wanted)
        presentation.show_json({"rows": counts}) if as_json else presentation.show_held(counts)
        return
    with presentation.bars() as progress:
        erased = run_erasure(home.paths, home.settings, wanted, progress)
    presentation.show_json(erased) if as_json else presentation.show_erased(erased)


def refuse_unless_whole(home: Home, command: str | None) -> None:
    """Keeps commands from a home that is being restored; removes what a restore left that was killed in time.

    Raises StoreBusy, which says what to do.
    """
    from kb.backup import places

    if command in ("restore", "doctor"):
        return
    places.refuse_half_restored(home.paths)
    if places.unpacked(home.paths).home.exists():
        from kb.writer import writer_lock

        try:
            with writer_lock(home.paths):
                places.remove_unpacked(home.paths)
        except StoreBusy as error:
            raise StoreBusy(f"{home.path}: a restore is under way: wait for its end") from error

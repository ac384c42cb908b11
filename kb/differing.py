"""What a person sees in a shell of what differs, or would."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from kb.editing.replacing import Done, Kept, Preview
from kb.editing.revisions import Compared

_STYLES = {"-": "red", "+": "green", "@": "cyan"}


def show_difference(found: Compared) -> None:
    """Two revisions compared, as a unified diff."""
    console = _console()
    for line in found.difference.unified.split("\n"):
        console.print(Text(line, _STYLES.get(line[:1], "")))


def show_replacement(found: Preview) -> None:
    """What find and replace would change, line by line, and what stays as it is."""
    console = _console()
    for article in found.changed:
        console.print(Text(f"{article.document_id}  {article.title}  ({article.hits} hits)", "bold"))
        for place in article.places:
            for mark, text in (("-", place.before), ("+", place.after)):
                for number, line in enumerate(text.split("\n"), place.line):
                    console.print(Text(f"{number:>5} {mark} {line}", _STYLES[mark]))
    _show_kept(console, found.kept)
    console.print(f"{found.hits} hits; {len(found.changed)} articles would change, {len(found.kept)} stay as they are")
    if found.changed:
        console.print("Nothing was changed; --yes makes an edit of each.")


def show_done(done: Done) -> None:
    """What find and replace did."""
    console = _console()
    for one in done.edited:
        console.print(f"{one.document_id} is edited at {one.revision}")
    _show_kept(console, done.kept)
    console.print(f"{len(done.edited)} edits, none of it live; {len(done.kept)} articles stay as they are")


def _show_kept(console: Console, kept: Sequence[Kept]) -> None:
    for one in kept:
        console.print(Text(f"{one.document_id}  ({one.hits} hits) stays as it is: {one.reason}", "yellow"))


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)

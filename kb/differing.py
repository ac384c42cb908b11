"""What a person sees in a shell of what differs, or would."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from kb.editing.replacing import Preview
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
    for kept in found.kept:
        console.print(Text(f"{kept.document_id}  ({kept.hits} hits) stays as it is: {kept.reason}", "yellow"))
    console.print(f"{found.hits} hits; {len(found.changed)} articles would change, {len(found.kept)} stay as they are")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)

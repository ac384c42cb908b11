"""`kb assist`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kb.commands.home import Home, as_json


@click.command()
@click.argument("transcript", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@as_json
@click.pass_obj
def assist(home: Home, transcript: Path, as_json: bool) -> None:
    """Replay a call and show what an agent would have seen, with timings; TRANSCRIPT holds one utterance a line."""
    from kb import presentation
    from kb.assist.transcripts import judged, read, replay
    from kb.assisting import assistant
    from kb.ingest.redaction import Redactor, redacted_after
    from kb.model import AGENT, PUBLIC
    from kb.results import Ask

    lines = read(transcript)
    kb = home.knowledge()
    kb.warm()
    for language in ("你好", "hello"):  # what a language's first question reads would count as the first suggestion's
        kb.search(Ask(language))
    redactor = Redactor(keep=home.settings.keep)
    engine = assistant(lambda: kb, frozenset({PUBLIC, AGENT}), home.settings.assist_ms)
    shown = replay(lines, engine, lambda before, text: redacted_after(redactor, before, text))
    marks = judged(shown)
    if as_json:
        rows = [{"sequence": s.line.sequence, "speaker": s.line.speaker, "text": s.text, "told": s.told} for s in shown]
        presentation.show_json({"utterances": rows, "judged": marks})
        return
    for one in shown:
        click.echo(f"{one.line.speaker:>8}  {one.text}")
        if one.told:
            _show(one.told)
    if marks.due:
        click.echo(f"help at {marks.helped} of {marks.due} moments; useless interruptions: {marks.useless}")


def _show(told: Any) -> None:
    late = "" if told.in_time else ", late"
    for one in told.suggestions:
        words = " · ".join(one.why.words) or "meant alike"
        click.secho(f"          → {one.title} ({one.document_id}, {one.confidence:.2f}; {words})", fg="cyan")
        if one.say:
            click.echo("            say: " + one.say.replace("\n", "\n                 "))
        for note in one.notes:
            click.secho("            internal: " + note.text.replace("\n", " "), fg="yellow")
    click.secho(f"            {told.took_ms:.0f} of {told.budget_ms} ms{late}", dim=True)

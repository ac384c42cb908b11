"""Written calls, replayed: what an agent would have been shown, and whether it helped where help was due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kb.assist.engine import Assistant
from kb.assist.lines import Speaker, Told, Utterance
from kb.errors import UsageError

FIRST = 3
"""Help counts within so many suggestions since the moment before at which help was due."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An utterance; `due` names documents of which one has to be shown by now, `quiet` wants silence."""

    sequence: int
    speaker: Speaker
    text: str
    final: bool = True
    time: float = 0.0
    due: tuple[str, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A line, as it was heard (redacted), with what was shown after it."""

    line: Line
    text: str
    told: Told | None


@dataclass(frozen=True, slots=True)
class Judged:
    """Of one call: moments at which help was due, those at which it was there, and useless interruptions."""

    due: int
    helped: int
    useless: int


def read(file: Path) -> list[Line]:
    """A transcript. Raises UsageError naming the line that is malformed."""
    lines = []
    for number, text in enumerate(file.read_text("utf-8").splitlines(), 1):
        if text.strip():
            try:
                lines.append(msgspec.json.decode(text, type=Line))
            except msgspec.MsgspecError as error:
                raise UsageError(f"{file}:{number}: {error}") from error
    return lines


def replay(lines: Iterable[Line], assistant: Assistant, redacted: Callable[[str, str], str]) -> list[Shown]:
    """Hears each line after the one before; `redacted` gives a text as it would be kept, from the one before and it."""
    shown: list[Shown] = []
    for number, line in enumerate(lines, 1):
        text = redacted(shown[-1].text if shown else "", line.text)
        told = assistant.hear(Utterance(number, line.sequence, line.speaker, text, line.final, line.time))
        shown.append(Shown(line, text, told))
    return shown


def judged(shown: Sequence[Shown]) -> Judged:
    """A call judged by its marks: an interruption is useless where nothing of it is due anywhere in the call.

    So is any at a line that wants silence.
    """
    wanted = {document for one in shown for document in one.line.due}
    window: list[str] = []
    earlier: set[str] = set()
    helped = useless = 0
    for one in shown:
        ids = [suggestion.document_id for suggestion in one.told.suggestions] if one.told else []
        window += ids
        useless += bool(ids) and (one.line.quiet or not wanted & set(ids))
        if one.line.due:
            helped += bool((set(window[:FIRST]) | earlier) & set(one.line.due))
            earlier |= set(window)
            window = []
    return Judged(sum(bool(one.line.due) for one in shown), helped, useless)

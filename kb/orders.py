"""The writing that other processes order from the one that holds the lock: what they send as plain values, done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kb.config import MODEL_KEYS, Settings, deciding
from kb.deliveries import Inbox
from kb.errors import SettingsError
from kb.ingest.exports import Layout
from kb.progress import Progress, silent
from kb.publishing import Summary
from kb.writer import Writer

log = logging.getLogger("kb")
Work = Callable[[Writer, Mapping[str, Any], Progress], Summary]
Ahead = Callable[[Writer, Mapping[str, Any], Progress], None]


def check_settings(arguments: Mapping[str, Any], settings: Settings, *, may_name_model: bool) -> None:
    """Raises SettingsError where who orders has others than the writer, but for a model that may be named."""
    own = {key: value for key, value in deciding(settings).items() if not (may_name_model and key in MODEL_KEYS)}
    for name, value in own.items():
        if (theirs := arguments["settings"][name]) != value:
            raise SettingsError(
                f"{name}: this command has {theirs!r}, the running server {value!r}: give both the same, or stop the"
                " server first (`kb reindex --model M` changes the model)"
            )


def reindex(writer: Writer, arguments: Mapping[str, Any], progress: Progress) -> Summary:
    """Reads `articles/` and brings the index up to date."""
    return writer.reindex(progress, full=bool(arguments["full"]), force=bool(arguments["force"]))


def prepare(writer: Writer, arguments: Mapping[str, Any], progress: Progress) -> None:
    """Embeds with the model that is named, beside all other writing."""
    writer.prepare(_named(writer, arguments), progress)


def change_model(writer: Writer, arguments: Mapping[str, Any], progress: Progress) -> Summary:
    """Builds and publishes a generation of the model that is named."""
    settings, full, force = _named(writer, arguments), bool(arguments["full"]), bool(arguments["force"])
    return writer.change_model(settings, progress, full=full, force=force)


def _named(writer: Writer, arguments: Mapping[str, Any]) -> Settings:
    """The writer's settings, with the model that a job names."""
    return msgspec.structs.replace(writer.settings, **{key: arguments["settings"][key] for key in MODEL_KEYS})


def roll_back(writer: Writer, _: Mapping[str, Any], progress: Progress) -> Summary:
    """Goes back to the generation before."""
    return writer.roll_back(progress)


def import_files(writer: Writer, arguments: Mapping[str, Any], progress: Progress) -> Summary:
    """Takes records from files."""
    files = [Path(name) for name in arguments["files"]]
    layout, source = msgspec.convert(arguments["layout"], Layout), arguments["source"]
    return writer.import_files(files, progress, source=source, prune=bool(arguments["prune"]), layout=layout)


def take_in(writer: Writer, inbox: Inbox) -> Summary:
    """Publishes what help desks sent and waits; killed anywhere, it is done again."""
    sent = inbox.waiting()
    summary = writer.take_in(sent, silent)
    inbox.done(sent)
    return summary


def tell(summary: Summary) -> None:
    """What a service's log says of its own writing."""
    for problem in summary.problems:
        log.warning("%s", problem)
    if summary.added or summary.changed or summary.removed:
        log.info("reindexed: %d added, %d changed, %d removed", summary.added, summary.changed, summary.removed)

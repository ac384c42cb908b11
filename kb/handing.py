"""A writing job runs here where the lock is free, and in the running server where that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from kb.config import Paths, Settings
from kb.errors import StoreBusy
from kb.jobs import ask_server, server_file
from kb.progress import Progress
from kb.publishing import Summary
from kb.writer import Writer, writer_lock

_PATIENCE_SECONDS = 30.0
"""How long to wait for another shell's writing to end; a server is asked at once."""


def run_job(paths: Paths, settings: Settings, job: str, arguments: Mapping[str, Any], progress: Progress) -> Summary:
    """Runs `reindex` or `import`. Raises what it raises, or StoreBusy where neither way is open."""
    try:
        with writer_lock(paths):
            return _here(paths, settings, job, arguments, progress)
    except StoreBusy:
        if server_file(paths.index).exists():
            return msgspec.convert(ask_server(paths.index, job, arguments, progress), Summary)
    progress("Waiting for another kb process", 0, 1)
    with writer_lock(paths, wait_seconds=_PATIENCE_SECONDS):
        return _here(paths, settings, job, arguments, progress)


def _here(paths: Paths, settings: Settings, job: str, arguments: Mapping[str, Any], progress: Progress) -> Summary:
    writer = Writer(paths, settings)
    try:
        if job == "reindex":
            return writer.reindex(progress, full=arguments["full"])
        files = [Path(name) for name in arguments["files"]]
        return writer.import_files(files, progress, source=arguments["source"], prune=arguments["prune"])
    finally:
        writer.close()

"""A writing job from the shell, here or in the server that holds the lock, and its report."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from kb.commands.home import Home
from kb.config import load_settings

SOME_REFUSED = 3


def write(home: Home, job: str, arguments: Mapping[str, Any], as_json: bool) -> None:
    """Runs the job and reports it; exits with 3 where records were refused."""
    from kb import presentation
    from kb.handing import run_job

    with presentation.bars() as progress:
        summary = run_job(home.paths, home.settings, job, arguments, progress)
    named = load_settings(home.path, {})
    presentation.show_json(summary) if as_json else presentation.show_summary(summary, named.model)
    if summary.refused:
        sys.exit(SOME_REFUSED)

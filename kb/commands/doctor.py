"""`kb doctor`: is everything in order?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kb.commands.home import Home

_FAILED = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_obj
def doctor(home: Home, as_json: bool) -> None:
    """Check model, database, index, backups and erasures, and say what to do about what is wrong."""
    from kb import presentation
    from kb.diagnosis import examine

    findings = examine(home.paths, home.settings)
    presentation.show_json(findings) if as_json else presentation.show_findings(findings)
    if not all(finding.ok for finding in findings):
        sys.exit(_FAILED)

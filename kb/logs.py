"""What kb tells the operator while it runs: one line an event on standard error, never a customer's words."""

from __future__ import annotations

import logging
import sys


def configure_logging() -> None:
    """Shows kb's own events, and warnings of everything else."""
    logging.basicConfig(format="kb: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("kb").setLevel(logging.INFO)

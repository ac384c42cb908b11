"""Where a home keeps its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a home keeps its parts."""

    home: Path

    @property
    def articles(self) -> Path:
        """The Markdown files that editors publish."""
        return self.home / "articles"

    @property
    def database(self) -> Path:
        """Everything that cannot be rebuilt of what is known, and who may see it."""
        return self.home / "data" / "kb.sqlite"

    @property
    def journal(self) -> Path:
        """What was asked and told, and by whom it was found helpful."""
        return self.home / "data" / "journal.sqlite"

    @property
    def admin_key(self) -> Path:
        """The key that the first server makes for its operator."""
        return self.home / "data" / "admin.key"

    @property
    def customer_key(self) -> Path:
        """The secret with which references to customers are hashed."""
        return self.home / "data" / "customer.key"

    @property
    def handover_key(self) -> Path:
        """The secret with which hand-overs are signed, unless a setting names one."""
        return self.home / "data" / "handover.key"

    @property
    def envelope_key(self) -> Path:
        """The keys of what customers said, encrypted until it is taken; the newest first, one a line."""
        return self.home / "data" / "envelope.key"

    @property
    def calibration(self) -> Path:
        """What `kb calibrate` fitted to this centre's own questions."""
        return self.home / "data" / "calibration.json"

    @property
    def synonyms(self) -> Path:
        """The centre's own list of words that say the same."""
        return self.home / "synonyms.txt"

    def golden(self, named: Sequence[str]) -> list[Path]:
        """The files of golden questions that are named; without a name, `golden.jsonl` where there is one."""
        usual = self.home / "golden.jsonl"
        return [self.home / name for name in named] or ([usual] if usual.exists() else [])

    @property
    def index(self) -> Path:
        """Everything that can be rebuilt by `kb reindex`."""
        return self.home / "index"


def is_folder(path: Path, inode: int) -> bool:
    """Whether a path is still the folder that had a number when it was looked at."""
    try:
        return path.stat().st_ino == inode
    except OSError:
        return False

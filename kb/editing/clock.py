"""What tells a running service that an edit's time has come."""

from __future__ import annotations

from time import time

from sqlite_utils import Database

from kb.config import Paths
from kb.errors import KbError
from kb.store import database, drafts


class Clock:
    """Looked at all the time by the home's writer, beside whatever it does; close it in the end."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._db: Database | None = None

    @property
    def is_due(self) -> bool:
        """Whether an edit should be live by now, or there is something to complain of."""
        try:
            self._db = self._db or database.open_for_reading(self._paths.database)
            with database.explained(self._paths.database):
                return drafts.is_due(self._db, time())
        except KbError:
            return True

    def close(self) -> None:
        """Frees the database."""
        if self._db is not None:
            self._db.close()
            self._db = None

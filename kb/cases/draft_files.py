"""Drafts as files: `articles/ID.md` with `status: draft`, which an editor publishes."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import count
from pathlib import Path

from kb.editing.proposals import Proposal
from kb.errors import StoreError
from kb.ingest.articles import read_article, write_article


@dataclass(frozen=True, slots=True)
class DraftFiles:
    """A `Proposals` that writes files; killed at any moment it leaves whole ones, and never writes over another."""

    articles: Path
    timezone: tzinfo

    def propose(self, proposal: Proposal) -> str:
        """The id of the draft; that of the file which holds it already. Raises ArticleError, StoreError."""
        article = read_article(proposal.text.encode(), path=f"{proposal.id}.md", timezone=self.timezone)
        for number in count(1):
            id_ = proposal.id if number == 1 else f"{proposal.id}-{number}"
            text = write_article(replace(article, id=id_, status="draft"), path=f"{id_}.md").encode()
            if self._holds(self.articles / f"{id_}.md", text):
                return id_
        raise AssertionError("count() does not end")

    def _holds(self, file: Path, text: bytes) -> bool:
        """Whether the file holds the text, now if not before; False where it holds another."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".", dir=file.parent)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(name, file)  # fails where there is one, so that nothing is lost
            except FileExistsError:
                return file.read_bytes() == text
            finally:
                Path(name).unlink()
        except OSError as error:
            raise StoreError(f"{file}: cannot be written: {error.strerror}") from error
        return True

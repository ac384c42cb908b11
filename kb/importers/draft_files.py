"""Drafts as files: `articles/ID.md` with `status: draft`, its pictures beside it. An editor publishes it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path

from kb.editing.proposals import Proposal
from kb.ingest.articles import read_article, write_article


@dataclass(frozen=True, slots=True)
class DraftFiles:
    """A `Proposals` that writes files; killed at any moment it leaves whole files."""

    articles: Path
    timezone: tzinfo

    def propose(self, proposal: Proposal) -> str:
        """The id of the draft; the same one where the file holds that draft already. Raises MalformedArticle."""
        article = read_article(proposal.text.encode(), path=f"{proposal.id}.md", timezone=self.timezone)
        for number in range(1, 10_000):
            id_ = proposal.id if number == 1 else f"{proposal.id}-{number}"
            file = self.articles / f"{id_}.md"
            draft = replace(article, id=id_, status="draft")
            text = write_article(draft, original=proposal.text, path=f"{id_}.md", timezone=self.timezone).encode()
            if not file.exists():
                for image in proposal.images:
                    _write(file.parent / image.name, image.content)
                _write(file, text)
                return id_
            if file.read_bytes() == text:
                return id_
        raise FileExistsError(f"{self.articles / proposal.id}.md and 9,999 more of its name exist: remove some")


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".", dir=file.parent)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).replace(file)

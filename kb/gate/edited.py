"""The index as it would be: a view with an edit in it, of which nothing is stored, and what it is read from."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.config import Paths
from kb.errors import StoreBusy, StoreError
from kb.gate.drafting import Drafts
from kb.model import Access, Article, Document, StoredPassage
from kb.reader import Pinned, Reader
from kb.search.advancing import Edits, advanced
from kb.search.analysis import analysed
from kb.search.beside import committed_beside
from kb.search.keywords import Snapshot
from kb.search.view import View
from kb.store import passages

_TRIES, _PAUSE_SECONDS = 50, 0.1


@dataclass(frozen=True, slots=True)
class Edited:
    """Reads what the edit brings from memory, and all else where it lies."""

    live: Pinned
    view: View
    rows: Mapping[int, StoredPassage]
    articles: Mapping[tuple[str, int], Article]

    def fetch(self, rows: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by row id."""
        own = {row: self.rows[row] for row in rows if row in self.rows}
        rest = [row for row in rows if row not in own]
        return own | (self.live.fetch(rest) if rest else {})

    def passages_of(self, document_id: str, revision: int) -> list[StoredPassage]:
        """The passages of one revision of a document, whoever may see them."""
        if (document_id, revision) not in self.articles:
            return self.live.passages_of(document_id, revision)
        return [p for p in self.rows.values() if (p.document_id, p.revision) == (document_id, revision)]

    def document(self, document_id: str, revision: int) -> Document:
        """One revision of a document."""
        return self.articles.get((document_id, revision)) or self.live.document(document_id, revision)


def both_sides(paths: Paths, reader: Reader, drafts: Drafts) -> tuple[Pinned, Edited]:
    """What is live, and what would be. Raises StoreBusy where edits are published all the while, StoreError."""
    for _ in range(_TRIES):
        view = reader.refresh()
        rows = _rows(drafts, view)
        try:
            fresh = [analysed(access, stored.embedded) for access, stored in rows]
            segments = committed_beside(
                paths.index, view.manifest, fresh, replaces=sorted(drafts.ids), change=view.change
            )
        except OSError as error:
            raise StoreError(f"{paths.index}: the edit cannot be tried there: {error}") from error
        if segments is not None:
            live = Pinned(reader, view)
            articles = {(draft.article.id, draft.revision): draft.article for draft in drafts.drafts}
            edits = _edits(drafts, rows, view, segments)
            return live, Edited(live, advanced(view, edits), {access.id: stored for access, stored in rows}, articles)
        time.sleep(_PAUSE_SECONDS)
    raise StoreBusy("other edits are being published all the while: ask again")


def _rows(drafts: Drafts, view: View) -> list[tuple[Access, StoredPassage]]:
    """The passages as rows, numbered on from those that the view knows."""
    ids = view.catalogue.ids
    rows: list[tuple[Access, StoredPassage]] = []
    for draft in drafts.drafts:
        first = (int(ids[-1]) if len(ids) else 0) + 1 + len(rows)
        rows += passages.made(draft.article.id, draft.revision, draft.passages, draft.terms, view.change + 1, first)
    return rows


def _edits(drafts: Drafts, rows: Sequence[tuple[Access, StoredPassage]], view: View, segments: Snapshot) -> Edits:
    places = view.catalogue.rows_of(drafts.ids)
    old = places[view.catalogue.removed[places] > view.change]
    change = view.change + 1
    return Edits(
        change=change,
        keywords=segments,
        added=[access for access, _ in rows],
        texts=[stored.embedded for _, stored in rows],
        vectors=drafts.vectors,
        removed=[(int(id_), change) for id_ in view.catalogue.ids[old]],
        withdrawn=view.catalogue.ids[view.hidden].tolist(),
        changed=sorted(drafts.ids),
        declaring=[draft.article for draft in drafts.drafts if draft.passages],
    )

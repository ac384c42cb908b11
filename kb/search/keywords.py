"""The keyword list: BM25 by tantivy over our own terms, with audience and filters in the query where they are narrow.

Three lanes, each an index of its own: what the public may see, what is for agents or groups, and tickets. BM25 weighs
a word by how many passages hold it, so one index for all would let internal passages sway what the public finds.

One extra document of the public lane, the marker, carries the number of the change that the segments hold; the last
commit of an edit replaces it, so that a reader knows exactly which rows it sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tantivy import Index, IndexWriter, Query, Searcher, TextAnalyzerBuilder, Tokenizer

from kb.errors import IndexCorrupt
from kb.model import PUBLIC, Kind
from kb.search.analysis import Analysed
from kb.search.catalogue import Scope
from kb.search.fields import (
    INTERNAL_LANE,
    LANES,
    MARKER,
    PUBLIC_LANE,
    SCHEMA,
    SPLIT,
    TICKET_LANE,
    any_of,
    both,
    document_of,
    lane_of,
    marker,
)
from kb.search.terms import normalised
from kb.search.wording import Concept

_HEAP = 64_000_000
_REMEMBERED = 65_536  # words whose rarity is known without asking the segments
_ASKED = 1_000
BM25_CEILING = 2.2
"""k1 + 1: no term's BM25 is above this times its inverse document frequency."""


class Keywords:
    """The keyword segments of one generation, a folder a lane; `snapshot` to see new commits."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Opens (or makes) the segments. Raises IndexCorrupt, or OSError where they cannot be made."""
        self.folder = folder
        self._indexes = {lane: _open(folder / lane, create=create) for lane in LANES}

    @property
    def marker_file(self) -> Path:
        """The file whose rename is the moment of a commit."""
        return self.folder / PUBLIC_LANE / "meta.json"

    def index(self, lane: str) -> Index:
        """The segments of a lane."""
        return self._indexes[lane]

    def snapshot(self) -> Snapshot:
        """What the newest commit holds."""
        for index in self._indexes.values():
            index.reload()
        return Snapshot({lane: Lane(lane, index.searcher()) for lane, index in self._indexes.items()})

    def commit(self, passages: Iterable[Analysed], *, replaces: Sequence[str], change: int) -> None:
        """Replaces the passages of some documents, and at last moves the marker to `change`. Raises OSError."""
        touched = {lane for lane in LANES if self._holds_any(lane, replaces)}
        writing = Writing(self)
        try:
            writing.replace(replaces, touched)
            for passage in passages:
                writing.add(passage)
            writing.finish(change)
        except ValueError as error:
            raise OSError(f"{self.folder}: {error}") from error
        finally:
            writing.close()

    def _holds_any(self, lane: str, document_ids: Sequence[str]) -> bool:
        searcher = self._indexes[lane].searcher()
        return any(searcher.doc_freq("document", document_id) for document_id in document_ids)


class Writing:
    """One commit on its way: passages are added, then all become visible, the public lane's last."""

    def __init__(self, segments: Keywords) -> None:
        self._segments = segments
        self._writers: dict[str, IndexWriter] = {}

    def replace(self, documents: Sequence[str], holding: Iterable[str]) -> None:
        """Takes out the passages of documents that stand in the lanes `holding` them. Raises ValueError."""
        for lane in holding:
            for document_id in documents:
                self._writer(lane).delete_documents_by_term("document", document_id)

    def add(self, passage: Analysed) -> None:
        """Takes one passage. Raises ValueError."""
        self._writer(lane_of(passage.access)).add_document(document_of(passage))

    def finish(self, change: int) -> None:
        """Commits, and moves the marker to `change` with the last step. Raises ValueError."""
        self._writer(PUBLIC_LANE).delete_documents_by_term("kind", MARKER)
        self._writer(PUBLIC_LANE).add_document(marker(change))
        for lane in filter(self._writers.__contains__, LANES):
            self._writers[lane].commit()
            self._writers[lane].wait_merging_threads()

    def close(self) -> None:
        """Lets go of the segments; what was not committed is gone. No frame of a traceback may hold a writer."""
        self._writers.clear()

    def _writer(self, lane: str) -> IndexWriter:
        if lane not in self._writers:
            self._writers[lane] = self._segments.index(lane).writer(_HEAP, 1)
        return self._writers[lane]


class Snapshot:
    """One commit of the keyword segments, unchanging, by lane."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self.lanes = lanes

    def __len__(self) -> int:
        """How many passages it holds."""
        return sum(len(lane) for lane in self.lanes.values()) - 1  # the marker

    def change(self) -> int:
        """The number of the change it holds. Raises IndexCorrupt where it was never committed, or is damaged."""
        return self.lanes[PUBLIC_LANE].marker()

    def visible_to(self, scope: Scope, kind: Kind) -> list[Lane]:
        """The lanes in which `scope` may find anything of `kind`."""
        if kind == "ticket":
            return [self.lanes[TICKET_LANE]]
        internal = [] if scope.audiences == {PUBLIC} else [self.lanes[INTERNAL_LANE]]
        return [self.lanes[PUBLIC_LANE], *internal]

    def rarity(self, word: str, kind: Kind) -> float:
        """A term's rarity where questions about `kind` begin: among public passages, or among tickets."""
        return self.lanes[TICKET_LANE if kind == "ticket" else PUBLIC_LANE].rarity(word)

    def unseen(self, kind: Kind) -> float:
        """The rarity of a word that no passage holds, where questions about `kind` begin."""
        return self.lanes[TICKET_LANE if kind == "ticket" else PUBLIC_LANE].unseen


class Lane:
    """One lane of a snapshot."""

    def __init__(self, name: str, searcher: Searcher) -> None:
        self.name = name
        self._searcher = searcher
        self._total = int(searcher.num_docs)
        self._rarities: dict[str, float] = {}

    def __len__(self) -> int:
        return self._total

    def marker(self) -> int:
        """The change number that the marker carries. Raises IndexCorrupt."""
        try:
            found = self._searcher.search(Query.term_query(SCHEMA, "kind", MARKER), 1, count=False)
        except ValueError as error:
            raise IndexCorrupt(f"the keyword index is damaged ({str(error)[:200]}): run `kb reindex`") from error
        if not found.hits:
            raise IndexCorrupt("the keyword index holds no marker: run `kb reindex`")
        return int(self._values([address for _, address in found.hits])[0])

    def search(
        self, asked: Sequence[Concept], k: int, within: Query | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Row ids and BM25 scores (above 0, higher is better) of the k best rows, best first.

        Without `within` it is several times faster, for who leaves out afterwards what may not be found.
        """
        if not asked:
            return np.zeros(0, np.int64), np.zeros(0)
        found = self._searcher.search(both(any_of(asked), within), k, count=False)
        ids = np.array(self._values([address for _, address in found.hits]), np.int64)
        scores = np.array([score for score, _ in found.hits], np.float64)
        best = np.lexsort((ids, -scores))
        return ids[best], scores[best]

    def asked(self, question: str, within: Query | None) -> list[int]:
        """Ids of the rows whose title or curated question is the question, but for punctuation; at most `_ASKED`."""
        wanted = normalised(question)
        if not self._searcher.doc_freq("asked", wanted):
            return []
        query = Query.term_query(SCHEMA, "asked", wanted, "basic")
        found = self._searcher.search(both(query, within), _ASKED, count=False)
        return sorted(self._values([address for _, address in found.hits]))

    def rarity(self, word: str) -> float:
        """BM25's inverse document frequency of a term (natural logarithm, at least 0)."""
        if (known := self._rarities.get(word)) is None:
            if len(self._rarities) >= _REMEMBERED:
                self._rarities.clear()
            total, holding = self._total, int(self._searcher.doc_freq("terms", word))
            known = self._rarities[word] = math.log1p((total - min(holding, total) + 0.5) / (holding + 0.5))
        return known

    def ceiling(self, asked: Sequence[Concept]) -> float:
        """What BM25 of these concepts stays below in this lane; above 0."""
        return BM25_CEILING * sum(self._rarest(concept) for concept in asked) or 1.0

    def _rarest(self, concept: Concept) -> float:
        own = self.rarity(concept.term)
        known = [r for r in map(self.rarity, concept.alternatives) if r < self.unseen]
        return max(known) if known and own >= self.unseen else own

    @property
    def unseen(self) -> float:
        """The rarity of a term that no passage holds."""
        return math.log1p((self._total + 0.5) / 0.5)

    def _values(self, addresses: list[object]) -> list[int]:
        return [int(value or 0) for value in self._searcher.fast_field_values("row", addresses)]  # type: ignore[arg-type]


def _open(folder: Path, *, create: bool) -> Index:
    try:
        if create:
            folder.mkdir(parents=True)
        index = Index(SCHEMA, str(folder)) if create else Index.open(str(folder))
        index.register_tokenizer(SPLIT, TextAnalyzerBuilder(Tokenizer.whitespace()).build())
        index.config_reader("manual")
        index.reload()
        return index
    except (ValueError, OSError) as error:
        if create:
            raise OSError(f"{folder} cannot be written ({error})") from error
        raise IndexCorrupt(f"{folder} cannot be read ({error}): run `kb reindex`") from error

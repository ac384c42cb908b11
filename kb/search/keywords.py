"""The keyword list: BM25 by tantivy over our own terms, with audience, validity and filters in the query.

One extra document, the marker, carries the number of the change that the segments hold; a commit replaces it
together with the passages, so that a reader knows exactly which rows it sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tantivy import Document, FieldType, Index, Occur, Query, SchemaBuilder, Searcher, TextAnalyzerBuilder, Tokenizer

from kb.errors import IndexCorrupt
from kb.model import Access, Kind
from kb.search.catalogue import Scope
from kb.search.terms import terms

_HEAP = 64_000_000
_SPLIT = "kb_terms"
_EVER = 1 << 52  # seconds; an open end, as a number
_MARKER = "marker"

_schema = (
    SchemaBuilder()
    .add_text_field("terms", tokenizer_name=_SPLIT, index_option="freq")
    .add_text_field("document", tokenizer_name="raw", index_option="basic")
    .add_text_field("kind", tokenizer_name="raw", index_option="basic")
    .add_text_field("audience", tokenizer_name="raw", index_option="basic")
    .add_text_field("product", tokenizer_name="raw", index_option="basic")
    .add_text_field("language", tokenizer_name="raw", index_option="basic")
    .add_text_field("tag", tokenizer_name="raw", index_option="basic")
    .add_integer_field("row", indexed=True, fast=True)
    .add_integer_field("valid_from", indexed=True, fast=True)
    .add_integer_field("valid_to", indexed=True, fast=True)
    .build()
)


class Keywords:
    """The keyword segments of one generation, in a folder; `refresh` before `search` to see new commits."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Opens the segments, or makes them. Raises IndexCorrupt, or OSError where they cannot be made."""
        self.folder = folder
        try:
            self._index = Index(_schema, str(folder)) if create else Index.open(str(folder))
            self._index.register_tokenizer(_SPLIT, TextAnalyzerBuilder(Tokenizer.whitespace()).build())
            self._index.config_reader("manual")
            self._index.reload()
        except (ValueError, OSError) as error:
            if create:
                raise OSError(f"{folder} cannot be written ({error})") from error
            raise IndexCorrupt(f"{folder} cannot be read ({error}): run `kb reindex`") from error

    def snapshot(self) -> Snapshot:
        """What the newest commit holds."""
        self._index.reload()
        return Snapshot(self._index.searcher())

    def commit(self, rows: Iterable[tuple[Access, str]], *, replaces: Sequence[str], change: int) -> None:
        """Replaces the passages of some documents and moves the marker to `change`, in one step. Raises OSError."""
        try:
            writer = self._index.writer(_HEAP, 1)
            for document_id in replaces:
                writer.delete_documents_by_term("document", document_id)
            for access, embedded in rows:
                writer.add_document(_document(access, embedded))
            writer.delete_documents_by_term("kind", _MARKER)
            writer.add_document(Document.from_dict({"kind": _MARKER, "row": change}, _schema))
            writer.commit()
            writer.wait_merging_threads()
        except ValueError as error:
            raise OSError(f"{self.folder}: {error}") from error


class Snapshot:
    """One commit of the keyword segments, unchanging."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    def __len__(self) -> int:
        """How many passages it holds."""
        return max(0, int(self._searcher.num_docs) - 1)

    def change(self) -> int:
        """The number of the change it holds. Raises IndexCorrupt where it was never committed, or is damaged."""
        try:
            found = self._searcher.search(Query.term_query(_schema, "kind", _MARKER), 1, count=False)
        except ValueError as error:
            raise IndexCorrupt(f"the keyword index is damaged ({str(error)[:200]}): run `kb reindex`") from error
        if not found.hits:
            raise IndexCorrupt("the keyword index holds no marker: run `kb reindex`")
        return int(self._values([address for _, address in found.hits])[0])

    def search(
        self, words: Sequence[str], scope: Scope, kind: Kind, k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Row ids and BM25 scores (above 0, higher is better) of the k best rows within `scope`, best first."""
        if not words:
            return np.zeros(0, np.int64), np.zeros(0)
        matching = Query.boolean_query([(Occur.Should, Query.term_query(_schema, "terms", w, "freq")) for w in words])
        query = Query.boolean_query([(Occur.Must, matching), (Occur.Must, _within(scope, kind))])
        found = self._searcher.search(query, k, count=False)
        ids = np.array(self._values([address for _, address in found.hits]), np.int64)
        scores = np.array([score for score, _ in found.hits], np.float64)
        best = np.lexsort((ids, -scores))
        return ids[best], scores[best]

    def rarity(self, word: str) -> float:
        """BM25's inverse document frequency of a term (natural logarithm, at least 0)."""
        total, holding = len(self), int(self._searcher.doc_freq("terms", word))
        return float(np.log1p((total - min(holding, total) + 0.5) / (holding + 0.5)))

    def _values(self, addresses: list[object]) -> list[int]:
        return [int(value or 0) for value in self._searcher.fast_field_values("row", addresses)]  # type: ignore[arg-type]


def _document(access: Access, embedded: str) -> Document:
    fields = {
        "terms": " ".join(terms(embedded)),
        "document": access.document_id,
        "kind": access.kind,
        "audience": list(access.audience),
        "language": access.language.split("-")[0],
        "tag": list(access.tags),
        "row": access.id,
        "valid_from": -_EVER if access.valid_from is None else int(np.ceil(access.valid_from * 1000)),
        "valid_to": _EVER if access.valid_to is None else int(np.ceil(access.valid_to * 1000)),
    }
    if access.product is not None:
        fields["product"] = access.product
    return Document.from_dict(fields, _schema)


def _within(scope: Scope, kind: Kind) -> Query:
    now = int(scope.now * 1000)
    musts = [
        Query.term_query(_schema, "kind", kind, "basic"),
        Query.term_set_query(_schema, "audience", sorted(scope.audiences)),
        _range("valid_from", -_EVER, now),
        _range("valid_to", now + 1, _EVER),
    ]
    for field, value in (("product", scope.product), ("tag", scope.tag)):
        if value is not None:
            musts.append(Query.term_query(_schema, field, value, "basic"))
    if scope.language is not None:
        musts.append(Query.term_query(_schema, "language", scope.language.split("-")[0], "basic"))
    return Query.const_score_query(Query.boolean_query([(Occur.Must, query) for query in musts]), 0.0)


def _range(field: str, low: int, high: int) -> Query:
    return Query.range_query(_schema, field, FieldType.Integer, low, high)
